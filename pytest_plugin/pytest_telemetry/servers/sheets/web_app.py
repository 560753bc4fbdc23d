"""An Apps Script web app that puts what is posted to it into the spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.messages import Refusal, Response
from pytest_telemetry.servers.sheets.cells import EMPTY, entered

if TYPE_CHECKING:
    from pytest_telemetry.servers.messages import Request
    from pytest_telemetry.servers.sheets.grid import Spreadsheet

PATH = "/macros/s/AKfycbFakeDeployment/exec"
ECHO = "/macros/echo"
_SIGN_IN = "https://accounts.google.com/ServiceLogin?passive=1209600"


class WebApp:
    """Takes one payload, or several in `{"events": […]}`, and adds a row for each.

    :ivar token: the one that is wanted; none without.
    :ivar redirects: it answers 302 to a page with the result, as Apps Script does.
    :ivar wants_sign_in: it was deployed for people with an account of Google's only.
    :ivar payloads: what was posted, in order.
    """

    def __init__(self, file: Spreadsheet) -> None:
        self.token: str | None = None
        self.redirects = False
        self.wants_sign_in = False
        self.payloads: list[dict[str, Any]] = []
        self._file = file

    def handle(self, request: Request, url: str) -> Response:
        """Answer a request to the script or to the page with its result."""
        if self.wants_sign_in:
            return Response(302, {"location": _SIGN_IN})
        if request.method == "GET":
            return Response.json({"ok": True})
        payloads = payloads_of(request)
        self._check(request)
        for payload in payloads:
            self._add(payload)
        if self.redirects:
            return Response(302, {"location": f"{url}{ECHO}?user_content_key=fake&lib=fake"})
        return Response.json({"ok": True})

    def _check(self, request: Request) -> None:
        """Refuse a wrong token; a script that reads it in the query cannot say so by a status."""
        if self.token is None:
            return
        if "token" in request.query and request.query["token"] != self.token:
            raise Refusal(200, "unauthorized")
        bearer = request.headers.get("authorization", "")
        if "token" not in request.query and bearer != f"Bearer {self.token}":
            raise Refusal(401, "unauthorized")

    def _add(self, payload: dict[str, Any]) -> None:
        """Add a row under the names of the header, to which new names are added."""
        tab = next(iter(self._file.tabs.values()))
        known = set(tab.header)
        header = [*tab.header, *(name for name in payload if name not in known)]
        tab.write(0, 0, [header])
        row = [payload.get(name, EMPTY) for name in header]
        cells = [
            entered(_plain(value), name, raw=False) for name, value in zip(header, row, strict=True)
        ]
        tab.write(max(len(tab.cells), 1), 0, [cells])
        self.payloads.append(payload)


def payloads_of(request: Request) -> list[dict[str, Any]]:
    """Return what a request brings; raises `Refusal` for anything but objects."""
    body = request.json()
    payloads = body["events"] if isinstance(body, dict) and "events" in body else [body]
    if not isinstance(payloads, list) or not all(isinstance(one, dict) for one in payloads):
        raise Refusal(400, "a payload is an object")
    return payloads


def _plain(value: Any) -> Any:
    return EMPTY if value is None else str(value) if isinstance(value, dict | list) else value
