"""What commands have in common: their options, and the configuration these lead to."""

from __future__ import annotations

import re
import sys
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from telemetry_core.cli.completing import sink_names
from telemetry_core.clock import NS_PER_SECOND, SystemClock, iso8601, parse_iso8601
from telemetry_core.errors import UnknownStatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.config import TelemetryConfig

F = TypeVar("F", bound="Callable[..., Any]")

_AGE = re.compile(r"(\d{1,9})\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DAY = _SECONDS["d"]
_MOST = 1_000_000_000

json_option: Callable[[F], F] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on stdout, and nothing else there."
)
config_option: Callable[[F], F] = click.option(
    "--config",
    "config_path",
    metavar="PATH",
    help="The configuration; else TELEMETRY_CONFIG, else the nearest telemetry.toml.",
)

yes_option: Callable[[F], F] = click.option("--yes", is_flag=True, help="Ask nothing.")


def with_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Give a command several options, in the order in which its help lists them."""
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


def dry_run_option(verb: str) -> Callable[[F], F]:
    """Take --dry-run."""
    return click.option(
        "--dry-run", is_flag=True, help=f"Say how many it would be, and {verb} nothing."
    )


def limit_option(default: int | None = None, most: int = _MOST) -> Callable[[F], F]:
    """Take --limit; without a default there is none."""
    return click.option(
        "--limit",
        type=click.IntRange(1, most),
        default=default,
        show_default=default is not None,
        metavar="N",
        help="At most so many.",
    )


def sink_option(help: str, *, required: bool = False) -> Callable[[F], F]:
    """Take --sink, completed by the sinks that are active."""
    return click.option(
        "--sink", metavar="NAME", required=required, shell_complete=sink_names, help=help
    )


def timeout_option(default: float, help: str) -> Callable[[F], F]:
    """Take --timeout in seconds."""
    return click.option(
        "--timeout",
        type=click.FloatRange(min=0, max=_DAY),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=help,
    )


def read_config(path: str | None) -> TelemetryConfig:
    """Return what a program that starts in this directory would be told; raises `ConfigError`."""
    from telemetry_core.config import load_config

    return load_config(path, search_from=".")


def confirm(question: str, *, yes: bool) -> None:
    """Ask at a terminal before something is changed; where nobody can answer, `--yes` must be given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to be asked; --yes does it without a question")
    click.confirm(question, abort=True, err=True)


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A moment: an ISO 8601 time, or an age such as `30m`, `2h`, `7d`."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the moment as ISO 8601 in UTC."""
        try:
            if age := _AGE.fullmatch(value.strip()):
                seconds = int(age[1]) * _SECONDS[age[2]]
                return iso8601(max(0, SystemClock.time_ns() - seconds * NS_PER_SECOND))
            return iso8601(parse_iso8601(value))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither an age (30m, 2h, 7d) nor an ISO 8601 time", param, ctx)


class Status(click.ParamType):  # type: ignore[type-arg]
    """A run's status or one of its aliases."""

    name = "status"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the canonical word."""
        from telemetry_core.models import normalize_status

        try:
            return normalize_status(value)
        except UnknownStatusError as error:
            self.fail(str(error), param, ctx)
