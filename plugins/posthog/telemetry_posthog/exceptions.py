"""Says an exception as PostHog makes an issue of it, and in the flat words of older dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OF_PROGRAM, OF_THREAD = "python.sys_excepthook", "python.threading_excepthook"

_MOST = 50
_ANONYMOUS = "<unknown>"  # a frame without a name would keep the event from becoming an issue


def exception_properties(
    exception: Mapping[str, Any], distinct_id: str, *, handled: bool = True
) -> dict[str, Any]:
    """Return the properties that an exception, as the core describes it, gives its event.

    :param handled: whether the program lived on.
    """
    return {
        "$exception_list": [*_items(exception, handled=handled)][:_MOST],
        "$exception_level": "error",
        "$exception_message": _text(exception.get("message")),
        "$exception_type": _text(exception.get("type")) or _ANONYMOUS,
        "$exception_stack_trace": _text(exception.get("stack_trace")),
        "$exception_person": distinct_id,
    }


def was_handled(properties: Mapping[str, Any]) -> bool:
    """Tell whether the program, or its thread, lived on, by what is said beside an exception."""
    source = properties.get("$exception_source")
    return properties.get("$exception_level") != "fatal" and source not in (OF_PROGRAM, OF_THREAD)


def is_described(exception: object) -> bool:
    """Tell whether something is an exception as the core describes it, not a caller's own word."""
    return isinstance(exception, dict) and isinstance(exception.get("type"), str)


def _items(exception: Mapping[str, Any], *, handled: bool) -> Iterator[dict[str, Any]]:
    """Give what was caught, then what had caused it, to the root; each group with its members."""
    waiting: list[tuple[Mapping[str, Any], int | None]] = [(exception, None)]
    number = 0
    while waiting:
        described, parent = waiting.pop()
        yield _item(described, _mechanism(described, number, parent, handled=handled))
        causes = [one for one in described.get("causes") or () if is_described(one)]
        waiting += [(cause, number) for cause in reversed(causes)]
        number += 1


def _item(described: Mapping[str, Any], mechanism: dict[str, Any]) -> dict[str, Any]:
    module = described.get("module")
    item = {
        "type": described["type"] or _ANONYMOUS,
        "value": _text(described.get("message")),
        "module": None if module == "builtins" else module,
        "mechanism": mechanism,
    }
    frames = [_frame(one) for one in described.get("frames") or () if isinstance(one, dict)]
    if frames:
        item["stacktrace"] = {"type": "raw", "frames": frames}
    return item


def _mechanism(
    described: Mapping[str, Any], number: int, parent: int | None, *, handled: bool
) -> dict[str, Any]:
    synthetic = described.get("synthetic") is True
    kind = "generic" if handled else "onuncaughtexception"
    known: dict[str, Any] = {"exception_id": number, "type": kind, "handled": handled}
    if parent is not None:
        source = _text(described.get("relation"))
        known = {"exception_id": number, "parent_id": parent, "type": "chained", "source": source}
    known["synthetic"] = synthetic
    if described.get("is_group") is True:
        known["is_exception_group"] = True
    if isinstance(described.get("errno"), int):
        known["meta"] = {"errno": {"number": described["errno"]}}
    return known


def _frame(described: Mapping[str, Any]) -> dict[str, Any]:
    path, module = _text(described.get("filename")), _text(described.get("module"))
    lineno = described.get("lineno")
    frame = {
        "platform": "python",
        "filename": _within_package(path, module) or _ANONYMOUS,
        "abs_path": path or _ANONYMOUS,
        "function": _text(described.get("function")) or _ANONYMOUS,
        "module": module or None,
        "lineno": lineno if isinstance(lineno, int) and lineno >= 0 else None,
        "in_app": described.get("in_app") is True,
    }
    lines = ("pre_context", "context_line", "post_context")
    return frame | {name: described[name] for name in lines if described.get(name)}


def _within_package(path: str, module: str) -> str:
    """Return a file's path from its package on, which is the same on every machine."""
    parts = path.replace("\\", "/").split("/")
    package, *below = module.split(".")
    depth = len(below) + 1 + (parts[-1] == "__init__.py")
    if len(parts) > depth and parts[-depth].removesuffix(".py") == package:
        return "/".join(parts[-depth:])
    return parts[-1]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
