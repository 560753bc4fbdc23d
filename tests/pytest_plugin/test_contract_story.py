"""The records that the contract hands over are such as come out of the spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_telemetry import Story
from pytest_telemetry.contract import out_of_reach

from telemetry_core import Kind
from telemetry_core.codec import decode, encode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["told", "sparse", "hostile"])
def test_every_record_comes_out_of_the_spool_as_it_is(kind: str) -> None:
    for record in getattr(Story(), kind)():
        line = encode(record.id, record.kind, record.seq, record.time_ns, record.body)
        read = decode(line, record.lane)
        assert (read.id, read.kind, read.body.to_dict()) == (
            record.id,
            record.kind,
            record.body.to_dict(),
        )


def test_a_story_begins_with_the_start_of_its_run_and_ends_with_its_end() -> None:
    story = Story()
    start, *events, end = story.batch(*story.told())
    assert (start.kind, end.kind) == (Kind.START_RUN, Kind.END_RUN)
    assert {record.body.run_id for record in events} == {start.body.run_id}
    assert start.seq < events[0].seq < end.seq


def test_a_folder_out_of_reach_comes_back_with_what_was_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "one").touch()
    with out_of_reach(folder), pytest.raises(OSError, match="directory"):
        (folder / "two").touch()
    assert [path.name for path in folder.iterdir()] == ["one"]


def test_a_folder_that_is_not_there_yet_is_out_of_reach_too(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    with out_of_reach(folder), pytest.raises(OSError, match="exists"):
        folder.mkdir()
    folder.mkdir()
