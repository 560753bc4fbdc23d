"""The fake of Google Sheets: which request means what, and what tests look at."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_telemetry.likeness import Likeness, holds, items, report
from pytest_telemetry.servers.fake import FakeServer
from pytest_telemetry.servers.messages import Refusal, Request, Response
from pytest_telemetry.servers.sheets import values_api, web_app
from pytest_telemetry.servers.sheets.accounts import SPREADSHEETS, Accounts
from pytest_telemetry.servers.sheets.answers import NoPage, Refused, TokenRefused, not_enabled
from pytest_telemetry.servers.sheets.grid import Spreadsheet, Tab, named
from pytest_telemetry.servers.sheets.quota import Quota
from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from telemetry_core import Clock

    Answer: TypeAlias = Callable[[Spreadsheet, str, values_api.Asked], dict[str, Any]]

_ID = "1FakeSpreadsheetOfPytestTelemetry0123456789A"
_FILE = r"/v4/spreadsheets/(?P<id>[^/:]+)"
_ROUTES = (
    ("GET", re.compile(f"{_FILE}(?P<range>)"), values_api.metadata),
    ("GET", re.compile(f"{_FILE}/values/(?P<range>[^/]+)"), values_api.get),
    ("PUT", re.compile(f"{_FILE}/values/(?P<range>[^/]+)"), values_api.update),
    ("POST", re.compile(f"{_FILE}/values/(?P<range>[^/]+):append"), values_api.append),
)


class SheetsServer(FakeServer):
    """Answers as Google Sheets does, over one spreadsheet in memory.

    :ivar spreadsheet: the file with its tabs; `spreadsheet_id` is its id.
    :ivar role: what the file is shared for with every account: "writer", "reader", or None.
    :ivar enabled: the Google Sheets API is, in the project of the accounts.
    :ivar quota: how many requests are answered in a minute.
    :ivar web_app: the script that takes payloads at `web_app_url`.
    """

    def __init__(self, clock: Clock | None = None, *tabs: str) -> None:
        super().__init__(clock)
        time = clock or SystemClock()
        self.spreadsheet = Spreadsheet(_ID, *tabs or ("Runs",))
        self.role: str | None = "writer"
        self.enabled = True
        self.quota = Quota(time)
        self.web_app = web_app.WebApp(self.spreadsheet)
        self._accounts = Accounts(time)

    # -- what it has stored

    @property
    def spreadsheet_id(self) -> str:
        """Return the id that stands in the address of the file."""
        return self.spreadsheet.id

    @property
    def tab(self) -> Tab:
        """Return the first tab; the others are in `spreadsheet.tabs`, by title."""
        return next(iter(self.spreadsheet.tabs.values()))

    @property
    def grid(self) -> list[list[Any]]:
        """Return all cells of the first tab, row by row, without the empty ones at the ends."""
        return [list(row) for row in self.tab.cells]

    @property
    def header(self) -> list[Any]:
        """Return the first row of the first tab."""
        return self.tab.header

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows below the header by its names; what is empty is an empty text."""
        return self.tab.rows

    def assert_row(self, **values: Any) -> dict[str, Any]:
        """Return the latest row with these values; fail, showing the nearest, when there is none."""
        __tracebackhide__ = True
        if unknown := [name for name in values if name not in self.header]:
            known = ", ".join(map(str, self.header)) or "empty"
            raise AssertionError(f"no column is named {', '.join(unknown)}; the header is {known}")
        rows = self.rows
        if found := [row for row in rows if holds(row, values)]:
            return found[-1]
        likenesses = [
            Likeness.of(f"row {number}", row, values) for number, row in enumerate(rows, 2)
        ]
        raise AssertionError(report(f"with {items(values)}", "row", likenesses))

    # -- who may use it

    def service_account(self, path: Path | str) -> Path:
        """Write the key file of a new account, which gets its tokens here; return the path."""
        file = Path(path)
        file.write_text(json.dumps(self._accounts.create(self.url), indent=2), encoding="utf-8")
        file.chmod(0o600)
        return file

    def access_token(self, *scopes: str) -> str:
        """Return a token as an account gets it, without a key; to write unless scopes are named."""
        return self._accounts.give("somebody@example.com", *scopes or (SPREADSHEETS,))

    @property
    def web_app_url(self) -> str:
        """Return where the script takes payloads."""
        return f"{self.url}{web_app.PATH}"

    # -- what else can be wrong with a set-up

    def revoke_keys(self) -> None:
        """Delete the keys of all accounts; tokens that they got are good until their hour is over."""
        self._accounts.revoke_keys()

    def expire_tokens(self) -> None:
        """End all tokens before their hour is over."""
        self._accounts.expire_tokens()

    def unshare(self) -> None:
        """Share the file with nobody any more."""
        self.role = None

    def add_tab(self, title: str) -> Tab:
        """Add an empty tab behind the others."""
        return self.spreadsheet.add(title)

    def remove_tab(self, title: str) -> None:
        """Take a tab away; what is asked of it is a range that cannot be parsed."""
        self.spreadsheet.remove(title)

    # -- the protocol

    def handle(self, request: Request) -> Response:
        """Answer a request of any kind."""
        path = urlsplit(request.target).path
        if _is_of_web_app(request):
            return self.web_app.handle(request, self._origin(request))
        match request.method, path:
            case "POST", "/token":
                form = dict(parse_qsl(request.content().decode("utf-8", "replace")))
                return Response.json(self._accounts.exchange(form))
            case "GET", "/service_account.json":
                return Response.json(self._accounts.create(self._origin(request)))
        return Response.json(self._values(request))

    def records(self, request: Request) -> list[Any]:
        """Return the rows that a request brings, by the names of their columns."""
        if _is_of_web_app(request):
            return list(web_app.payloads_of(request))
        if request.method not in {"POST", "PUT"}:
            return []
        _, where, _ = _routed(request)
        tab, _ = self.spreadsheet.find(where)
        rows = values_api.body_of(request).get("values", [])
        header = tab.header or (rows[0] if rows else [])
        return [named(header, row) for row in rows]

    def fault_answer(self, refusal: Refusal, request: Request) -> Response:
        """Return a refusal in Google's words; the web app is a script of ours."""
        if _is_of_web_app(request):
            return refusal.response
        of_tokens = urlsplit(request.target).path == "/token"
        why, status = str(refusal), refusal.response.status
        words = TokenRefused("internal_failure", why, status) if of_tokens else Refused(status, why)
        return refusal.saying(words.response)

    def _values(self, request: Request) -> dict[str, Any]:
        """Return the answer of the values API, after its checks in their order."""
        file_id, where, answer = _routed(request)
        asked = values_api.Asked(request)
        self._admit(request, file_id)
        return answer(self.spreadsheet, where, asked)

    def _admit(self, request: Request, file_id: str) -> None:
        """Refuse who has no token, no quota left, or no access to the file."""
        writes = request.method != "GET"
        token = self._accounts.authorised(request.headers, to_write=writes)
        if not self.enabled:
            raise not_enabled()
        self.quota.count("write" if writes else "read", token.user)
        if file_id != self.spreadsheet.id:
            raise Refused(404, "Requested entity was not found.")
        if self.role is None or (writes and self.role != "writer"):
            raise Refused(403, "The caller does not have permission")

    def _origin(self, request: Request) -> str:
        """Return the address that the client knows; one served by hand has no other."""
        return self._url or f"http://{request.headers.get('host', '')}"


def _routed(request: Request) -> tuple[str, str, Answer]:
    """Return which file and range a request is about, and what answers it."""
    path = urlsplit(request.target).path
    for method, pattern, answer in _ROUTES:
        found = pattern.fullmatch(path)
        if found is not None and method == request.method:
            return unquote(found["id"]), unquote(found["range"]), answer
    raise NoPage


def _is_of_web_app(request: Request) -> bool:
    return urlsplit(request.target).path in {web_app.PATH, web_app.ECHO}
