"""Our own groups of commands: what there is under one first word."""

from __future__ import annotations

from telemetry_core.cli.lazy import BuiltIn, CommandGroup

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
            "Show every setting, its value, and who said so.",
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
            "Deliver dead letters again, each to the sink that refused it and to no other.",
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
