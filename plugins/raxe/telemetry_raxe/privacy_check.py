"""Finds what must not leave the machine in an event, and names the field it stands in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry_raxe.shipper_errors import PrivacyViolationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What holds the words of people and of models, when it holds text at all.
_NAMES = frozenset(
    (
        *("body", "content", "data", "input", "matched_text", "message", "output"),
        *("prompt", "prompt_text", "response", "text", "user_input"),
    )
)
_NEVER = "_mssp_data"  # with whatever is in it
_HASH = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.])")
_PATTERNS = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "a key of RAXE": re.compile(r"raxe_(?:live|test|temp|nfr)_[\w-]{8,}"),
    "a social security number": re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    "a phone number": re.compile(r"(?<!\w)\+\d[\d ()-]{7,}\d"),
    "the home directory of somebody": re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\Users\\)[^/\\\s]+"),
}
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_DEEPEST = 100
_LARGEST_OCTET = 255


class Offence(NamedTuple):
    """Where something private stands, and what it is; never the thing itself."""

    field: str
    what: str


def offence_in(event: Mapping[str, Any]) -> Offence | None:
    """Return the first private thing in the payload of an event, if there is one."""
    return next(_offences(event.get("payload"), "payload", "", 0), None)


def refuse_private(event: Mapping[str, Any]) -> None:
    """Raise `PrivacyViolationError`, which names the field, for an event that must not be sent."""
    found = offence_in(event)
    if found is not None:
        raise PrivacyViolationError(
            f"{found.field} holds {found.what}; send a hash of it or leave it out",
            field=found.field,
            code="privacy",
        )


def _offences(value: object, field: str, name: str, depth: int) -> Iterator[Offence]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            inner = name if name == _NEVER else str(key)
            yield from _offences(item, f"{field}.{key}", inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for at, item in enumerate(value):
            yield from _offences(item, f"{field}[{at}]", name, depth + 1)
    elif isinstance(value, str) and value and not _HASH.fullmatch(value):
        raw = name == _NEVER or name.lower() in _NAMES
        what = "text that is not to be sent" if raw else _what_in(value, name)
        if what is not None:
            yield Offence(field, what)


def _what_in(text: str, name: str) -> str | None:
    for what, pattern in _PATTERNS.items():
        if pattern.search(text):
            return what
    if "version" not in name and any(map(_is_address, _ADDRESS.findall(text))):
        return "an IP address"
    if any(map(_is_card, _CARD.findall(text))):
        return "the number of a card"
    return None


def _is_address(text: str) -> bool:
    return all(int(octet) <= _LARGEST_OCTET for octet in text.split("."))


def _is_card(text: str) -> bool:
    """Tell whether digits add up as those of a card do."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
