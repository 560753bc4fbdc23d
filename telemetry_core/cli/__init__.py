"""The command line: one file per group of commands, each imported when it is called.

Other distributions build their commands from the names below, each imported at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry_core.cli.completing import sink_names as sink_names
    from telemetry_core.cli.options import Moment as Moment
    from telemetry_core.cli.options import config_option as config_option
    from telemetry_core.cli.options import confirm as confirm
    from telemetry_core.cli.options import json_option as json_option
    from telemetry_core.cli.options import read_config as read_config
    from telemetry_core.cli.options import yes_option as yes_option
    from telemetry_core.cli.progress import Progress as Progress
    from telemetry_core.cli.runs.filters import since_option as since_option
    from telemetry_core.cli.runs.store import runs_store as runs_store
    from telemetry_core.cli.screen import Screen as Screen
    from telemetry_core.cli.screen import print_json as print_json
    from telemetry_core.cli.sinks import sink_of_kind as sink_of_kind
    from telemetry_core.cli.stale import stale_options as stale_options
    from telemetry_core.cli.standing import left_alone as left_alone
    from telemetry_core.cli.standing import sink_standing as sink_standing
    from telemetry_core.cli.words import age as age
    from telemetry_core.cli.words import duration as duration
    from telemetry_core.cli.words import moment as moment
    from telemetry_core.cli.words import size as size

_HOMES = {
    "completing": "sink_names",
    "options": "Moment config_option confirm json_option read_config yes_option",
    "progress": "Progress",
    "runs.filters": "since_option",
    "runs.store": "runs_store",
    "screen": "Screen print_json",
    "sinks": "sink_of_kind",
    "stale": "stale_options",
    "standing": "left_alone sink_standing",
    "words": "age duration moment size",
}
_PUBLIC = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = ["main", *_PUBLIC]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def main() -> None:
    """Run the command that the program's arguments name; the script `telemetry`."""
    from telemetry_core.cli.app import telemetry

    telemetry(prog_name="telemetry")


if not TYPE_CHECKING:  # a checker is to find misspelt names

    def __getattr__(name: str) -> object:
        module = _PUBLIC.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{module}"), name)
