"""Reads what stands in tests/golden/sheets, as its README says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

FOLDER = Path(__file__).parent / "golden" / "sheets"


@define(frozen=True)
class Case:
    """A request or what is said of one, and what must be answered.

    :ivar tabs: the tabs of the file with their cells.
    :ivar do: method and target, for requests.
    :ivar grid: the cells of the first tab afterwards, where the case is about these.
    :ivar given: what is wrong, for set-ups and grants.
    """

    name: str
    answer: Mapping[str, Any] = field(repr=False)
    do: str = ""
    json: Any = None
    text: str | None = None
    tabs: Mapping[str, list[list[Any]]] = field(factory=lambda: {"Runs": []}, repr=False)
    grid: list[list[Any]] | None = field(default=None, repr=False)
    given: str = ""
    claims: Mapping[str, Any] = field(factory=dict)
    header: Mapping[str, Any] = field(factory=dict)
    form: Mapping[str, str] = field(factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def method(self) -> str:
        return self.do.partition(" ")[0]

    @property
    def target(self) -> str:
        return self.do.partition(" ")[2]

    @property
    def content(self) -> bytes:
        """The body of the request."""
        if self.text is not None:
            return self.text.encode()
        return b"" if self.json is None else json.dumps(_lengthened(self.json)).encode()

    def strange_in(self, answer: httpx.Response, file_id: str = "") -> list[str]:
        """Return what of an answer is not as it must be."""
        wanted = self.answer.get("json_has", self.answer.get("json"))
        headers = self.answer.get("headers", {})
        strange = [name for name, text in headers.items() if answer.headers.get(name) != text]
        if answer.status_code != self.answer["status"]:
            strange.append(f"the status {answer.status_code}")
        if not _meets(answer.json(), wanted, file_id, whole="json" in self.answer):
            strange.append(answer.text)
        return strange


def cases_of(file: str) -> list[Case]:
    """Return the cases of a file."""
    cases = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))["cases"]
    return [Case(**case) for case in cases]


def _meets(told: Any, wanted: Any, file_id: str, *, whole: bool) -> bool:
    match wanted:
        case dict():
            return (
                isinstance(told, dict)
                and (not whole or told.keys() == wanted.keys())
                and all(
                    name in told and _meets(told[name], value, file_id, whole=whole)
                    for name, value in wanted.items()
                )
            )
        case list():
            return (
                isinstance(told, list)
                and len(told) == len(wanted)
                and all(
                    _meets(one, other, file_id, whole=whole)
                    for one, other in zip(told, wanted, strict=True)
                )
            )
        case "$id":
            return bool(told == file_id)
        case "$text":
            return isinstance(told, str) and told != ""
        case str() if wanted.startswith("$begins "):
            return isinstance(told, str) and told.startswith(wanted.removeprefix("$begins "))
    return bool(told == wanted)


def _lengthened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lengthened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_lengthened(one) for one in value]
    if isinstance(value, str) and value.startswith("$long "):
        return "x" * int(value.removeprefix("$long "))
    return value
