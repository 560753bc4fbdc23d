"""What an event must have, and what is wrong with one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.shapes import Shape, WrongShapeError, anything, flag, text, whole
from pytest_telemetry.servers.times import is_rfc_3339

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from pytest_telemetry.servers.shapes import Check

    Event: TypeAlias = dict[str, Any]

_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OURS = "1."
_MOST = 2**31 - 1
_NUL = "\0"


def _text(most: int, least: int = 0, begins: str = "") -> Check:
    """Return what takes a text within limits."""

    def check(value: Any, where: str) -> None:
        text(value, where)
        if len(value) > most:
            raise WrongShapeError(f"{where} has more than {most} characters")
        if len(value) < least:
            raise WrongShapeError(f"{where} is empty")
        if not value.startswith(begins):
            raise WrongShapeError(f"{where} does not start with {begins}")

    return check


def _moment(value: Any, where: str) -> None:
    text(value, where)
    if not is_rfc_3339(value):
        raise WrongShapeError(f"{where} is no date-time with an offset")


def _uuid(value: Any, where: str) -> None:
    if not is_uuid(value):
        raise WrongShapeError(f"{where} is no UUID")


_EVENT = Shape(
    needed={
        "schema_version": _text(20),
        "event_id": _uuid,
        "timestamp": _moment,
        "service": Shape(
            needed={
                "name": _text(255, least=1),
                "version": _text(100, least=1),
                "language": _text(50),
            },
            maybe={"language_version": _text(50)},
        ),
        "user_id": _text(255, begins="client_"),
        "environment": Shape(
            needed={"os": _text(50)},
            maybe={"os_version": _text(100), "arch": _text(50), "shell": _text(50), "ci": flag},
        ),
        "event": Shape(
            needed={"type": _text(100), "data": anything}, maybe={"category": _text(50)}
        ),
        "metadata": Shape(
            needed={
                "sdk_version": _text(50),
                "transmission_timestamp": _moment,
                "batch_size": whole(0, _MOST),
                "retry_count": whole(0, _MOST),
            }
        ),
    },
    maybe={"session_id": _text(255)},
)


def problem_of(event: Any, place: str) -> tuple[str, str] | None:
    """Return the code and the words for what is wrong with an event, if anything is."""
    version = event.get("schema_version") if isinstance(event, dict) else None
    if isinstance(version, str) and not version.startswith(_OURS):
        return "unsupported_schema", f"{place}.schema_version is not supported: {version[:20]}"
    try:
        _EVENT(event, place)
    except WrongShapeError as error:
        return "invalid_schema", str(error)
    if where := next(_nuls(event, place), ""):
        return "invalid_schema", f"{where} has a NUL character"
    return None


def is_uuid(value: Any) -> bool:
    """Tell whether a value is a UUID, with hyphens or without."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _nuls(value: Any, where: str) -> Iterator[str]:
    """Give the places of texts, names included, that no database can keep."""
    if isinstance(value, str) and _NUL in value:
        yield where
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _nuls(name, where)
            yield from _nuls(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _nuls(inner, f"{where}[{place}]")
