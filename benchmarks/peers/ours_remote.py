"""Ours with one sink that posts over HTTP, a hundred at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import ours

if TYPE_CHECKING:
    from benchmarks.peers.contender import Contender

NAME = "**ours**, one remote"
REQUIREMENTS = ours.REQUIREMENTS


def begin(url: str, directory: str, _room: int | None) -> Contender:
    """Begin."""
    from benchmarks.posting import PostingSink

    return ours.captured(ours.client_in(directory, PostingSink(url)))
