"""The default client, built at its first use, and the functions that speak to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.client import FLUSH_TIMEOUT, TelemetryClient
from telemetry_core.run_context import RunTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core.delivery.report import ClientHealth, FlushReport


class _Default:
    """Holds the one client that belongs to nobody in particular."""

    def __init__(self) -> None:
        self._built: dict[str, TelemetryClient] = {}

    def get(self) -> TelemetryClient:
        """Return the client, built from the nearest configuration file at the first call.

        Without a lock, which a fork might leave locked in the child: of two threads that build
        one at the same moment, both get the one that was ready first.
        """
        client = self._built.get("default")
        if client is None:
            client = TelemetryClient.searching()
            if not client.too_early:
                client = self._built.setdefault("default", client)
        return client

    def replace(self, client: TelemetryClient | None) -> TelemetryClient | None:
        """Make a client the default one; return the one it takes the place of, still open.

        Without a client, the next call builds one from what file and environment say then.
        """
        before = self._built.pop("default", None)
        if client is not None:
            self._built["default"] = client
        return before


_DEFAULT = _Default()
get_client = _DEFAULT.get
set_client = _DEFAULT.replace


def track_run(
    agent_name: str, job_type: str, trigger_type: str | None = "cli", **fields: Any
) -> RunTracker:
    """Return a context manager and decorator around one run; see `TelemetryClient.track_run`."""
    return RunTracker(get_client, agent_name, job_type, trigger_type, **fields)


def start_run(
    agent_name: str, job_type: str, trigger_type: str | None = "cli", **fields: Any
) -> str:
    """Start a run and return its id."""
    return get_client().start_run(agent_name, job_type, trigger_type, **fields)


def log_event(
    run_id: str | None, event_type: str, payload: Mapping[str, Any] | None = None
) -> None:
    """Say that something happened in a run."""
    get_client().log_event(run_id, event_type, payload)


def end_run(run_id: str, status: str = "success", **fields: Any) -> None:
    """End a run."""
    get_client().end_run(run_id, status, **fields)


def capture(
    event: str,
    distinct_id: str | None = None,
    properties: Mapping[str, Any] | None = None,
    *,
    timestamp: str | None = None,
    context: Mapping[str, Any] | None = None,
    event_id: str | None = None,
) -> str:
    """Say that something happened, in the current run if there is one; return its id."""
    return get_client().capture(
        event, distinct_id, properties, timestamp=timestamp, context=context, event_id=event_id
    )


def capture_exception(
    exception: BaseException | None = None,
    distinct_id: str | None = None,
    properties: Mapping[str, Any] | None = None,
) -> str:
    """Say that an exception happened, the one being handled by default; return its id."""
    return get_client().capture_exception(exception, distinct_id, properties)


def associate_commit(
    run_id: str,
    commit_hash: str,
    commit_source: str,
    commit_author: str | None = None,
    commit_timestamp: str | None = None,
) -> tuple[bool, str]:
    """Tie a commit to a run, also one that has ended; say whether that was possible."""
    return get_client().associate_commit(
        run_id, commit_hash, commit_source, commit_author, commit_timestamp
    )


def get_stats() -> dict[str, Any]:
    """Return counts over the stored runs and the figures of each sink."""
    return get_client().get_stats()


def health() -> ClientHealth:
    """Say how every sink is."""
    return get_client().health()


def flush(timeout: float = FLUSH_TIMEOUT) -> FlushReport:
    """Have everything delivered that can be, and say what became of it."""
    return get_client().flush(timeout)


def close() -> None:
    """Deliver for `exit_timeout` at most and let go."""
    get_client().close()
