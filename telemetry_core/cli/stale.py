"""The options of commands that end runs which were left running, wherever these are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from telemetry_core.cli.options import Moment, with_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.cli.options import F

ENDS = ("cancelled", "failure", "partial", "success", "timeout")  # the models load too slowly here


def stale_options(which: str) -> Callable[[F], F]:
    """Take --older-than as `before`, --agent as `agent_name`, --status and --dry-run.

    :param which: what is so old about a run that is meant; the help of --older-than.
    """
    return with_options(
        click.option(
            "--older-than",
            "before",
            type=Moment(),
            default="1h",
            show_default=True,
            metavar="AGE",
            help=which,
        ),
        click.option("--agent", "agent_name", metavar="NAME", help="Only runs of this agent."),
        click.option(
            "--status",
            type=click.Choice(ENDS),
            default="cancelled",
            show_default=True,
            help="Their end.",
        ),
        click.option("--dry-run", is_flag=True, help="Only show them."),
    )
