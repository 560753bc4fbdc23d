"""Commands of other distributions: found by entry point, merged, loaded when called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

MODULE = """
import click
print("loaded {name}")

@click.command()
def command():
    '''Do what {name} does.'''
    print("{name} was called")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what puts a distribution with commands where Python finds it."""
    site = tmp_path / "site"
    inherited = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{inherited}" if inherited else str(site))

    def install(name: str, **commands: str) -> None:
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{words.replace('_', ' ')} = {target}" for words, target in commands.items()]
        (info / "entry_points.txt").write_text("[telemetry_core.cli]\n" + "\n".join(lines) + "\n")
        for target in commands.values():
            module = target.partition(":")[0]
            if module != "gone":
                (site / f"{module}.py").write_text(MODULE.format(name=module))

    return install


def words_of(shown: bytes) -> bytes:
    """Return what is shown, however wide its columns are."""
    return b" ".join(shown.split())


def test_a_command_is_called_by_its_word(shell: Any, install: Any) -> None:
    install("server", perform="server:command")
    assert shell("perform").stdout == b"loaded server\nserver was called\n"


def test_the_root_lists_commands_without_loading_them(shell: Any, install: Any) -> None:
    install("server", perform="server:command")
    done = shell("--help")
    assert b" perform (server)" in words_of(done.stdout)
    assert b"loaded" not in done.stdout


def test_commands_of_one_first_word_are_one_group(shell: Any, install: Any) -> None:
    install("one", fleet_serve="one:command")
    install("two", fleet_ping="two:command")
    assert b" fleet Commands of one and two." in words_of(shell("--help").stdout)
    listed = shell("fleet", "--help").stdout
    assert b"ping   Do what two does." in listed
    assert b"serve  Do what one does." in listed
    assert shell("fleet", "ping").stdout == b"loaded two\ntwo was called\n"


def test_the_care_of_the_database_is_a_group_that_says_what_it_is_for(
    shell: Any, install: Any
) -> None:
    install("another", db_shrink="another:command")
    assert b" db Take care of the runs database." in words_of(shell("--help").stdout)
    assert b"Take care of the runs database." in shell("db", "--help").stdout


def test_a_command_joins_a_group_of_ours(shell: Any, install: Any) -> None:
    install("exporter", runs_export="exporter:command")
    assert b" export Do what exporter does." in words_of(shell("runs", "--help").stdout)
    assert shell("runs", "export").stdout.endswith(b"exporter was called\n")


def test_a_broken_command_is_a_warning_in_the_help_and_an_error_when_called(
    shell: Any, install: Any
) -> None:
    install("server", perform="gone:command")
    assert b"broken: there is no package 'gone'" in shell("--help").stdout
    done = shell("perform")
    assert done.returncode == 1
    assert b"`telemetry perform` of server cannot be loaded: ModuleNotFoundError" in done.stderr
    assert shell("status").returncode == 0


def test_a_broken_command_does_not_hide_its_neighbours(shell: Any, install: Any) -> None:
    install("one", ingest_serve="gone:command", ingest_ping="one:command")
    listed = shell("ingest", "--help").stdout
    assert b"Do what one does." in listed
    assert b"(cannot be loaded)" in listed
    assert b"cannot be loaded: ModuleNotFoundError" in b" ".join(listed.split())
    assert listed.count(b"`telemetry ingest serve`") == 1  # is said once


def test_what_is_no_command_is_an_error(shell: Any, install: Any) -> None:
    install("server", perform="server:click")
    done = shell("perform")
    assert done.returncode == 1
    assert b"is no click command" in done.stderr


def test_two_that_offer_the_same_words_are_an_error(shell: Any, install: Any) -> None:
    install("one", perform="one:command")
    install("two", perform="two:command")
    done = shell("perform")
    assert done.returncode == 1
    assert b"offered by one and two; uninstall one of them" in done.stderr


def test_nobody_replaces_a_command_of_ours(shell: Any, install: Any) -> None:
    install("thief", status="thief:command")
    assert b"is hidden by our own command" in shell("--help").stdout
    assert b"thief" not in shell("status").stdout


def test_a_module_that_ends_the_program_ends_nothing_of_ours(
    shell: Any, install: Any, tmp_path: Path
) -> None:
    install("server", ingest_serve="server:command")
    install("leaver", ingest_leave="leaver:command")
    (tmp_path / "site" / "leaver.py").write_text("raise SystemExit(0)")
    listed = shell("ingest", "--help")
    assert listed.returncode == 0
    assert b"Do what server does." in listed.stdout
    assert b"cannot be loaded: SystemExit" in words_of(listed.stdout)
    assert shell("ingest", "leave").returncode == 1


@pytest.mark.parametrize("damage", [b"no equals sign\n", b"\xff\xfe\n"])
def test_a_distribution_with_damaged_metadata_spoils_nobody_elses(
    shell: Any, install: Any, tmp_path: Path, damage: bytes
) -> None:
    install("sound", perform="sound:command")
    install("wreck", ping="wreck:command")
    points = tmp_path / "site" / "wreck-1.0.dist-info" / "entry_points.txt"
    points.write_bytes(b"[telemetry_core.cli]\n" + damage)
    assert b"What wreck offers cannot be read" in words_of(shell("--help").stdout)
    assert shell("perform").stdout.endswith(b"sound was called\n")
    assert shell("status").returncode == 0


def test_an_entry_point_that_names_no_object_is_a_warning(
    shell: Any, install: Any, tmp_path: Path
) -> None:
    install("odd", odd="not a! value:x")
    (tmp_path / "site" / "not a! value.py").unlink()
    assert b"there is no package 'not a! value'" in words_of(shell("--help").stdout)
    assert shell("odd").returncode == 1


def test_a_command_named_like_a_group_is_said_to_be_hidden(shell: Any, install: Any) -> None:
    install("exporter", runs_export="exporter:command", runs="exporter:command")
    shown = words_of(shell("--help").stdout)
    assert b"`telemetry runs` of exporter is hidden by the commands that begin so." in shown


def test_a_broken_command_is_no_noise_while_one_types(shell: Any, install: Any) -> None:
    install("server", perform="gone:command")
    done = shell(
        COMP_WORDS="telemetry perform --", COMP_CWORD="2", _TELEMETRY_COMPLETE="bash_complete"
    )
    assert (done.returncode, done.stderr) == (0, b"")
