"""Writes what is logged, a line each, and rather loses lines than lets a request wait for a reader."""

from __future__ import annotations

import json
import logging
import os
import select
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from telemetry_core import iso8601
from telemetry_run_service.logs.log import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OTHERS = ("telemetry_core", "uvicorn", "asyncio")  # whose warnings and errors are written too

# What uvicorn says when it tears an answer that broke: access.py has logged why.
_SAID_ALREADY = frozenset({"ASGI callable returned without completing response."})

_LONGEST_TRACEBACK = 10_000
_NS = 1_000_000_000
_AT_ONCE = 4096  # bytes that fit where a pipe says it has room
_PATIENCE_MS = 100  # for a reader who has a line's beginning already
_quickly = msgspec.json.Encoder(enc_hook=str).encode
_in_ascii = json.JSONEncoder(default=str, separators=(",", ":")).encode


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII: no value can begin a line or steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record."""
        return _encoded(_fields(record))


class TextLines(logging.Formatter):
    """One line a record for people: time, level, message, and the rest as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of one record."""
        fields = _fields(record)
        head = [fields.pop(name) for name in ("timestamp", "level", "message")]
        del fields["logger"]
        told = [f"{_escaped(name)}={_encoded(value)}" for name, value in fields.items()]
        return " ".join([head[0], head[1], _escaped(head[2]), *told])


def _encoded(value: Any) -> str:
    """Return JSON in ASCII."""
    with suppress(UnicodeEncodeError, OverflowError):
        text = _quickly(value)
        if text.isascii():
            return text.decode()
    return _in_ascii(value)


def _escaped(text: str) -> str:
    return _encoded(text)[1:-1]


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    try:
        message = record.getMessage()
    except Exception:
        message = str(record.msg)
    fields = {
        "timestamp": iso8601(int(record.created * _NS)),
        "level": record.levelname,
        "logger": record.name,
        "message": message,
    }
    facts = getattr(record, "facts", {})
    fields |= {name: value for name, value in facts.items() if name not in fields}
    if record.exc_info:
        fields["traceback"] = logging.Formatter().formatException(record.exc_info)[
            -_LONGEST_TRACEBACK:
        ]
    return fields


class Lines(logging.Handler):
    """Writes a line a record. One that cannot be written keeps no request from its answer."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._write = _writer(stream)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless the request's own line has said it already."""
        if record.msg in _SAID_ALREADY:
            return
        with suppress(Exception):
            lines = [f"{self.format(record)}\n"]
            if self._lost:
                lines.insert(0, f"{self.format(_about_lost(self._lost))}\n")
            if self._write("".join(lines)):
                self._lost = 0
            else:
                self._lost += 1


def _about_lost(number: int) -> logging.LogRecord:
    said = f"{number} lines of the log were lost: nobody read them"
    return logging.LogRecord(LOGGER.name, logging.WARNING, "", 0, said, None, None)


def _writer(stream: TextIO) -> Callable[[str], bool]:
    """Return what writes a text and tells whether it was taken."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):
        descriptor = -1
    if descriptor < 0 or not hasattr(select, "poll"):

        def write(text: str) -> bool:
            stream.write(text)
            stream.flush()
            return True

        return write
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)

    def write_if_there_is_room(text: str) -> bool:
        content = text.encode()
        for start in range(0, len(content), _AT_ONCE):
            if not poll.poll(_PATIENCE_MS if start else 0):
                return False
            os.write(descriptor, content[start : start + _AT_ONCE])
        return True

    return write_if_there_is_room


@contextmanager
def written(level: str, style: str, stream: TextIO | None = None) -> Iterator[None]:
    """Write the log while the block runs: ours from a level on, others' from warnings on.

    :param style: `json` or `text`.
    """
    handler = Lines(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    levels = {LOGGER: logging.getLevelName(level)} | {
        logging.getLogger(name): max(logging.WARNING, logging.getLevelName(level))
        for name in OTHERS
    }
    before = {logger: (logger.handlers, logger.level, logger.propagate) for logger in levels}
    for logger, least in levels.items():
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(least)
    try:
        yield
    finally:
        for logger, (handlers, least, propagates) in before.items():
            logger.handlers, logger.propagate = handlers, propagates
            logger.setLevel(least)
