"""Finds the marks of events in what a client sent, however it is packed."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from base64 import urlsafe_b64decode
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MARK = re.compile(rb"mk-(\d{10})-")
_PACKED = b'"ue_px"'  # Snowplow writes an event's properties as base64


def marks(body: bytes, encoding: str = "") -> Counter[int]:
    """Return the marks of a body and how often each stands in it.

    Raises `ValueError` when nothing here can unpack it: an uncounted body is never taken for
    an empty one.
    """
    plain = inflated(body, encoding)
    if _PACKED in plain:
        plain = b"\n".join(_unpacked(json.loads(plain)))
    return Counter(int(mark) for mark in MARK.findall(plain))


def inflated(body: bytes, encoding: str) -> bytes:
    """Return a body without its content encodings, the last one first."""
    for name in reversed([name.strip().lower() for name in encoding.split(",")]):
        if name not in _INFLATE:
            raise ValueError(f"a body encoded as {name!r} cannot be read here")
        body = _INFLATE[name](body)
    return body


def _inflate_deflate(body: bytes) -> bytes:
    """Return what `deflate` means to one half of the world, and then to the other."""
    try:
        return zlib.decompress(body)
    except zlib.error:
        return zlib.decompress(body, -zlib.MAX_WBITS)


def _inflate_br(body: bytes) -> bytes:
    try:
        import brotli
    except ImportError as error:
        raise ValueError("a body encoded as 'br' can be read where brotli is installed") from error
    plain: bytes = brotli.decompress(body)
    return plain


def _unpacked(envelope: Mapping[str, Any]) -> Iterator[bytes]:
    for event in envelope["data"]:
        text = event["ue_px"]
        yield urlsafe_b64decode(text + "=" * (-len(text) % 4))


_INFLATE: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": _inflate_deflate,
    "br": _inflate_br,
}
