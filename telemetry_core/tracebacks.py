"""Turns exceptions into plain payloads: what was raised, where, and what had caused it."""

from __future__ import annotations

import linecache
import sysconfig
from pathlib import Path
from traceback import StackSummary, walk_tb
from typing import TYPE_CHECKING, Any

from telemetry_core.plain import clean_text, shortened, text_of, type_name

if TYPE_CHECKING:
    from traceback import FrameSummary
    from types import TracebackType

_MOST_FRAMES = 50
_MOST_EXCEPTIONS = 20  # of one chain, groups and their members included
_LONGEST_MESSAGE = 4_000
_LONGEST_STACK_TRACE = 32_000
_LONGEST_SUMMARY = 500
_LONGEST_LINE = 300
_LARGEST_SOURCE = 1_000_000  # bytes; a larger file is not read for the sake of one line

_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")})
_INSTALLED = ("site-packages", "dist-packages")


def exception_payload(exception: BaseException) -> dict[str, Any]:
    """Return type, module, message, stack trace and frames of an exception, and its `causes`.

    A cause is of the same form and says in `relation` how it belongs: `cause` (raise … from),
    `context` (raised while handling it) or `member` (of a group). Never raises; bounded in
    frames, in causes and in text.
    """
    try:
        return _Chain().payload(exception)
    except Exception:  # an exception that fights back, or no stack left to look at it
        return _described(exception) | {"stack_trace": "", "frames": [], "causes": []}


def error_summary(exception: BaseException) -> str:
    """Return `Type: text` in one bounded line; never raises."""
    message = " ".join(text_of(exception).split())
    name = type_name(type(exception))
    return shortened(f"{name}: {message}" if message else name, _LONGEST_SUMMARY)


class _Chain:
    """Walks what belongs to one exception, each only once."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def payload(self, exception: BaseException) -> dict[str, Any]:
        self._seen.add(id(exception))
        summaries = _summaries(exception.__traceback__)
        return _described(exception) | {
            "stack_trace": _stack_trace(exception, summaries),
            "frames": [_frame(summary, module) for summary, module in summaries],
            "causes": self._causes(exception),
        }

    def _causes(self, exception: BaseException) -> list[dict[str, Any]]:
        causes = []
        for relation, other in _related(exception):
            if id(other) in self._seen or len(self._seen) >= _MOST_EXCEPTIONS:
                continue
            causes.append({"relation": relation} | self.payload(other))
        return causes


def _related(exception: BaseException) -> list[tuple[str, BaseException]]:
    related = []
    if exception.__cause__ is not None:
        related.append(("cause", exception.__cause__))
    elif exception.__context__ is not None and not exception.__suppress_context__:
        related.append(("context", exception.__context__))
    if isinstance(exception, BaseExceptionGroup):
        related.extend(("member", member) for member in exception.exceptions)
    return related


def _described(exception: BaseException) -> dict[str, Any]:
    cls = type(exception)
    module = type.__dict__["__module__"].__get__(cls)  # a metaclass may have its own view
    return {
        "type": type_name(cls),
        "module": clean_text(module) if isinstance(module, str) else None,
        "message": shortened(text_of(exception), _LONGEST_MESSAGE),
    }


def _summaries(traceback: TracebackType | None) -> list[tuple[FrameSummary, str | None]]:
    """Return the frames from the outermost to where it was raised; of many, both ends."""
    steps = list(walk_tb(traceback))
    if len(steps) > _MOST_FRAMES:
        steps = steps[: _MOST_FRAMES // 2] + steps[-_MOST_FRAMES // 2 :]
    summaries = StackSummary.extract(iter(steps), lookup_lines=False)
    modules = [frame.f_globals.get("__name__") for frame, _ in steps]
    return [
        (summary, module if isinstance(module, str) else None)
        for summary, module in zip(summaries, modules, strict=True)
    ]


def _stack_trace(exception: BaseException, summaries: list[tuple[FrameSummary, str | None]]) -> str:
    lines = ["Traceback (most recent call last):"] if summaries else []
    for summary, _ in summaries:
        lines.append(f'  File "{summary.filename}", line {summary.lineno}, in {summary.name}')
        source = _source_line(summary)
        if source:
            lines.append(f"    {source}")
    lines.append(error_summary(exception))
    return shortened(clean_text("\n".join(lines)), _LONGEST_STACK_TRACE)


def _frame(summary: FrameSummary, module: str | None) -> dict[str, Any]:
    frame: dict[str, Any] = {
        "filename": clean_text(summary.filename),
        "function": clean_text(summary.name),
        "lineno": summary.lineno,
        "module": module,
        "in_app": _is_in_app(summary.filename),
    }
    source = _source_line(summary)
    if source:
        frame["context_line"] = clean_text(source)
    return frame


def _is_in_app(filename: str) -> bool:
    """Say whether a file is the program's own, neither Python's nor an installed library's."""
    if filename.startswith("<"):
        return False
    parts = Path(filename).parts
    return not filename.startswith(_LIBRARIES) and not any(name in parts for name in _INSTALLED)


def _source_line(summary: FrameSummary) -> str:
    """Return the line of source, when its file is at hand and not large."""
    filename = summary.filename
    if filename not in linecache.cache and not _is_worth_reading(filename):
        return ""
    return linecache.getline(filename, summary.lineno or 0).strip()[:_LONGEST_LINE]


def _is_worth_reading(filename: str) -> bool:
    try:
        return Path(filename).stat().st_size <= _LARGEST_SOURCE
    except (OSError, ValueError):
        return False
