"""One record as one line of a segment: its checksum, a space, the JSON, a line feed."""

from __future__ import annotations

import re
from zlib import crc32

HEAD = 9  # eight hex digits and a space
# Within a string of JSON a quote has a backslash before it: what a payload says is no candidate.
_PERHAPS_A_FRAME = re.compile(rb"[0-9a-f]{8} \{\"")


def frame(line: bytes) -> bytes:
    """Return the bytes that are appended for a line."""
    return b"%08x %b\n" % (crc32(line), line)


def unframe(raw: bytes) -> bytes | None:
    """Return the line within a frame (without its line feed), or nothing when it is damaged."""
    line = raw[HEAD:]
    return line if raw[:HEAD] == b"%08x " % crc32(line) else None


def salvage(raw: bytes) -> bytes | None:
    """Return the line of a whole frame that stands at the end of a damaged one.

    A write cut short leaves no line feed, so the next record lands on the same line.
    """
    for found in _PERHAPS_A_FRAME.finditer(raw, 1):
        line = unframe(raw[found.start() :])
        if line is not None:
            return line
    return None
