"""What programs left under base_dir, each thing found in one place: spool, dead letters, state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.delivery.dead_letters import DeadLetters
    from telemetry_core.delivery.spool.survey import FolderView
    from telemetry_core.delivery.state import SinkState


def spool_of(config: TelemetryConfig) -> Path:
    """Return where the folders of the spool lie."""
    from telemetry_core.delivery.spool.writer import SPOOL

    return config.base_dir / SPOOL


def folders_of(config: TelemetryConfig) -> list[FolderView]:
    """Return the folders of the spool, as far as one can look at them from outside."""
    from telemetry_core.delivery.spool.survey import survey

    return survey(spool_of(config))


def dead_letters_of(config: TelemetryConfig) -> DeadLetters:
    """Return the store of what sinks refused for good."""
    from telemetry_core.delivery.dead_letters import DeadLetters

    return DeadLetters(config.base_dir / "dead_letters.sqlite", SystemClock())


def state_of(config: TelemetryConfig, sink: str) -> SinkState:
    """Return what is remembered of a sink from process to process."""
    from telemetry_core.delivery.state import SinkState

    return SinkState(config.base_dir / "state" / f"{sink}.json", SystemClock())
