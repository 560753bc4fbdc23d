"""What a shell offers while one types, through the script that it loads."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import Kind, Lane, Record, RunEvent, SystemClock, TelemetryClient, load_config
from telemetry_core.delivery.dead_letters import DeadLetter, DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable

BASH = shutil.which("bash")
BIN = Path(sys.executable).parent


@pytest.fixture
def offers(child: Any) -> Callable[..., list[str]]:
    """Return what says which words are offered for the last one; nothing may be on stderr."""

    def offered(*words: str) -> list[str]:
        line, place = shlex.join(["telemetry", *words]), str(len(words))
        done = child(COMP_WORDS=line, COMP_CWORD=place, _TELEMETRY_COMPLETE="bash_complete")
        assert done.stderr == b""
        return [part.partition(",")[2] for part in done.stdout.decode().splitlines() if part]

    return offered


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_says_how_to_load_it(call: Any, ask: Any, name: str) -> None:
    shown = call("completion", name)
    assert shown.stderr == ""
    assert shown.stdout.startswith("# In this shell only: ")
    assert "_TELEMETRY_COMPLETE" in shown.stdout
    assert ask("completion", name)["script"] in shown.stdout


def test_a_shell_that_nobody_knows_is_exit_code_2(call: Any) -> None:
    refused = call("completion", "cmd")
    assert refused.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in refused.stderr


@pytest.mark.skipif(BASH is None, reason="there is no bash here")
def test_bash_completes_with_the_script(recorded: Any, ask: Any) -> None:
    (run,) = ask("runs", "list", "--job", "orders")["runs"]
    code = """
        source <(telemetry completion bash)
        COMP_WORDS=(telemetry runs show "$1") COMP_CWORD=3
        _telemetry_completion telemetry
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        [BASH or "", "-c", code, "bash", run["run_id"][:-4]],
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [run["run_id"]]


def test_names_of_agents_jobs_and_statuses_are_offered(offers: Any, recorded: Any) -> None:
    assert offers("runs", "list", "--agent", "cr") == ["crawler"]
    assert offers("runs", "tail", "--job", "or") == ["orders"]
    assert offers("runs", "stats", "--status", "ca") == ["cancelled"]


def test_settings_and_sinks_are_offered(offers: Any) -> None:
    assert "delivery.linger" in offers("config", "get", "delivery.l")
    assert offers("db", "check", "--sink", "sq") == ["sqlite"]


def test_dead_letters_and_folders_of_the_spool_are_offered(
    offers: Any, killed: Any, store: Path
) -> None:
    killed()
    (folder,) = (path.name for path in store.glob("spool/*/"))
    letters = DeadLetters(store / "dead_letters.sqlite", SystemClock())
    record = Record("0194", Kind.EVENT, 1, 1, Lane.STANDARD, RunEvent("0194", "x", 1))
    for sink in ("posthog", "sheets"):
        letters.add(sink, [DeadLetter(record, "413", "too large")])
    assert offers("spool", "show", folder[:3]) == [folder]
    assert offers("dlq", "show", "01") == ["0194"]


@pytest.mark.parametrize(
    "words",
    [
        ("runs", "show", "zzz"),
        ("runs", "show", "x" * 5000),
        ("runs", "show", "--config", "nowhere.toml", ""),
    ],
)
def test_where_there_is_nothing_to_offer_nothing_is_said(
    offers: Any, words: tuple[str, ...]
) -> None:
    assert offers(*words) == []


def test_behind_an_unknown_word_the_commands_before_it_are_offered_again(offers: Any) -> None:
    assert offers("runs", "nothing", "sh") == ["show"]


def test_broken_settings_and_databases_keep_silent(offers: Any, recorded: Any, store: Path) -> None:
    (store / "db" / "telemetry.sqlite").write_bytes(b"no database" * 100)
    assert offers("runs", "show", "") == []
    Path("telemetry.toml").write_text("active = [")
    assert offers("runs", "show", "") == []
    assert offers("config", "get", "") == []


def test_run_ids_are_offered_newest_first_and_not_too_many(offers: Any) -> None:
    with TelemetryClient(load_config()) as client:
        ids = [client.start_run("many", "job") for _ in range(60)]
    found = offers("runs", "show", "")
    assert len(found) == 50
    assert set(found) < set(ids)
