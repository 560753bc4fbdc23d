"""What Google's errors mean here, and what somebody can do about each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry_sheets.errors import Problem

if TYPE_CHECKING:
    from telemetry_core.sending import Answer

_LONGEST = 300


class Place(NamedTuple):
    """Whose the request was, what it was about, and which setting names the tab."""

    email: str = "the service account"
    spreadsheet_id: str = ""
    sheet: str | None = None
    setting: str = "sheet"


_ANYWHERE = Place()


def of_answer(answer: Answer, place: Place = _ANYWHERE) -> Problem:
    """Return what an answer of the API that is no success means."""
    message, reasons = _said(answer)
    said = f" (Google says: {message})" if message else ""
    match answer.status:
        case 401:
            return Problem("token_refused", f"Google does not accept the token{said}", lasts=True)
        case 403 if "SERVICE_DISABLED" in reasons:
            return Problem(
                "api_disabled", f"the Google Sheets API is not enabled{said}", lasts=True
            )
        case 403:
            words = (
                f"the spreadsheet is not shared with {place.email}; share it with that address, as"
                f" an editor{said}"
            )
            return Problem("not_shared", words, lasts=True)
        case 404:
            words = (
                f"there is no spreadsheet {place.spreadsheet_id}; its id is the long part of its"
                f" address, between /d/ and /edit{said}"
            )
            return Problem("no_spreadsheet", words, lasts=True)
        case 429:
            return Problem("quota", f"Google's quota of requests a minute is used up{said}")
        case 400:
            return _of_bad_request(message, place)
    return Problem(f"http_{answer.status}", message or f"Google answers {answer.status}")


def unanswered(error: Exception) -> Problem:
    """Return what it means that no answer came."""
    words = f"it does not answer ({type(error).__name__}: {error}); check the URL and the network"
    return Problem("network", words)


def of_token(error: object) -> Problem:
    """Return why Google gives no token, by what it said to google-auth."""
    text = shortened(getattr(error, "args", [error])[0] if not isinstance(error, str) else error)
    low = text.lower()
    if "short-lived" in low or "iat and exp" in low:
        words = f"the clock of this machine is wrong; set it (Google says: {text})"
        return Problem("clock", words)
    if "invalid_grant" in low or "private key" in low or "invalid jwt" in low:
        words = (
            "the key of the service account was revoked, or is damaged; create a new one in"
            f" Google's console and put its file in place ({text})"
        )
        return Problem("revoked_key", words, lasts=True)
    return Problem("no_token", f"Google gives no token: {text}", lasts=True)


def _of_bad_request(message: str, place: Place) -> Problem:
    if "Unable to parse range" in message:
        words = (
            f"there is no tab {place.sheet!r} in the spreadsheet; add it, or correct"
            f" `{place.setting}`"
        )
        return Problem("no_tab", words, lasts=True)
    if "number of cells" in message:
        words = f"the spreadsheet is full; begin another one (Google says: {message})"
        return Problem("full", words, lasts=True)
    return Problem("http_400", message or "Google answers 400")


def _said(answer: Answer) -> tuple[str, set[str]]:
    """Return the message of an answer, and the reasons that it names for programs."""
    try:
        error: Any = json.loads(answer.body)["error"]
        details = [one for one in error.get("details", []) if isinstance(one, dict)]
        reasons = {str(one.get("reason")) for one in details}
        return shortened(error.get("message", "")), reasons
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", set()


def shortened(text: object) -> str:
    """Return what somebody else said as one line that is not too long."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}…"
