"""Reads what stands in tests/golden/posthog, as its README says."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "golden" / "posthog"
UUID = "0190a0a0-0000-7000-8000-000000000001"


@define(frozen=True)
class Case:
    """One request, what it must be answered, and what is kept of it.

    :ivar kept: the names of the events that are kept, in their order.
    :ivar ids: their distinct ids, where the case is about these.
    :ivar properties: their properties, where it is about those.
    :ivar keys: the keys that the server knows; any without.
    """

    name: str
    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    answer: Mapping[str, Any]
    kept: list[str]
    ids: list[str] | None = None
    properties: list[dict[str, Any]] | None = None
    duplicates: int = 0
    keys: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name


@define(frozen=True)
class ExceptionCase:
    """The properties of an exception, and the issue that is made of it or why none is."""

    name: str
    properties: dict[str, Any] = field(repr=False)
    issue: dict[str, Any] | None = None
    error: str = ""

    @property
    def event(self) -> dict[str, Any]:
        """The event that has these properties."""
        return {
            "event": "$exception",
            "uuid": UUID,
            "distinct_id": "d",
            "properties": self.properties,
        }

    def __str__(self) -> str:
        return self.name


def request_cases(file: str) -> list[Case]:
    """Return the cases of a file that are requests."""
    table = _table(file)
    return [_case(one, table.get("headers", {})) for one in table["cases"]]


def exception_cases() -> list[ExceptionCase]:
    """Return the exceptions, good and bad."""
    return [ExceptionCase(**one) for one in _table("exceptions")["cases"]]


def meets(got: str, wanted: str) -> bool:
    """Tell whether a text is what a case wants it to be."""
    word, _, rest = wanted.partition(" ")
    if word == "$begins":
        return got.startswith(rest)
    return rest in got if word == "$holds" else got == wanted


def _table(file: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))
    return table


def _case(one: dict[str, Any], common: Mapping[str, str]) -> Case:
    method, _, target = one.pop("do").partition(" ")
    given = {**common, **one.pop("headers", {})}
    headers = {name: value for name, value in given.items() if value is not None}
    keys = frozenset(one.pop("keys", ()))
    return Case(
        method=method, target=target, headers=headers, content=_content(one), keys=keys, **one
    )


def _content(one: dict[str, Any]) -> bytes:
    content: bytes = one.pop("text", "").encode("utf-8", "surrogateescape")
    if "json" in one:
        content = json.dumps(_written_out(one.pop("json"))).encode()
    if one.pop("gzip", False):
        content = gzip.compress(content, 1)
    return content[: -one.pop("cut", 0) or None]


def _written_out(value: Any) -> Any:
    if isinstance(value, list):
        return [_written_out(one) for one in value]
    if isinstance(value, dict):
        return {name: _written_out(one) for name, one in value.items()}
    if isinstance(value, str) and value.startswith("$long "):
        return "x" * int(value.removeprefix("$long "))
    return value
