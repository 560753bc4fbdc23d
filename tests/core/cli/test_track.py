"""`track` records a command's run, and the command does not notice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Shell = Any

WAITS_FOR_SIGTERM = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
signal.pause()
"""
RECORDS_A_RUN = """
import telemetry_core
with telemetry_core.track_run("inner", "work"):
    pass
"""


@pytest.fixture
def only_run(ask: Callable[..., Any]) -> Callable[[], dict[str, Any]]:
    """Return what reads the one run that was recorded."""

    def read() -> dict[str, Any]:
        (run,) = ask("runs", "list")["runs"]
        return dict(run)

    return read


@pytest.mark.parametrize(
    ("script", "code", "status", "error"),
    [
        ("exit 0", 0, "success", None),
        ("exit 3", 3, "failure", "exit code 3"),
        ("exit 255", 255, "failure", "exit code 255"),
        ("kill -KILL $$", 137, "failure", "ended by SIGKILL"),
        ("kill -SEGV $$", 139, "failure", "ended by SIGSEGV"),
        ("kill -TERM $$", 143, "cancelled", "ended by SIGTERM"),
        ("kill -INT $$", 130, "cancelled", "ended by SIGINT"),
    ],
)
def test_exit_code_and_signal_become_the_status_and_are_passed_on(
    child: Any, only_run: Any, script: str, code: int, status: str, error: str | None
) -> None:
    done = child("track", "--agent", "cron", "--job", "backup", "--", "sh", "-c", script)
    run = only_run()
    assert done.returncode == code
    assert (run["status"], run["error_summary"]) == (status, error)
    assert (run["agent_name"], run["job_type"]) == ("cron", "backup")


def test_a_command_that_is_not_there_is_127(child: Any, only_run: Any) -> None:
    done = child("track", "--", "no-such-command")
    assert done.returncode == 127
    assert done.stderr == b"telemetry: there is no command 'no-such-command'\n"
    assert only_run()["error_summary"] == "there is no command 'no-such-command'"


def test_a_file_that_cannot_be_executed_is_126(child: Any, only_run: Any) -> None:
    Path("plain.txt").write_text("text")
    assert child("track", "--", "./plain.txt").returncode == 126
    assert only_run()["status"] == "failure"


def test_streams_pass_through_byte_by_byte(shell: Shell) -> None:
    content = bytes(range(256)) * 1000
    done = shell("track", "--", "sh", "-c", "cat; echo said >&2", input=content)
    assert (done.stdout, done.stderr) == (content, b"said\n")


def test_the_commands_options_are_its_own(child: Any) -> None:
    assert child("track", "echo", "--json", "--agent", "-x").stdout == b"--json --agent -x\n"


def test_what_the_command_was_told_is_not_recorded(child: Any, ask: Any, store: Path) -> None:
    child("track", "--", "echo", "hunter2")
    assert ask("runs", "list")["runs"]
    stored = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert b"echo" in stored
    assert b"hunter2" not in stored


def test_a_signal_reaches_the_command_which_has_the_last_word(only_run: Any) -> None:
    code = "from telemetry_core.cli import main; main()"
    command = [sys.executable, "-c", code, "track", "--", sys.executable, "-c", WAITS_FOR_SIGTERM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 7
    assert only_run()["status"] == "cancelled"


def test_a_program_inside_becomes_a_child_run(child: Any, ask: Any) -> None:
    assert child("track", "--", sys.executable, "-c", RECORDS_A_RUN).returncode == 0
    inner, outer = sorted(ask("runs", "list")["runs"], key=lambda run: str(run["parent_run_id"]))
    assert inner["parent_run_id"] == outer["run_id"]
    assert ask("runs", "show", outer["run_id"])["children"][0]["run_id"] == inner["run_id"]


def test_a_broken_configuration_does_not_keep_the_command_from_running(child: Any) -> None:
    Path("telemetry.toml").write_text("active = [")
    done = child("track", "--", "sh", "-c", "echo done; exit 4")
    assert (done.returncode, done.stdout) == (4, b"done\n")
    assert done.stderr.count(b"telemetry: nothing is recorded: ") == 1


def test_a_disk_that_takes_nothing_does_not_keep_the_command_from_running(child: Any) -> None:
    done = child("track", "--", "echo", "done", TELEMETRY_BASE_DIR="/dev/null/store")
    assert (done.returncode, done.stdout) == (0, b"done\n")


def test_errors_that_are_raised_in_tests_are_not_raised_at_the_command(child: Any) -> None:
    done = child(
        "track",
        "--",
        "echo",
        "done",
        TELEMETRY_BASE_DIR="/dev/null/store",
        TELEMETRY_ON_ERROR="raise",
    )
    assert (done.returncode, done.stdout) == (0, b"done\n")


def test_disabled_telemetry_leaves_the_commands_environment_alone(child: Any, store: Path) -> None:
    done = child("track", "--", "env", TELEMETRY_DISABLED="1")
    assert b"TELEMETRY_PARENT_RUN_ID" not in done.stdout
    assert not store.exists()


def test_json_goes_to_stderr_since_stdout_is_the_commands(child: Any, only_run: Any) -> None:
    done = child("track", "--json", "--", "sh", "-c", "echo out; exit 2")
    told = json.loads(done.stderr)
    assert done.stdout == b"out\n"
    assert told == {
        "run_id": only_run()["run_id"],
        "status": "failure",
        "exit_code": 2,
        "signal": None,
    }


def test_a_signal_that_was_ignored_stays_ignored(child: Any) -> None:
    script = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    inner = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c"]
    code = "from telemetry_core.cli import main; main()"
    done = subprocess.run(
        [*inner, code, "track", "--", sys.executable, "-c", script],
        capture_output=True,
        env=os.environ,
        check=False,
    )
    assert done.stdout == b"True\n"
