"""What PostHog says instead of taking events: a line of text, or JSON from the newer protocol."""

from __future__ import annotations

from pytest_telemetry.servers.messages import Refusal, Response

_MORE = "https://posthog.com/docs/api"


class Refused(Refusal):
    """Raised for what the first protocol does not take."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(status, why)
        headers = {"content-type": "text/plain; charset=utf-8"}
        self.response = Response(status, headers, why.encode("utf-8", "replace"))


class RefusedV1(Refusal):
    """Raised for what the newer protocol does not take.

    :ivar tag: what is wrong, in a word.
    """

    def __init__(self, status: int, tag: str, why: str) -> None:
        super().__init__(status, why)
        self.tag = tag
        told = {"error": tag, "error_description": why, "error_uri": _MORE}
        self.response = Response.json(told, status)
