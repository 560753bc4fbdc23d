"""Ours with its default sinks: SQLite and NDJSON, both, each event in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import ours

if TYPE_CHECKING:
    from benchmarks.peers.contender import Contender

NAME = "**ours**, default (SQLite and NDJSON)"
REQUIREMENTS = ours.REQUIREMENTS


def begin(_url: str, directory: str, _room: int | None) -> Contender:
    """Begin; what SQLite has kept is counted, NDJSON is counted by itself elsewhere."""
    client = ours.client_in(directory, active=("sqlite", "ndjson"))
    return ours.captured(client, lambda: ours.kept_by_sqlite(directory))
