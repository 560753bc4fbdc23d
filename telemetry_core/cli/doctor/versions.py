"""Which versions are installed, and whether they fit each other."""

from __future__ import annotations

import operator
import platform
import re
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING, Any

from telemetry_core import __version__
from telemetry_core.cli.doctor.reports import fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry_core.discovery import Installed
    from telemetry_core.records import Finding

_CORE = re.compile(
    r"telemetry[-_.]core(?![\w.-])(?:\s*\[[^\]]*\])?\s*\(?(?P<wanted>[^;)]*)", re.IGNORECASE
)
_CLAUSE = re.compile(r"(===?|~=|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def versions(installed: Installed) -> Iterator[Finding]:
    """Say which core, Python and plugins there are."""
    yield ok("core", f"telemetry-core {__version__} on Python {platform.python_version()}")
    offers = {offer.distribution: offer for offer in installed.available()}
    for distribution, offer in offers.items():
        wanted = _wanted(distribution)
        here = f"{distribution} {offer.version}".strip()
        if wanted is None or fits(__version__, wanted):
            yield ok(distribution, here)
        else:
            yield fail(
                distribution,
                f"{here} is made for telemetry-core {wanted}, and {__version__} is installed",
                f"pip install --upgrade telemetry-core {distribution}",
            )
    if not offers:
        yield warn(
            "plugins",
            "no plugin is installed: what is recorded goes nowhere",
            "pip install telemetry-sqlite telemetry-ndjson",
        )


def _wanted(distribution: str) -> str | None:
    """Return which versions of the core a distribution asks for, if it says so."""
    try:
        wishes = requires(distribution) or []
    except PackageNotFoundError:
        return None
    found = [match["wanted"].strip() for wish in wishes if (match := _CORE.match(wish))]
    return ",".join(filter(None, found)) or None


def fits(version: str, wanted: str) -> bool:
    """Tell whether a release is among those that a requirement allows, such as `>=1.2,<2`."""
    return all(
        _holds(_release(version), sign, _release(other), starred=bool(star))
        for sign, other, star in _CLAUSE.findall(wanted)
    )


def _holds(here: tuple[int, ...], sign: str, other: tuple[int, ...], *, starred: bool) -> bool:
    here += (0,) * (len(other) - len(here))
    if sign == "~=":
        return here >= other and here[: len(other) - 1] == other[:-1]
    if starred:
        here = here[: len(other)]
    other += (0,) * (len(here) - len(other))
    return bool(_COMPARE[sign[:2]](here, other))


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers else ()
