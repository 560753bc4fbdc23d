"""Files that are for their owner only."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from telemetry_core import make_private_file

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_private_file_is_empty_and_for_its_owner_only(tmp_path: Path) -> None:
    make_private_file(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_text("what it holds")
    path.chmod(0o644)
    make_private_file(path)
    assert path.read_text() == "what it holds"
    assert path.stat().st_mode & 0o777 == 0o644


def test_no_descriptor_of_a_new_file_is_closed_once_others_can_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new"
    there: list[bool] = []
    real = os.close

    def watched(descriptor: int) -> None:
        there.append(path.exists())
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", watched)
        make_private_file(path)
    assert there == [False]


def test_who_was_quicker_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new"
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    path.write_text("the quicker one's")
    make_private_file(path)
    assert path.read_text() == "the quicker one's"


def test_where_there_are_no_links_the_file_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    make_private_file(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
