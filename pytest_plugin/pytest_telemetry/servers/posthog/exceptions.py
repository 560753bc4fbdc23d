"""What must be in an exception for the server to make an issue of it, and which issue that is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pytest_telemetry.servers.shapes import (
    Shape,
    WrongShapeError,
    flag,
    list_of,
    one_of,
    text,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    from pytest_telemetry.servers.posthog.batch import Event

    Print: TypeAlias = tuple[Any, ...]

EXCEPTION = "$exception"
ERRORS = "$cymbal_errors"
_LONGEST_VALUE = 10_000
_LIBRARY = re.compile(r"[/\\](?:(?:dist|site)-packages|[Ll]ib[/\\]python\d+(?:\.\d+)?)[/\\]")
_OTHER_PLATFORMS = "ruby web:javascript node:javascript go php hermes java dart apple native rust custom javascript"
_PLATFORM = one_of("python", *_OTHER_PLATFORMS.split())
_PYTHON_FRAME = Shape(
    needed={"filename": text, "function": text},
    maybe={
        "abs_path": text,
        "context_line": text,
        "module": text,
        "lineno": whole(0, 2**32 - 1),
    },
    never_null={
        "in_app": flag,
        "synthetic": flag,
        "pre_context": list_of(text),
        "post_context": list_of(text),
    },
)


def _frame(value: Any, where: str) -> None:
    """Take a frame; what those of other languages hold is not looked at."""
    Shape(needed={"platform": _PLATFORM})(value, where)
    if value["platform"] == "python":
        _PYTHON_FRAME(value, where)


_STACKTRACE = Shape(needed={"type": one_of("raw"), "frames": list_of(_frame)})
_MECHANISM = Shape(maybe={"handled": flag, "type": text, "source": text, "synthetic": flag})
_ITEM = Shape(
    needed={"type": text},
    maybe={
        "id": text,
        "mechanism": _MECHANISM,
        "module": text,
        "thread_id": whole(-(2**31), 2**31 - 1),
        "stacktrace": _STACKTRACE,
    },
    never_null={"value": text},
)
_PROPERTIES = Shape(
    needed={"$exception_list": list_of(_ITEM)},
    maybe={
        "$exception_fingerprint": text,
        "$issue_name": text,
        "$issue_description": text,
        "$exception_handled": flag,
    },
)


def judged(event: Event) -> Event:
    """Return an event as it is kept: an exception of which no issue can be made says why."""
    if event["event"] != EXCEPTION or not (why := _why_no_issue(event)):
        return event
    properties = event["properties"]
    earlier = properties.get(ERRORS)
    errors = [*(earlier if isinstance(earlier, list) else ()), why]
    return {**event, "properties": {**properties, ERRORS: errors}}


def _why_no_issue(event: Event) -> str:
    try:
        _PROPERTIES(event["properties"], "")
    except WrongShapeError as error:
        return f"Invalid properties on event {event['uuid']}, serde error: {error}"
    if not event["properties"]["$exception_list"]:
        return f"Empty exception list on event {event['uuid']}"
    return ""


@define
class Issue:
    """What the server groups: exceptions of one type from one place.

    :ivar events: all of them, in the order in which they came.
    """

    name: str
    description: str
    type: str
    value: str
    handled: bool
    events: list[Event] = field(factory=list, repr=False)


def issues_of(events: Iterable[Event]) -> list[Issue]:
    """Return the issues that events make, in the order in which they began."""
    issues: dict[Print, Issue] = {}
    for event in events:
        properties = event["properties"]
        if event["event"] == EXCEPTION and ERRORS not in properties:
            issues.setdefault(_fingerprint(properties), _issue(properties)).events.append(event)
    return list(issues.values())


def _issue(properties: Mapping[str, Any]) -> Issue:
    first = properties["$exception_list"][0]
    value = first.get("value", "")[:_LONGEST_VALUE]
    handled = properties.get("$exception_handled")
    if handled is None:
        handled = bool((first.get("mechanism") or {}).get("handled"))
    return Issue(
        properties.get("$issue_name") or first["type"],
        properties.get("$issue_description") or value,
        first["type"],
        value,
        handled,
    )


def _fingerprint(properties: Mapping[str, Any]) -> Print:
    given = properties.get("$exception_fingerprint")
    if given is not None:
        return (given,)
    return tuple(_print_of(item) for item in properties["$exception_list"])


def _print_of(item: Mapping[str, Any]) -> Print:
    """Return the type and the places in the program; without a stack the type and the message."""
    if not item.get("stacktrace"):
        return (item["type"], item.get("value", ""))
    frames = item["stacktrace"]["frames"]
    ours = [frame for frame in frames if _is_ours(frame)] or frames[:1]
    return (item["type"], *((f.get("filename"), f.get("module"), f.get("function")) for f in ours))


def _is_ours(frame: Mapping[str, Any]) -> bool:
    """Tell whether a frame is of the program itself, also against its word when it is of a library."""
    path = frame.get("abs_path") or frame.get("filename") or ""
    return frame.get("in_app", True) and not _LIBRARY.search(path)
