"""Whatever bytes a segment holds: a reader goes through, and gives what is whole in it, once."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry_core.codec import encode
from telemetry_core.delivery.lock import OwnerLock
from telemetry_core.delivery.spool import reader as reader_module
from telemetry_core.delivery.spool import waiting as waiting_module
from telemetry_core.delivery.spool.adoption import open_runs
from telemetry_core.delivery.spool.folder import Folder, lock_path
from telemetry_core.delivery.spool.frame import frame
from telemetry_core.delivery.spool.outbox import SpoolOutbox
from telemetry_core.delivery.spool.owner import Owner
from telemetry_core.delivery.spool.segment import segment_name
from telemetry_core.delivery.spool.waiting import waiting
from telemetry_core.models import RunEvent
from telemetry_core.records import Kind, Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

LANE = Lane.CRITICAL
CHUNK = 256


def framed(record_id: str, text: str = "", *, repeat: bool = False) -> bytes:
    event = RunEvent(record_id, "happened", 1_000, None, {"x": text})
    return frame(encode(record_id, Kind.EVENT, 7, 1_000, event, repeat))


RECORDS = {f"r{n}": framed(f"r{n}", "é\r\n\0 0badc0de {" * (n % 5)) for n in range(12)}
RECORDS["huge"] = framed("huge", "x" * 5 * CHUNK)  # reading it takes more than one chunk
REPEAT = framed("again", repeat=True)
FROM_THE_FUTURE = frame(b'{"kind":"from the future"}')

Edit = tuple[int, int, bytes]
frames = st.sampled_from(list(RECORDS.values()))
oddities = [b"\0" * 2 * CHUNK, b"\r", b"\n", b"\n\n", b"0badc0de {", b"\xff" * 9, b" " * 9, b"{}\n"]
pieces = st.one_of(
    frames,
    frames,
    st.builds(lambda raw, end: raw[:end], frames, st.integers(0, 200)),
    st.builds(lambda raw, begin: raw[begin:], frames, st.integers(0, 200)),
    st.sampled_from([*oddities, REPEAT, FROM_THE_FUTURE]),
    st.binary(max_size=40),
)
edits = st.tuples(
    st.integers(0, 4_000),
    st.sampled_from([0, 0, 1, 1, 1, 30, 300]),
    st.sampled_from([b"", b"\n", b"\0", b"{", *RECORDS.values()]) | st.binary(max_size=2),
)


def edited(content: bytes, changes: list[Edit]) -> bytes:
    """Take bytes out and put others in: a flipped bit, a cut, a splice."""
    for place, length, new in changes:
        at = place % (len(content) + 1)
        content = content[:at] + new + content[at + length :]
    return content


def whole_in(content: bytes) -> list[str]:
    """Return the records that stand in a segment to the last byte, in order; the oracle."""
    found = {record_id: content.find(raw) for record_id, raw in RECORDS.items()}
    return sorted((i for i, at in found.items() if at >= 0), key=found.__getitem__)


def unreadable_in(content: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in content.split(b"\n")[:-1]]
    return [line for line in lines if not (whole_in(line) or line.endswith(REPEAT))]


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(reader_module, "CHUNK", CHUNK)
        patches.setattr(waiting_module, "_CHUNK", CHUNK)
        yield


@contextmanager
def dead_folder(segments: list[bytes]) -> Iterator[Folder]:
    """Give the folder of a program that is gone, as an heir opens it."""
    with TemporaryDirectory() as base:
        path = Path(base) / "spool" / "0badcafe"
        (path / "cursors").mkdir(parents=True)
        for number, content in enumerate(segments, 1):
            (path / segment_name(LANE, number)).write_bytes(content)
        folder = Folder.open(path, OwnerLock(lock_path(path)), Owner("svc", {"sink": None}))
        yield folder
        folder.close()


@given(
    st.lists(pieces, max_size=10),
    st.lists(edits, max_size=3),
    st.lists(st.integers(0, 4_000), max_size=2),
)
@example([RECORDS["r1"][:-1], RECORDS["r2"]], [], [])
@example([b"0badc0de {" * 3, RECORDS["huge"], b"torn"], [], [])
def test_a_reader_gives_what_is_whole_sets_the_rest_aside_and_counts_it(
    parts: list[bytes], changes: list[Edit], cuts: list[int]
) -> None:
    content = edited(b"".join(parts), changes)
    ends = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    segments = [content[begin:end] for begin, end in pairwise(ends)]
    whole = dict.fromkeys(record_id for segment in segments for record_id in whole_in(segment))
    with dead_folder(segments) as folder:
        looked = [found.record.id for found in waiting(folder, LANE, ("sink",))]
        outbox = SpoolOutbox("sink", lambda: (folder,), lambda: None)
        given: list[str] = []
        while records := outbox.take(3, 1 << 20):
            given += [record.id for record in records]
            outbox.settle([record.id for record in records])
        assert list(dict.fromkeys(given)) == list(dict.fromkeys(looked)) == list(whole)
        assert outbox.done == {folder}
        assert outbox.pending() == 0
        assert open_runs(folder) == []
        unreadable = [line for segment in segments for line in unreadable_in(segment)]
        assert folder.lost["sink"] == len(unreadable)
        assert len(folder.torn) == sum(not s.endswith(b"\n") for s in segments if s)
        kept = b"".join(p.read_bytes() for p in (folder.path.parents[1] / "damaged").glob("*"))
        assert all(line in kept for line in unreadable)


@given(st.lists(pieces, max_size=10))
def test_a_lane_that_grows_while_it_is_read_is_read_like_one_that_has_grown(
    parts: list[bytes],
) -> None:
    with dead_folder([b""]) as folder:
        outbox = SpoolOutbox("sink", lambda: (folder,), lambda: None)
        given: list[str] = []
        for part in parts:
            with (folder.path / segment_name(LANE, 1)).open("ab") as file:
                file.write(part)
            given += [record.id for record in outbox.take(100, 1 << 20)]
        assert list(dict.fromkeys(given)) == whole_in(b"".join(parts))
