"""Whether the user, or a test, forbids what would otherwise be recorded or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.cli.doctor.reports import ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry_core.credentials import Environment
    from telemetry_core.records import Finding


def consent(environ: Environment) -> Iterator[Finding]:
    """Say which words of the user are in force; they win over every setting."""
    said = list(_said(environ))
    yield from said or [ok("nothing", "nothing forbids to record or to send")]
    if environ.first("CI"):
        yield ok("CI", "CI is set, which changes nothing: it is recorded and sent as anywhere")


def _said(environ: Environment) -> Iterator[Finding]:
    if environ.says_yes("TELEMETRY_DISABLED"):
        what = "TELEMETRY_DISABLED is set: nothing is recorded"
        yield warn("TELEMETRY_DISABLED", what, "unset it, unless that is meant")
    if environ.says_yes("DO_NOT_TRACK"):
        yield ok("DO_NOT_TRACK", "DO_NOT_TRACK is set: nothing leaves this machine")
    mode = (environ.text("TELEMETRY_TEST_MODE") or "").lower()
    if mode == "mock":
        what = "TELEMETRY_TEST_MODE is mock: what would leave this machine goes nowhere"
        yield warn("TELEMETRY_TEST_MODE", what, "unset it outside of tests")
    elif mode:
        yield ok("TELEMETRY_TEST_MODE", f"TELEMETRY_TEST_MODE is {mode}")
