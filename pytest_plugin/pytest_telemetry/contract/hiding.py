"""Checks that the secret of a sink is shown nowhere."""

from __future__ import annotations

import base64
import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs

from pytest_telemetry.contract.author import Author, unchecked
from pytest_telemetry.contract.rules import SECRET
from telemetry_core import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_telemetry.contract.bench import Bench, Driven

SPEAKING = ("destination", "stats", "check_health")


class Hiding(Author):
    """What a sink does not show."""

    def test_its_secret_is_not_in_what_it_shows(self, bench: Bench) -> None:
        """Read its repr, its receipts, its figures and what it logs while all goes well."""
        with _logged() as lines, bench.place().sink() as sink:
            secret = self._secret_of(sink)
            if not secret:
                return
            lines.append(repr(sink.answer(bench.story.told())))
            lines.extend(_shown(sink))
        self._expect_hidden(secret, lines, "it shows")

    def test_its_secret_is_not_in_an_error(self, bench: Bench) -> None:
        """Read what it raises, returns and logs while the other end is down."""
        place = bench.place()
        with _logged() as lines, place.sink() as sink:
            secret = self._secret_of(sink)
            with self.break_destination(place.where):
                try:
                    lines.append(repr(sink.answer(bench.story.told())))
                except Exception as error:
                    lines.extend(_words_of(error))
                lines.extend(_shown(sink))
        self._expect_hidden(secret, lines, "while the other end is down it says")

    def _secret_of(self, sink: Driven) -> str:
        """Return the secret, "" when there is none; skip the check when nobody said so."""
        if self.secret is None:
            raise unchecked('state `secret = "…"`, the text make_sink uses, or "" for none')
        if not self.secret and (name := _field_with_a_secret(sink.plugin)):
            SECRET.broken(f'`secret = ""` says that there is none, but the field `{name}` is one')
        return self.secret

    def _expect_hidden(self, secret: str, lines: list[str], where: str) -> None:
        if not secret:
            return
        forms = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}
        for line in lines:
            for form in forms:
                if form in line:
                    SECRET.broken(f"{where}: {line.replace(form, '<the secret>')[:500]}")


def _shown(sink: Driven) -> list[str]:
    """Return what it says of itself, as text; what it raises is a word too."""
    methods = [getattr(sink.plugin, name) for name in SPEAKING if hasattr(sink.plugin, name)]
    return [repr(sink.plugin), str(sink.plugin), *(_said(sink, method) for method in methods)]


def _said(sink: Driven, method: Callable[[], object]) -> str:
    try:
        return repr(sink.calls.make(method))
    except Exception as error:
        return "".join(_words_of(error))


def _words_of(error: BaseException) -> list[str]:
    """Return what a log line with this error would show, its causes and arguments too."""
    return ["".join(traceback.format_exception(error)), repr(error)]


def _field_with_a_secret(sink: Any) -> str:
    if not attrs.has(type(sink)):
        return ""
    for field in attrs.fields(type(sink)):
        if isinstance(getattr(sink, field.name, None), Secret) or "Secret" in str(field.type):
            return str(field.alias)
    return ""


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Give the list of all that is logged by anybody, down to the finest level."""
    lines: list[str] = []
    handler, root = _Lines(lines), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class _Lines(logging.Handler):
    """Keeps each log line as text, its traceback included."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.NOTSET)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
