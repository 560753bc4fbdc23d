"""The lock of an open file, as the kernel keeps it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from telemetry_core import is_the_file_at, try_lock, unlock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_one_at_a_time_holds_the_lock_of_a_file(path: Path) -> None:
    with opened(path) as first, opened(path) as second:
        assert try_lock(first)
        assert not try_lock(second)
        unlock(first)
        assert try_lock(second)


def test_closing_another_descriptor_of_the_file_lets_go_of_nothing(path: Path) -> None:
    with opened(path) as first, opened(path) as second:
        assert try_lock(first)
        with opened(path):
            pass
        assert not try_lock(second)


def test_who_unlocks_does_so_for_all_that_share_the_descriptor(path: Path) -> None:
    with opened(path) as first, opened(path) as second:
        shared = os.dup(first)  # as a forked child has it
        assert try_lock(first)
        unlock(first)
        assert try_lock(second)
        os.close(shared)


def test_a_file_that_was_replaced_or_unlinked_is_not_the_one_at_its_path(path: Path) -> None:
    with opened(path) as first:
        assert is_the_file_at(first, path)
        path.unlink()
        assert not is_the_file_at(first, path)
        path.touch()
        assert not is_the_file_at(first, path)
