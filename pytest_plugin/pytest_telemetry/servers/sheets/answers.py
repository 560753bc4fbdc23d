"""What Google says when it does not do as asked, in its own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_telemetry.servers.messages import Refusal, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = "271828182845"
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_NO_PAGE = """<!DOCTYPE html>
<html lang=en>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That's an error.</ins>
  <p>The requested URL was not found on this server. <ins>That's all we know.</ins>
"""


class Refused(Refusal):
    """Raised for every answer of the API that is no success."""

    def __init__(
        self, code: int, message: str, details: Sequence[dict[str, Any]] = (), **headers: str
    ) -> None:
        super().__init__(code, message)
        error = {"code": code, "message": message, "status": _STATUSES.get(code, "UNKNOWN")}
        if details:
            error["details"] = list(details)
        self.response = Response.json({"error": error}, code, **headers)


class TokenRefused(Refusal):
    """Raised where no token is given, in the words of OAuth."""

    def __init__(self, error: str, why: str, status: int = 400) -> None:
        super().__init__(status, why)
        self.response = Response.json({"error": error, "error_description": why}, status)


class NoPage(Refusal):
    """Raised where nothing is at an address: that is told to browsers."""

    def __init__(self) -> None:
        super().__init__(404, "not found")
        headers = {"content-type": "text/html; charset=UTF-8"}
        self.response = Response(404, headers, _NO_PAGE.encode())


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    """Return the detail of an error that names its reason for programs."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "sheets.googleapis.com", **metadata},
    }


def not_enabled() -> Refused:
    """Return the refusal of a project whose owner never switched the API on."""
    page = "https://console.developers.google.com/apis/api/sheets.googleapis.com/overview"
    return Refused(
        403,
        f"Google Sheets API has not been used in project {PROJECT} before or it is disabled. "
        f"Enable it by visiting {page}?project={PROJECT} then retry.",
        [error_info("SERVICE_DISABLED", consumer=f"projects/{PROJECT}")],
    )
