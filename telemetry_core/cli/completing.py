"""What a shell may offer for an argument; it never fails, and asks nothing that takes long."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from telemetry_core.config import TelemetryConfig

    Complete = Callable[[click.Context, click.Parameter, str], list[str]]

_RUNS = 50


def quietly(offers: Callable[[click.Context, str], Iterable[str]]) -> Complete:
    """Make a completion of what gives the offers: whatever goes wrong, there are none.

    Nothing may be said either: it would stand in the middle of what one is typing.
    """

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        said = sys.stderr
        try:
            with open(os.devnull, "w", encoding="utf-8") as sys.stderr:
                return [offer for offer in offers(ctx, incomplete) if offer.startswith(incomplete)]
        except Exception:
            return []
        finally:
            sys.stderr = said

    return complete


def _config(ctx: click.Context) -> TelemetryConfig:
    from telemetry_core.config import load_config

    return load_config(ctx.params.get("config_path"), search_from=".")


def _store(ctx: click.Context) -> Any:
    from telemetry_core.cli.runs.store import runs_store

    return runs_store(_config(ctx))


def _statuses() -> Iterable[str]:
    from telemetry_core.models import CANONICAL_STATUSES

    return sorted(CANONICAL_STATUSES)


def _settings(ctx: click.Context) -> Iterable[str]:
    from telemetry_core.cli.config.in_force import Settings

    return (shown.key for shown in Settings(_config(ctx)).all())


agent_names = quietly(lambda ctx, _: _store(ctx).agent_names())
job_types = quietly(lambda ctx, _: _store(ctx).job_types())
run_ids = quietly(lambda ctx, start: _store(ctx).ids_beginning(start, limit=_RUNS))
setting_names = quietly(lambda ctx, _: _settings(ctx))
sink_names = quietly(lambda ctx, _: _config(ctx).active)
statuses = quietly(lambda _ctx, _: _statuses())
