"""A mark is found however the body is packed."""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import urlsafe_b64encode
from collections import Counter

import pytest

from benchmarks.sink_server.marks import marks
from benchmarks.story import marked

EVENTS = list(marked(3, first=7))
BODY = json.dumps(EVENTS).encode()
RAW_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED = {
    "": BODY,
    "identity": BODY,
    "gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
    "Deflate ": RAW_DEFLATE.compress(BODY) + RAW_DEFLATE.flush(),
    "deflate, gzip": gzip.compress(zlib.compress(BODY)),
}


@pytest.mark.parametrize("encoding", PACKED)
def test_marks_are_found_in_a_body_of_any_encoding(encoding: str) -> None:
    assert marks(PACKED[encoding], encoding) == Counter({7: 1, 8: 1, 9: 1})


def test_marks_are_found_between_the_lengths_and_tags_of_protobuf() -> None:
    field = b"\x0a\x1c\x0a\x04mark\x12\x12\x0a\x0emk-0000000042-\x20\x00"
    assert marks(field + field + b"\x0a\x0emk-0000000043-") == Counter({42: 2, 43: 1})


def test_marks_are_found_in_events_that_are_base64_inside_json() -> None:
    data = [{"ue_px": urlsafe_b64encode(json.dumps(event).encode()).decode()} for event in EVENTS]
    assert marks(json.dumps({"data": data}).encode()) == Counter({7: 1, 8: 1, 9: 1})


def test_a_body_that_nothing_can_unpack_is_an_error_and_not_an_empty_one() -> None:
    with pytest.raises(ValueError, match="'zstd' cannot be read"):
        marks(b"?", "zstd")


def test_every_event_of_the_story_carries_a_mark_beside_its_eight_properties() -> None:
    assert [len(event) for event in EVENTS] == [9, 9, 9]
