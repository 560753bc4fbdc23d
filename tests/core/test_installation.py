"""An installation has one random id, kept for its owner only, and a new one when it is asked for."""

from __future__ import annotations

from stat import S_IMODE
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from telemetry_core import installation_id, reset_installation_id

if TYPE_CHECKING:
    from pathlib import Path


def test_the_id_is_a_random_uuid_that_stays(tmp_path: Path) -> None:
    first = installation_id(tmp_path)
    assert UUID(first).version == 4
    assert installation_id(tmp_path) == first
    assert installation_id(tmp_path / "elsewhere") != first


def test_without_a_directory_it_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    first = installation_id()
    assert [path.read_text() for path in tmp_path.rglob("installation_id")] == [first]


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    installation_id(tmp_path / "state")
    assert S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert S_IMODE((tmp_path / "state" / "installation_id").stat().st_mode) == 0o600


def test_a_reset_forgets_the_old_one(tmp_path: Path) -> None:
    first = installation_id(tmp_path)
    second = reset_installation_id(tmp_path)
    assert second != first
    assert installation_id(tmp_path) == second


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe" * 100])
def test_what_is_no_id_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "installation_id").write_bytes(content)
    assert installation_id(tmp_path) == installation_id(tmp_path)


def test_where_nothing_can_be_kept_there_is_one_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert UUID(installation_id(tmp_path / "file"))
