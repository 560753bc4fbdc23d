"""How figures, times and payloads read to people."""

from __future__ import annotations

import json
from typing import Any

from telemetry_core.clock import NS_PER_SECOND, iso8601, parse_iso8601

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MS_PER_SECOND = 1_000
_THOUSAND = 1_000
_LONGEST_PAYLOAD = 160


def duration(milliseconds: int) -> str:
    """Return a span of time as `850 ms`, `1.2 s`, `3 min 5 s` or `2 h 10 min`."""
    if milliseconds < _MS_PER_SECOND:
        return f"{milliseconds} ms"
    seconds = milliseconds / _MS_PER_SECOND
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min"


def age(then_ns: int, now_ns: int) -> str:
    """Return how long ago a moment was: `just now`, `12 s`, `5 min`, `3 h`, `2 d`."""
    seconds = max(0, now_ns - then_ns) // NS_PER_SECOND
    if seconds < 1:
        return "just now"
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def size(number: int) -> str:
    """Return a number of bytes as `512 B`, `3.4 kB`, `12.0 MB` or `1.5 GB`."""
    amount, units = float(number), ["GB", "MB", "kB"]
    while amount >= _THOUSAND and units:
        amount /= _THOUSAND
        unit = units.pop()
    return f"{number} B" if number < _THOUSAND else f"{amount:.1f} {unit}"


def moment(text: str | None) -> str:
    """Return an ISO 8601 time to the second, in UTC; what is none stays as it is."""
    try:
        return f"{iso8601(parse_iso8601(text or ''))[:19].replace('T', ' ')}Z"
    except (ValueError, OverflowError):
        return text or ""


def flat(value: Any) -> str:
    """Return a payload on one line: `page=index, bytes=512`."""
    if not value:
        return ""
    if isinstance(value, dict):
        text = ", ".join(
            f"{key}={part if isinstance(part, str) else json.dumps(part, default=str)}"
            for key, part in value.items()
        )
    else:
        text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_PAYLOAD else f"{text[:_LONGEST_PAYLOAD]}…"
