"""The filters that the commands of `telemetry runs` take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from telemetry_core.cli.completing import agent_names, job_types, statuses
from telemetry_core.cli.options import Moment, Status, with_options

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

# Each is named as the store's filter names it, so that a command hands on what it was given.
_WHOSE = (
    click.option(
        "--agent",
        "agent_name",
        metavar="NAME",
        help="Only runs of this agent.",
        shell_complete=agent_names,
    ),
    click.option(
        "--job",
        "job_type",
        metavar="TYPE",
        help="Only runs of this job.",
        shell_complete=job_types,
    ),
    click.option(
        "--status",
        type=Status(),
        metavar="STATUS",
        help="Only runs in this status.",
        shell_complete=statuses,
    ),
)
_UNTIL = click.option(
    "--until",
    "start_time_to",
    type=Moment(),
    metavar="WHEN",
    help="Only runs that started by then.",
)


def whose_runs(command: F) -> F:
    """Take --agent, --job and --status, as `agent_name`, `job_type` and `status`."""
    return with_options(*_WHOSE)(command)


def since_option(default: str | None = None) -> Callable[[F], F]:
    """Take --since and --until, as `start_time_from` and `start_time_to`."""
    since: Callable[[F], F] = click.option(
        "--since",
        "start_time_from",
        type=Moment(),
        metavar="WHEN",
        default=default,
        show_default=default is not None,
        help="Only since an age (2h, 7d) or time.",
    )
    return with_options(since, _UNTIL)
