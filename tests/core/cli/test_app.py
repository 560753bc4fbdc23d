"""All commands begin and end alike: help without imports, exit codes, streams, errors in a line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

import telemetry_core
from telemetry_core.cli.app import telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "from telemetry_core.cli import main; main()"
HEAVY = ("attrs", "rich", "sqlite3", "cattrs", "telemetry_core.client", "telemetry_core.config")


def _commands(
    group: click.Group = telemetry, *words: str
) -> Iterator[tuple[tuple[str, ...], click.Group, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*words, name), group, command
        if isinstance(command, click.Group):
            yield from _commands(command, *words, name)


COMMANDS = list(_commands())
CALLABLE = [words for words, _, command in COMMANDS if not isinstance(command, click.Group)]


@pytest.mark.parametrize("words", CALLABLE, ids=" ".join)
def test_every_command_takes_json(call: Any, words: tuple[str, ...]) -> None:
    assert "--json" in call(*words, "--help").stdout


@pytest.mark.parametrize(("words", "group", "command"), COMMANDS, ids=lambda part: str(part)[:30])
def test_the_help_in_the_list_is_the_commands_own(
    words: tuple[str, ...], group: click.Group, command: click.Command
) -> None:
    listed = group.get_help(click.Context(group))
    assert f"{words[-1]} {command.get_short_help_str(80)}" in " ".join(listed.split())


def test_help_lists_commands_by_what_they_are_for_and_those_of_others_last(call: Any) -> None:
    lines = call("--help").stdout.splitlines()
    headings = [
        line for line in lines if line.endswith(":") and not line.startswith((" ", "Usage"))
    ]
    assert headings == [
        "Options:",
        "Begin:",
        "See that everything arrives:",
        "Set up and examine:",
        "Of other distributions:",
    ]
    assert lines[lines.index("Begin:") + 1].split()[0] == "demo"


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"import sys, atexit; atexit.register(lambda: print(set({HEAVY}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {CODE}", *arguments], capture_output=True, check=True
    )
    assert done.stdout.splitlines()[-1] == b"set()"


def test_version(call: Any) -> None:
    assert call("--version").stdout == f"telemetry, version {telemetry_core.__version__}\n"


def test_a_misspelt_command_is_guessed(call: Any) -> None:
    refused = call("flsuh")
    assert refused.exit_code == 2
    assert "did you mean 'flush'?" in refused.stderr


def test_a_command_that_others_offer_says_what_to_install(call: Any) -> None:
    refused = call("ingest", "serve")
    assert refused.exit_code == 2
    assert "try: pip install telemetry-ingest\n" in refused.stderr


def test_a_command_that_joins_a_group_of_ours_says_who_has_it(
    call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry_core.cli.extensions._found", lambda: ([], []))
    refused = call("runs", "close-stale")
    assert refused.exit_code == 2
    assert "`telemetry runs close-stale` " in refused.stderr
    assert "of telemetry-http-api" in refused.stderr


def test_a_command_that_the_installed_version_lacks_is_said_to_come_later(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "telemetry_ingest-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: telemetry-ingest\nVersion: 0.1\n")
    monkeypatch.syspath_prepend(info.parent)
    refused = call("ingest", "serve")
    assert refused.exit_code == 2
    assert "comes with a later version of telemetry-ingest; 0.1, which is" in refused.stderr
    assert "pip install" not in refused.stderr


@pytest.mark.parametrize("words", [("status",), ("flush",), ("plugins",), ("runs", "list")])
def test_a_file_that_is_no_toml_is_one_line_that_names_it(
    call: Any, words: tuple[str, ...]
) -> None:
    Path("telemetry.toml").write_text("service = 'x'\nactive = [\n")
    refused = call(*words)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert "telemetry.toml: this is not TOML" in refused.stderr


@pytest.mark.parametrize("words", [("status",), ("flush",), ("plugins",), ("runs", "list")])
def test_a_named_file_that_is_missing_is_exit_code_2(call: Any, words: tuple[str, ...]) -> None:
    refused = call(*words, "--config", "nowhere.toml")
    assert refused.exit_code == 2
    assert "nowhere.toml" in refused.stderr


def test_a_named_file_is_taken(ask: Any, tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('service = "other"')
    assert ask("status", "--config", str(file))["service"] == "other"


def test_a_reader_that_has_seen_enough_is_no_error(recorded: Any) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CODE, "runs", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_behind_stdout_is_one_line(recorded: Any) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", CODE, "status"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1


def test_ctrl_c_ends_with_130_and_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", f"print('up', flush=True); {CODE}", "init"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"up\n"
        assert process.stdout.read(len(b"What")) == b"What"
        while process.poll() is None:  # the first may come just before it begins to wait
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=2)
        assert process.returncode == 130
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("environ", "coloured"), [({"FORCE_COLOR": "1"}, True), ({"NO_COLOR": "1"}, False), ({}, False)]
)
def test_colour_is_for_terminals_that_want_it(
    shell: Any, recorded: Any, environ: dict[str, str], coloured: bool
) -> None:
    done = shell("runs", "list", **{"TERM": "xterm", **environ})
    assert (b"\x1b[" in done.stdout) is coloured


def test_a_stream_without_unicode_gets_escapes(shell: Any, recorded: Any, ask: Any) -> None:
    (run,) = ask("runs", "list", "--job", "nightly")["runs"]
    done = shell("runs", "show", run["run_id"], PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert rb"\u2192 crawler" in done.stdout


@pytest.mark.parametrize("words", [("status",), ("plugins",), ("flush",), ("runs", "list")])
def test_json_is_all_there_is_on_stdout(shell: Any, killed: Any, words: tuple[str, ...]) -> None:
    killed()
    assert json.loads(shell(*words, "--json", FORCE_COLOR="1").stdout)


def test_completion_offers_names_with_their_help(shell: Any) -> None:
    done = shell(COMP_WORDS="telemetry ru", COMP_CWORD="1", _TELEMETRY_COMPLETE="zsh_complete")
    assert done.stdout.decode().split("\n")[:3] == [
        "plain",
        "runs",
        "Look at the runs that were recorded.",
    ]


def test_a_narrow_terminal_loses_nothing(shell: Any, recorded: Any, ask: Any) -> None:
    ids = [run["run_id"] for run in ask("runs", "list")["runs"]]
    shown = shell("runs", "list", FORCE_COLOR="1", NO_COLOR="1", COLUMNS="20").stdout.decode()
    assert [line.strip() for line in shown.splitlines() if re.match(r"  \d{8}T", line)] == ids
