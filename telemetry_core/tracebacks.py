"""Turns exceptions into plain payloads: what was raised, where, and what had caused it."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from traceback import StackSummary, walk_stack, walk_tb
from typing import TYPE_CHECKING, Any

from telemetry_core.plain import clean_text, shortened, text_of, type_name
from telemetry_core.source_lines import SourceLines

if TYPE_CHECKING:
    from collections.abc import Callable
    from traceback import FrameSummary
    from types import FrameType

_MOST_FRAMES = 50
_MOST_EXCEPTIONS = 20  # of one chain, groups and their members included
_LONGEST_MESSAGE = 4_000
_LONGEST_STACK_TRACE = 32_000
_LONGEST_SUMMARY = 500

_OURS = __name__.partition(".")[0]
_HIDDEN = "__tracebackhide__"  # the name by which functions ask test tools, too, to be left out
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")})
_INSTALLED = ("site-packages", "dist-packages")


def exception_payload(
    exception: BaseException, is_secret: Callable[[str], bool] = lambda _: False
) -> dict[str, Any]:
    """Return type, module, message, stack trace and frames of an exception, and its `causes`.

    A cause is of the same form and says in `relation` how it belongs: `cause` (raise … from),
    `context` (raised while handling it) or `member` (of a group). A group says `is_group`, an
    error of the system its `errno`. One that was never raised has the frames of whoever tells of
    it, and says `synthetic`. Never raises; bounded in frames, in causes and in text.

    :param is_secret: tells whether the text that the source gives a name is not to be read.
    """
    try:
        return _Chain(is_secret).payload(exception, _steps(exception) or _callers())
    except Exception:  # an exception that fights back, or no stack left to look at it
        return _described(exception) | {"stack_trace": "", "frames": [], "causes": []}


def error_summary(exception: BaseException) -> str:
    """Return `Type: text` in one bounded line; never raises."""
    message = " ".join(text_of(exception).split())
    name = type_name(type(exception))
    return shortened(f"{name}: {message}" if message else name, _LONGEST_SUMMARY)


class _Chain:
    """Walks what belongs to one exception, each only once."""

    def __init__(self, is_secret: Callable[[str], bool]) -> None:
        self._seen: set[int] = set()
        self._source = SourceLines(is_secret)

    def payload(
        self, exception: BaseException, steps: list[tuple[FrameType, int]]
    ) -> dict[str, Any]:
        self._seen.add(id(exception))
        summaries = _summaries(steps)
        frames = [self._frame(*each) for each in reversed(summaries)]  # the last ones say most
        synthetic = {"synthetic": True} if steps and exception.__traceback__ is None else {}
        return (
            _described(exception)
            | _particulars(exception)
            | synthetic
            | {
                "stack_trace": self._stack_trace(exception, summaries),
                "frames": frames[::-1],
                "causes": self._causes(exception),
            }
        )

    def _causes(self, exception: BaseException) -> list[dict[str, Any]]:
        causes = []
        for relation, other in _related(exception):
            if id(other) in self._seen or len(self._seen) >= _MOST_EXCEPTIONS:
                continue
            causes.append({"relation": relation} | self.payload(other, _steps(other)))
        return causes

    def _stack_trace(
        self, exception: BaseException, summaries: list[tuple[FrameSummary, str | None]]
    ) -> str:
        lines = ["Traceback (most recent call last):"] if summaries else []
        for summary, _ in summaries:
            lines.append(f'  File "{summary.filename}", line {summary.lineno}, in {summary.name}')
            source = self._source.line(summary.filename, summary.lineno).strip()
            if source:
                lines.append(f"    {source}")
        lines.append(error_summary(exception))
        return shortened(clean_text("\n".join(lines)), _LONGEST_STACK_TRACE)

    def _frame(self, summary: FrameSummary, module: str | None) -> dict[str, Any]:
        frame: dict[str, Any] = {
            "filename": clean_text(summary.filename),
            "function": clean_text(summary.name),
            "lineno": summary.lineno,
            "module": module,
            "in_app": _is_in_app(summary.filename),
        }
        excerpt = self._source.excerpt(summary.filename, summary.lineno)
        if excerpt is None:
            return frame
        around = {"pre_context": excerpt.before, "post_context": excerpt.after}
        return frame | {"context_line": excerpt.line} | {k: v for k, v in around.items() if v}


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


def _particulars(exception: BaseException) -> dict[str, Any]:
    """Return what only some exceptions have."""
    told: dict[str, Any] = {}
    if isinstance(exception, BaseExceptionGroup):
        told["is_group"] = True
    if isinstance(exception, OSError) and type(exception.errno) is int:
        told["errno"] = exception.errno
    return told


def _steps(exception: BaseException) -> list[tuple[FrameType, int]]:
    """Return the frames and lines from the outermost to where an exception was raised."""
    return list(walk_tb(exception.__traceback__))


def _callers() -> list[tuple[FrameType, int]]:
    """Return the frames and lines from the outermost to the call that tells of an exception."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - there is no other way to it
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    return [] if frame is None else list(walk_stack(frame))[::-1]


def _is_ours(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__"))
    return module.partition(".")[0] == _OURS or bool(frame.f_locals.get(_HIDDEN))


def _summaries(steps: list[tuple[FrameType, int]]) -> list[tuple[FrameSummary, str | None]]:
    """Return what is told of frames, each with its module; of many, both ends."""
    if len(steps) > _MOST_FRAMES:
        steps = steps[: _MOST_FRAMES // 2] + steps[-_MOST_FRAMES // 2 :]
    summaries = StackSummary.extract(iter(steps), lookup_lines=False)
    modules = [frame.f_globals.get("__name__") for frame, _ in steps]
    return [
        (summary, module if isinstance(module, str) else None)
        for summary, module in zip(summaries, modules, strict=True)
    ]


def _is_in_app(filename: str) -> bool:
    """Say whether a file is the program's own, neither Python's nor an installed library's."""
    if filename.startswith("<"):
        return False
    parts = Path(filename).parts
    return not filename.startswith(_LIBRARIES) and not any(name in parts for name in _INSTALLED)
