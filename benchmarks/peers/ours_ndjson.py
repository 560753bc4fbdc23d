"""Ours into daily files of JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import ours

if TYPE_CHECKING:
    from benchmarks.peers.contender import Contender

NAME = "**ours**, NDJSON"
REQUIREMENTS = ours.REQUIREMENTS


def begin(_url: str, directory: str, _room: int | None) -> Contender:
    """Begin."""
    client = ours.client_in(directory, active=("ndjson",))
    return ours.captured(client, lambda: ours.kept_by_ndjson(directory))
