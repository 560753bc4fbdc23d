"""What all that is ours has in common: a client, what it captures, and what its sinks have kept."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contender import ALL_DELIVERED, Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.peers.contender import Properties
    from telemetry_core import TelemetryClient

REQUIREMENTS = ()


def client_in(
    directory: str | Path, *plugins: object, active: tuple[str, ...] = (), **settings: Any
) -> TelemetryClient:
    """Build a client that keeps all it has below a directory."""
    from telemetry_core import TelemetryClient, TelemetryConfig

    config = TelemetryConfig(base_dir=base_of(directory), active=active, **settings)
    return TelemetryClient(config, plugins=plugins)


def captured(
    client: TelemetryClient, kept: Callable[[], Iterable[bytes]] | None = None
) -> Contender:
    """Begin with a client, by events on their own; the spool has room for all."""

    def tell(properties: Properties) -> None:
        client.capture(EVENT, "user-1", properties)

    return Contender(tell, lambda: client.flush(ALL_DELIVERED), client.close, kept)


def kept_by_sqlite(directory: str) -> Iterator[bytes]:
    """Give the payloads that stand in the database."""
    import sqlite3  # here, so that it is not among what a program without it is measured with

    path = base_of(directory) / "db" / "telemetry.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        for (payload,) in connection.execute("SELECT payload_json FROM run_events"):
            yield payload.encode()


def kept_by_ndjson(directory: str) -> Iterator[bytes]:
    """Give the files of lines."""
    for path in (base_of(directory) / "raw").glob("*.ndjson"):
        yield path.read_bytes()


def base_of(directory: str | Path) -> Path:
    """Return where a client keeps its spool and its sinks their files."""
    return Path(directory, "base")
