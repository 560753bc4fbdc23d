"""Our own commands: those of one word under the headings of `telemetry --help`, and our groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.cli.lazy import BuiltIn, CommandGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

runs = CommandGroup(
    "runs",
    words=("runs",),
    help="Look at the runs that were recorded.",
    built_in={
        "list": BuiltIn("telemetry_core.cli.runs.list:list_runs", "List runs, the newest first."),
        "show": BuiltIn(
            "telemetry_core.cli.runs.show:show_run",
            "Tell one run's story: its events and its children.",
        ),
        "tail": BuiltIn(
            "telemetry_core.cli.runs.tail:tail", "Tell what happens to runs, until Ctrl-C."
        ),
        "stats": BuiltIn(
            "telemetry_core.cli.runs.stats:stats", "Count runs by status, agent, job and hour."
        ),
    },
)


config = CommandGroup(
    "config",
    words=("config",),
    help="Show the settings in force, and set one.",
    built_in={
        "show": BuiltIn(
            "telemetry_core.cli.config.show:show_settings",
            "Show every setting, its value, and who said so; or those of one table.",
        ),
        "get": BuiltIn(
            "telemetry_core.cli.config.get:get_setting", "Print the value of one setting."
        ),
        "set": BuiltIn(
            "telemetry_core.cli.config.set:set_setting",
            "Set one setting in the file; every other line stays.",
        ),
    },
)


dlq = CommandGroup(
    "dlq",
    words=("dlq",),
    help="Look at the dead letters: records that a sink refused for good.",
    built_in={
        "list": BuiltIn(
            "telemetry_core.cli.dlq.list:list_letters", "List the dead letters, the latest first."
        ),
        "show": BuiltIn(
            "telemetry_core.cli.dlq.show:show_letters", "Show the record and why it was refused."
        ),
        "retry": BuiltIn(
            "telemetry_core.cli.dlq.retry:retry",
            "Deliver dead letters again, to the sinks that refused them.",
        ),
        "clear": BuiltIn("telemetry_core.cli.dlq.clear:clear", "Delete dead letters."),
    },
)


spool = CommandGroup(
    "spool",
    words=("spool",),
    help="Look at the records that wait on the disk.",
    built_in={
        "ls": BuiltIn(
            "telemetry_core.cli.spool.ls:list_folders",
            "List the folders of the spool and what waits in each.",
        ),
        "show": BuiltIn(
            "telemetry_core.cli.spool.show:show_folder", "List the records that wait in one folder."
        ),
        "purge": BuiltIn(
            "telemetry_core.cli.spool.purge:purge", "Drop what a sink is still owed, for good."
        ),
    },
)


sections: Mapping[str, Mapping[str, BuiltIn | CommandGroup]] = {
    "Begin": {
        "demo": BuiltIn(
            "telemetry_core.cli.demo.command:demo",
            "Watch runs being recorded, killed and recovered.",
        ),
        "init": BuiltIn(
            "telemetry_core.cli.init.command:init",
            "Write a telemetry.toml in which every setting is explained.",
        ),
        "track": BuiltIn("telemetry_core.cli.track:track", "Run any command as a recorded run."),
        "runs": runs,
    },
    "See that everything arrives": {
        "status": BuiltIn("telemetry_core.cli.status:status", "Show what waits for whom, and why."),
        "flush": BuiltIn(
            "telemetry_core.cli.flush:flush",
            "Deliver what waits, also of programs that were killed.",
        ),
        "health": BuiltIn("telemetry_core.cli.health:health", "Ask every sink how it is."),
        "resume": BuiltIn(
            "telemetry_core.cli.resume:resume",
            "Try a sink again that is paused or does not answer.",
        ),
        "dlq": dlq,
        "spool": spool,
    },
    "Set up and examine": {
        "config": config,
        "plugins": BuiltIn(
            "telemetry_core.cli.plugins:plugins", "Show the sinks: installed, active, off and why."
        ),
        "doctor": BuiltIn(
            "telemetry_core.cli.doctor.command:doctor",
            "Examine the installation, and say of each finding what to do.",
        ),
        "completion": BuiltIn(
            "telemetry_core.cli.completion:completion",
            "Print the script with which a shell completes commands.",
        ),
    },
}
