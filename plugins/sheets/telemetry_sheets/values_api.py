"""The values API of one spreadsheet: reads cells and appends rows, signed in as an account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from telemetry_core import Batch, json_text
from telemetry_core.sending import http_client, is_loopback, request
from telemetry_sheets.authorising import ServiceAccount
from telemetry_sheets.errors import Problem, RefusedError
from telemetry_sheets.words import of_answer

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from telemetry_core import Clock
    from telemetry_core.sending import Answer
    from telemetry_sheets.words import Place

GOOGLE = "https://sheets.googleapis.com"
_NAME = "telemetry-sheets"
_LARGEST = 64 * 1024 * 1024  # of an answer: the ids of all the rows that a spreadsheet holds
_SUCCESS, _UNAUTHORIZED = 2, 401
_APPENDING = urlencode(
    {
        "valueInputOption": "RAW",  # text that begins with = stays text
        "insertDataOption": "INSERT_ROWS",
        "includeValuesInResponse": "false",
    }
)


class ValuesApi:
    """Calls Google for one tab of one spreadsheet, by the deadline of whoever asks.

    Raises `RefusedError` for an answer that is no success, and `httpx.TransportError` for none.
    """

    def __init__(
        self,
        account: Mapping[str, Any],
        place: Place,
        clock: Clock,
        base_url: str = GOOGLE,
        trust_store: str | os.PathLike[str] | None = None,
    ) -> None:
        self.place = place
        self._root = f"{base_url}/v4/spreadsheets/{place.spreadsheet_id}/values"
        self._clock = clock
        self._client = http_client(
            name=_NAME, trust_store=trust_store, proxies=not is_loopback(base_url), connections=1
        )
        self._account = ServiceAccount(account, self._client, clock)

    def read(self, cells: str, deadline: float) -> list[list[Any]]:
        """Return the rows of a range, such as `A:A`, without the empty cells at their ends."""
        answer = self._call("GET", self._range(cells), None, deadline)
        rows = _read(answer).get("values", [])
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise _strange(answer)
        return rows

    def append(self, rows: Sequence[Sequence[Any]], deadline: float) -> str:
        """Add rows below all others, in one request that does all of it or nothing.

        Return the range that they took.
        """
        body = json_text({"majorDimension": "ROWS", "values": rows})
        path = f"{self._range('A:A')}:append?{_APPENDING}"
        updates = _read(answer := self._call("POST", path, body, deadline)).get("updates")
        if not isinstance(updates, dict) or updates.get("updatedRows", 0) != len(rows):
            raise _strange(answer)
        if not isinstance(place := updates.get("updatedRange"), str):
            raise _strange(answer)
        return place

    def empty(self, place: str, width: int, deadline: float) -> None:
        """Empty the cells of a range of one row."""
        body = json_text({"majorDimension": "ROWS", "values": [[""] * width]})
        self._call("PUT", f"{quote(place, safe='')}?valueInputOption=RAW", body, deadline)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _range(self, cells: str) -> str:
        sheet = self.place.sheet
        if sheet is not None:
            cells = "'{}'!{}".format(sheet.replace("'", "''"), cells)
        return quote(cells, safe="")

    def _call(self, method: str, path: str, text: str | None, deadline: float) -> Answer:
        """Make a request, once more with a new token where the first had come to an end."""
        answer = self._once(method, path, text, deadline)
        if answer.status == _UNAUTHORIZED:
            self._account.forget()
            answer = self._once(method, path, text, deadline)
        if answer.status // 100 != _SUCCESS:
            raise RefusedError(of_answer(answer, self.place), answer)
        return answer

    def _once(self, method: str, path: str, text: str | None, deadline: float) -> Answer:
        return request(
            self._client,
            method,
            f"{self._root}/{path}",
            None if text is None else text.encode(),
            batch=Batch((), deadline=deadline),
            clock=self._clock,
            headers={
                "Authorization": f"Bearer {self._account.token(deadline)}",
                "Content-Type": "application/json",
            },
            largest=_LARGEST,
        )


def _read(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise _strange(answer)
    return said


def _strange(answer: Answer) -> RefusedError:
    """Return the error of a success that is not Google's: perhaps something stands in its place."""
    words = "the answer is not one of Google's; see whether a proxy stands between"
    return RefusedError(Problem("strange_answer", words), answer)
