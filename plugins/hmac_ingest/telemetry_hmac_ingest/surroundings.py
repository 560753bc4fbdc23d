"""What is said of every event: the program, its Python, the machine."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telemetry_core import Environment

NAME = "telemetry-hmac-ingest"

_UNKNOWN = "0.0.0"
_SYSTEMS = {"darwin": "macos", "win32": "windows"}
_CI = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE")
# What servers keep of each.
_LONGEST, _LONGEST_VERSION, _LONGEST_NAME = 50, 100, 255


def sender() -> str:
    """Return `telemetry-hmac-ingest/<version>`."""
    return f"{NAME}/{_version(NAME)}"


def service(name: str, stated: str | None) -> dict[str, str]:
    """Return what a program is: its version is the stated one, else that of its distribution."""
    return {
        "name": name[:_LONGEST_NAME],
        "version": (stated or _version(name))[:_LONGEST_VERSION],
        "language": "python",
        "language_version": ".".join(map(str, sys.version_info[:3])),
    }


def environment(environ: Environment, *, whole: bool) -> dict[str, Any]:
    """Return where a program runs.

    :param whole: false leaves the system's name alone, which servers want of every event.
    """
    import platform

    system = {"os": _SYSTEMS.get(sys.platform, sys.platform)}
    if not whole:
        return system
    shell = PurePath(environ.text("SHELL") or "").name
    ours = {"os_version": platform.release(), "arch": platform.machine(), "shell": shell}
    known = {name: text[:_LONGEST] for name, text in ours.items() if text}
    return {**system, **known, "ci": environ.first(*_CI) is not None}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except (PackageNotFoundError, ValueError):
        return _UNKNOWN
