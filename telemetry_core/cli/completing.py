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

_MOST = 50


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


def _folders(ctx: click.Context) -> Iterable[str]:
    from telemetry_core.cli.places import spool_of
    from telemetry_core.delivery.spool.folder import is_folder_name

    names = (path.name for path in spool_of(_config(ctx)).glob("*"))
    return sorted(name for name in names if is_folder_name(name))


def _letters(ctx: click.Context, start: str) -> Iterable[str]:
    from telemetry_core.cli.places import dead_letters_of
    from telemetry_core.delivery.dead_letters import Selection

    letters = dead_letters_of(_config(ctx)).list(Selection(beginning=start), _MOST)
    return dict.fromkeys(letter.record_id for letter in letters)  # several sinks may refuse one


agent_names = quietly(lambda ctx, _: _store(ctx).agent_names())
folder_names = quietly(lambda ctx, _: _folders(ctx))
job_types = quietly(lambda ctx, _: _store(ctx).job_types())
letter_ids = quietly(_letters)
run_ids = quietly(lambda ctx, start: _store(ctx).ids_beginning(start, limit=_MOST))
setting_names = quietly(lambda ctx, _: _settings(ctx))
sink_names = quietly(lambda ctx, _: _config(ctx).active)
statuses = quietly(lambda _ctx, _: _statuses())
