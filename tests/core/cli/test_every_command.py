"""Every command there is, alike: on terminals of any width, into pipes, as JSON, without colour."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import click
import pytest
from rich.cells import cell_len

from telemetry_core import TelemetryClient, load_config
from telemetry_core.cli.app import telemetry
from tests.core.cli.conftest import TELEMETRY
from tests.core.cli.terminal import begun, shown_by
from tests.forked import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    Words = tuple[str, ...]

HOSTILE = "evil\x1b[2J\n\x07 \u202egnirts עברית 数据库数据库 Z\u0301\u0302\u0303" + "long " * 40
MISUSE = 2
STEERING = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e]")

# What a command cannot be called without; {run} is a run that is stored, {folder} one of the spool.
ARGUMENTS: dict[Words, list[str]] = {
    ("runs", "show"): ["{run}"],
    ("runs", "tail"): ["-n", "3"],
    ("config", "get"): ["service"],
    ("config", "set"): ["service", "tested"],
    ("completion",): ["bash"],
    ("resume",): ["sqlite"],
    ("spool", "show"): ["{folder}"],
    ("spool", "purge"): ["--sink", "sqlite", "--yes"],
    ("dlq", "clear"): ["--yes"],
    ("db", "close-stale"): ["--yes"],
    ("db", "export"): ["--format", "ndjson", "-o", "rows.ndjson"],
    ("db", "migrate"): ["--yes"],
    ("db", "restore"): ["--yes"],
    ("db", "retain"): ["--older-than", "1d", "--yes"],
    ("import", "buffer"): [".", "--url", "http://127.0.0.1:1"],
    ("runs", "close-stale"): ["--url", "http://127.0.0.1:1"],
    ("serve",): ["--check"],
    ("init",): ["--yes", "--config", "another.toml"],
    ("track",): [sys.executable, "-c", "pass"],
}
SETTINGS = """service = "default"

[plugins.sheets]
api_url = "http://127.0.0.1:1/sheet"

[plugins.hmac_ingest]
endpoint = "http://127.0.0.1:1"
org_id = "org"
app_id = "app"
secret = "secret"
"""
ENDLESS = {("runs", "tail")}
FOR_ANOTHER_PROGRAM = {("completion",)}  # what a shell reads is not laid out for people


def _commands(group: click.Group, *words: str) -> Iterator[Words]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, *words, name)
        else:
            yield (*words, name)


EVERY = list(_commands(telemetry))
SHOWN = [words for words in EVERY if words not in FOR_ANOTHER_PROGRAM]
each_command = pytest.mark.parametrize("words", EVERY, ids=" ".join)
each_ending = pytest.mark.parametrize("words", [w for w in EVERY if w not in ENDLESS], ids=" ".join)
TELLING = {
    "list",
    "show",
    "stats",
    "tail",
    "ls",
    "status",
    "plugins",
    "doctor",
    "backups",
    "export",
}
each_telling = pytest.mark.parametrize(
    "words", [w for w in EVERY if w[-1] in TELLING], ids=" ".join
)
each_shown = pytest.mark.parametrize("words", SHOWN, ids=" ".join)


@pytest.fixture
def needing(store: Path, alive: Callable[[], object]) -> Callable[[Words], list[str]]:
    """Record what is hard to show, and return what gives the arguments that a command needs."""
    Path("telemetry.toml").write_text(SETTINGS)
    with TelemetryClient(load_config()) as client:
        run = client.start_run(HOSTILE, "job", input_summary=HOSTILE, items_failed=2)
        client.log_event(run, "event " + HOSTILE, {"payload": HOSTILE})
        client.end_run(run, "failure", error_summary=HOSTILE, error_details="Trace\n  " + HOSTILE)
        client.end_run(client.start_run("crawler", "nightly"))

    def arguments(words: Words) -> list[str]:
        if words == ("spool", "show"):
            alive()  # a program in whose folder something waits
        known = {"run": run, "folder": next((p.name for p in store.glob("spool/*/")), "")}
        return [*words, *(part.format_map(known) for part in ARGUMENTS.get(words, []))]

    return arguments


def on_a_terminal(columns: int, *arguments: str, endless: bool = False, **environ: str) -> str:
    """Return what a command writes to a terminal so wide; an endless one is then interrupted."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    settings = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with open(os.devnull, "rb") as nothing, TemporaryFile() as errors:
        streams = (nothing.fileno(), theirs, errors.fileno())
        child = begun(arguments, streams, {**settings, "TERM": "xterm-256color", **environ})
        os.close(theirs)
        shown = b""
        for part in shown_by(ours):
            shown += part
            if endless and shown.endswith(b"\r\n"):
                os.kill(child, signal.SIGINT)
                endless = False
        ended(child)
        errors.seek(0)
        assert b"Traceback" not in errors.read()
    return shown.decode().replace("\r\n", "\n")


def torn(shown: str, columns: int) -> list[str]:
    """Return the lines that a terminal would break within a word that had room on a line."""
    wide = [line for line in shown.splitlines() if cell_len(line) > columns]
    return [
        line
        for line in wide
        if len(line.split()) > 1 and not line.strip().startswith("telemetry ")  # is to be copied
    ]


@each_shown
def test_nothing_is_torn(needing: Callable[[Words], list[str]], words: Words) -> None:
    arguments, endless = needing(words), words in ENDLESS
    shown = on_a_terminal(20, *arguments, endless=endless, NO_COLOR="1")
    assert torn(shown, 20) == []
    assert STEERING.findall(shown) == []


@each_command
def test_help_is_not_torn(words: Words, call: Callable[..., Result]) -> None:
    shown = call(*words, "--help", env={"COLUMNS": "20"}).stdout
    assert shown.startswith("Usage: ")
    assert torn(shown, 20) == []


@each_ending
def test_a_pipe_gets_neither_colour_nor_breaks(
    needing: Callable[[Words], list[str]], call: Callable[..., Result], words: Words
) -> None:
    done = call(*needing(words), env={"COLUMNS": "20", "TERM": "xterm"})
    assert isinstance(done.exception, SystemExit | None)
    assert STEERING.findall(done.stdout) == []


@each_ending
def test_json_is_one_document_whose_ok_is_the_exit_code(
    needing: Callable[[Words], list[str]], call: Callable[..., Result], words: Words
) -> None:
    needed = needing(words)[len(words) :]
    done = call(*words, "--json", *needed, env={"FORCE_COLOR": "1"})
    assert isinstance(done.exception, SystemExit | None)
    assert done.exit_code != MISUSE
    if done.stdout:
        answer = json.loads(done.stdout)
        assert answer.get("ok", True) is (done.exit_code == 0)


@each_telling
def test_a_reader_that_has_gone_is_no_noise(
    needing: Callable[[Words], list[str]], words: Words
) -> None:
    with subprocess.Popen(
        [*TELEMETRY, *needing(words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=60)
    assert b"Traceback" not in said
    assert b"Broken pipe" not in said
