"""Ours without a sink: nobody is owed anything, so nothing is written either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import ours

if TYPE_CHECKING:
    from benchmarks.peers.contender import Contender

NAME = "**ours**, no sink, nothing kept"
REQUIREMENTS = ours.REQUIREMENTS


def begin(_url: str, directory: str, _room: int | None) -> Contender:
    """Begin."""
    return ours.captured(ours.client_in(directory))
