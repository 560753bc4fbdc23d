"""A receiver of JSON over HTTP, as webhooks and log collectors are. Runs by hand, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.fake import FakeServer
from pytest_telemetry.servers.messages import Refusal, Request, Response, read_json

if TYPE_CHECKING:
    from telemetry_core import Clock


class HttpServer(FakeServer):
    """Takes JSON on any path: a value, an array of values or lines of values, gzipped or not.

    :ivar received: the values in the order in which they came, those of an array one by one.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.received: list[Any] = []
        self._required: dict[str, str] = {}

    def require_header(self, name: str, value: str) -> None:
        """Answer 401 to every request that does not have this header."""
        self._required[name.lower()] = value

    def handle(self, request: Request) -> Response:
        """Keep the values of a POST."""
        if request.method != "POST":
            raise Refusal(405, "only POST is taken here", allow="POST")
        for name, value in self._required.items():
            if request.headers.get(name) != value:
                raise Refusal(401, f"the header {name} is not the one required")
        self.received += self.records(request)
        return Response.json({"ok": True})

    def records(self, request: Request) -> list[Any]:
        """Return the values in a body."""
        content = request.content()
        lines = [line for line in content.splitlines() if line.strip()]
        if "ndjson" not in request.headers.get("content-type", ""):
            try:
                value = read_json(content)
            except Refusal:
                if len(lines) < 2:  # noqa: PLR2004 - one line is no list of lines
                    raise
            else:
                return value if isinstance(value, list) else [value]
        if not lines:
            raise Refusal(400, "this is no JSON: the body is empty")
        return [read_json(line) for line in lines]


if __name__ == "__main__":
    from pytest_telemetry.servers.by_hand import run

    run(HttpServer())
