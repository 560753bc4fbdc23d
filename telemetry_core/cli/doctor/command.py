"""`telemetry doctor`: looks at everything that has to work, and says what to do."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import click

from telemetry_core.cli.options import config_option, json_option, timeout_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_core.cli.screen import Cell, Screen
    from telemetry_core.records import Finding

_SUBJECTS = ("versions", "consent", "configuration", "folders", "disk", "clock", "spool", "sinks")
_STYLES = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command
@click.option("--strict", is_flag=True, help="A warning fails as well; for CI.")
@click.option(
    "--only",
    type=click.Choice(_SUBJECTS),
    multiple=True,
    help="Examine this subject only; may be given several times.",
)
@timeout_option(30, "How long each sink may take; one is asked after the other.")
@config_option
@json_option
def doctor(
    strict: bool, only: tuple[str, ...], timeout: float, config_path: str | None, as_json: bool
) -> int:
    """Examine the installation, and say of each finding what to do.

    Exit code 1 when something fails, with --strict also when something is a warning.
    """
    from telemetry_core.cli.doctor.round import examine
    from telemetry_core.cli.screen import Screen, print_json

    findings = list(examine(config_path, only, timeout))
    bad = {"fail", "warn"} if strict else {"fail"}
    well = not any(finding.level in bad for finding in findings)
    if as_json:
        import attrs

        print_json({"ok": well, "findings": [attrs.asdict(finding) for finding in findings]})
    else:
        _show(Screen(), findings)
    return int(not well)


def _show(screen: Screen, findings: Sequence[Finding]) -> None:
    for subject, group in groupby(findings, key=lambda finding: finding.name.partition(".")[0]):
        screen.line((subject.capitalize(), "bold"))
        for finding in group:
            level = finding.level.value
            screen.line("  ", (f"{level:<4}", _STYLES[level]), "  ", finding.what)
            if finding.remedy:
                screen.line("        -> ", finding.remedy)
        screen.line()
    screen.line(_verdict(findings))


def _verdict(findings: Sequence[Finding]) -> Cell:
    number = Counter(finding.level.value for finding in findings)
    if number["fail"] or number["warn"]:
        told = [f"{number[level]} {level}" for level in ("fail", "warn", "ok") if number[level]]
        return ", ".join(told), _STYLES["fail" if number["fail"] else "warn"]
    return f"All is well: {number['ok']} looked at, nothing to do.", _STYLES["ok"]
