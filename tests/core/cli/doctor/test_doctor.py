"""`doctor` finds what is wrong, says what to do, and fails only for what keeps something from working."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import Finding, TelemetryClient, load_config
from telemetry_core.cli.doctor.reports import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path("telemetry.toml")
TELEMETRY = "from telemetry_core.cli import main; main()"


@pytest.fixture
def findings(call: Any) -> Callable[..., dict[str, dict[str, str]]]:
    """Return what examines and gives the findings by their names."""

    def examine(*args: str) -> dict[str, dict[str, str]]:
        told = json.loads(call("doctor", "--json", *args).stdout)
        return {finding["name"]: finding for finding in told["findings"]}

    return examine


def _level(findings: dict[str, dict[str, str]], name: str) -> str:
    return findings[name]["level"]


def test_where_all_is_well_there_is_nothing_to_do(call: Any, recorded: TelemetryClient) -> None:
    shown = call("doctor", "--strict", *_but("disk"))
    assert shown.exit_code == 0, shown.stdout
    assert "All is well" in shown.stdout
    assert "sqlite is built, with check_health, ship_batch" in shown.stdout


def _but(left_out: str) -> list[str]:
    subjects = ("versions", "consent", "configuration", "folders", "clock", "spool", "sinks")
    return [word for subject in subjects if subject != left_out for word in ("--only", subject)]


def test_it_makes_nothing_before_there_is_something(call: Any, store: Path) -> None:
    FILE.write_text("active = ['sqlite']")
    assert call("doctor").exit_code in {0, 1}  # as much as the disk has room
    assert not store.exists()
    assert [path.name for path in Path().iterdir()] == [FILE.name]


def test_a_warning_fails_under_strict_only(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_DISABLED", "1")
    assert call("doctor", "--only", "consent").exit_code == 0
    refused = call("doctor", "--only", "consent", "--strict")
    assert refused.exit_code == 1
    assert "-> unset it" in refused.stdout


# -- configuration


def test_a_configuration_that_does_not_hold_is_a_finding(call: Any, findings: Any) -> None:
    FILE.write_text("a = [\n\n")
    found = findings()
    assert _level(found, "configuration.file") == "fail"
    assert "not TOML" in found["configuration.file"]["what"]
    assert _level(found, "versions.core") == "ok"
    assert call("doctor").exit_code == 1


def test_words_that_nobody_listens_to_are_found(
    findings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    FILE.write_text(
        "active = ['sqlite']\n[plugins.ndjson]\n[plugins.gone]\n[delivery]\nlinger = 1\n"
    )
    monkeypatch.setenv("TELEMETRY_LINGR", "1")
    monkeypatch.setenv("TELEMETRY_LINGER", "1")
    monkeypatch.setenv("TELEMETRY_NDJSON_DIR", "there")
    found = findings("--only", "configuration")
    warned = {name for name, finding in found.items() if finding["level"] == "warn"}
    assert warned == {
        "configuration.TELEMETRY_LINGR",
        "configuration.plugins.ndjson",
        "configuration.plugins.gone",
    }
    assert "did you mean TELEMETRY_LINGER?" in found["configuration.TELEMETRY_LINGR"]["remedy"]
    assert f"{FILE}:5" in found["configuration.TELEMETRY_LINGER"]["what"]
    assert "neither installed nor active" in found["configuration.plugins.gone"]["what"]


def test_a_plugin_that_nobody_named_is_not_imported(
    call: Any, installed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("raise SystemExit('imported')")
    monkeypatch.setenv("TELEMETRY_ACTIVE", "sqlite")
    assert call("doctor", "--only", "configuration").exit_code == 0
    assert "shaky_sink" not in sys.modules


# -- folders and disk


def test_files_that_others_may_open_are_found(
    findings: Any, recorded: TelemetryClient, store: Path
) -> None:
    assert _level(findings("--only", "folders"), "folders.base_dir") == "ok"
    store.chmod(0o755)
    assert "chmod -R go=" in findings("--only", "folders")["folders.mode"]["remedy"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_another_user_are_found(
    findings: Any, recorded: TelemetryClient, store: Path
) -> None:
    os.chown(store / "db" / "telemetry.sqlite", 4321, -1)
    found = findings("--only", "folders")["folders.owner"]
    assert (found["level"], "telemetry.sqlite" in found["what"]) == ("warn", True)


def test_records_that_git_may_take_are_found(
    findings: Any, recorded: TelemetryClient, store: Path
) -> None:
    (store.parent / ".git").mkdir()
    assert _level(findings("--only", "folders"), "folders.gitignore") == "ok"
    (store / ".gitignore").unlink()
    assert _level(findings("--only", "folders"), "folders.gitignore") == "warn"


def test_a_place_that_cannot_be_written_fails(
    call: Any, findings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEMETRY_BASE_DIR", "/dev/null/store")
    assert _level(findings("--only", "folders"), "folders.base_dir") == "fail"
    assert call("doctor", "--only", "folders").exit_code == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give itself up")
def test_a_place_of_another_user_fails_when_it_is_really_written_to(
    findings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        monkeypatch.setenv("TELEMETRY_BASE_DIR", folder)
        monkeypatch.chdir(folder)
        os.seteuid(65534)
        try:
            found = findings("--only", "disk", "--only", "folders")
        finally:
            os.seteuid(0)
            monkeypatch.undo()
    assert found["disk.writing"]["what"] == f"{folder} takes no records: Permission denied"
    assert "of another user" in found["folders.owner"]["what"]


def test_a_disk_that_takes_nothing_fails() -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    done = subprocess.run(
        [sys.executable, "-c", TELEMETRY, "doctor", "--only", "disk"],
        preexec_fn=no_room,
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b"takes no records: File too large" in done.stdout


# -- spool


def test_what_programs_left_behind_is_found(findings: Any, killed: Any) -> None:
    killed()
    found = findings("--only", "spool")["spool.orphans"]
    assert found["what"] == "1 program ended and left 6 records"
    assert found["remedy"] == "telemetry flush"


def test_a_folder_of_a_newer_version_is_found(findings: Any, killed: Any, store: Path) -> None:
    killed()
    (owner,) = store.glob("spool/*/owner.json")
    owner.write_text(owner.read_text().replace('"format": 1', '"format": 99'))
    found = findings("--only", "spool")[f"spool.{owner.parent.name}"]
    assert (found["level"], "format 99" in found["what"]) == ("warn", True)


def test_what_was_set_aside_is_found(findings: Any, store: Path) -> None:
    (store / "db").mkdir(parents=True)
    (store / "db" / "telemetry.sqlite.corrupt-20260101T000000Z").touch()
    assert _level(findings("--only", "spool"), "spool.damaged") == "warn"


def test_dead_letters_are_found(findings: Any, store: Path) -> None:
    from telemetry_core.clock import SystemClock
    from telemetry_core.delivery.dead_letters import DeadLetter, DeadLetters
    from telemetry_core.models import RunEvent
    from telemetry_core.records import Kind, Lane, Record

    event = RunEvent("1", "x", 1)
    record = Record("1", Kind.EVENT, 1, 1, Lane.STANDARD, event)
    DeadLetters(store / "dead_letters.sqlite", SystemClock()).add(
        "posthog", [DeadLetter(record, "413", "too large")]
    )
    assert (
        "posthog will never accept"
        in findings("--only", "spool")["spool.dead_letters.posthog"]["what"]
    )


# -- sinks


PLUGINS = """
import time
from pathlib import Path
import attrs
from telemetry_core import Finding, Health, Level, Receipt, hookimpl

class Sink:
    @hookimpl
    def ship_batch(self, batch):
        return Receipt.all(batch)

class Hangs(Sink):
    @hookimpl
    def check_health(self):
        time.sleep(600)

class Ill(Sink):
    @hookimpl
    def check_health(self):
        return Health(ok=False, message="no key")

class Raises(Sink):
    @hookimpl
    def check_health(self):
        raise ZeroDivisionError("oh")
    def findings(self):
        yield Finding("schema", Level.WARN, "old", "telemetry db migrate")

class Dumb(Sink):
    @hookimpl
    def check_health(self):
        return "fine"

class Liar(Sink):
    @hookimpl
    def check_health(self):
        raise SystemExit("bye")
    def findings(self):
        yield Finding("one", "warn", "a word for a level", "")
        yield "not a finding"

class Broken(Sink):
    def __init__(self):
        raise OSError("no such port")
"""


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes plugins active that a distribution in the working directory offers."""
    Path("hospital.py").write_text(PLUGINS)
    info = Path("hospital-1.0.dist-info")
    info.mkdir()
    offers = "".join(
        f"{name} = hospital:{name.title()}\n"
        for name in ("hangs", "ill", "raises", "liar", "dumb", "broken")
    )
    (info / "entry_points.txt").write_text(f"[telemetry_core]\n{offers}")
    (info / "METADATA").write_text(
        "Name: hospital\nVersion: 1.0\nRequires-Dist: telemetry-core>=99\n"
    )
    monkeypatch.syspath_prepend(str(Path.cwd()))

    def activate(*names: str) -> None:
        monkeypatch.setenv("TELEMETRY_ACTIVE", ",".join(names))

    return activate


def test_a_sink_that_hangs_is_found_and_the_others_are_examined(
    findings: Any, plugins: Any
) -> None:
    plugins("hangs", "ill")
    found = findings("--only", "sinks", "--timeout", "3")
    assert "hangs: its health did not end within 3 s" in found["sinks.hangs.health"]["what"]
    assert found["sinks.ill.health"]["what"] == "ill: no key"
    assert {_level(found, "sinks.hangs.health"), _level(found, "sinks.ill.health")} == {"fail"}


def test_what_a_sink_finds_itself_is_told_also_when_its_health_raises(
    findings: Any, plugins: Any
) -> None:
    plugins("raises")
    found = findings("--only", "sinks")
    assert "ZeroDivisionError: oh" in found["sinks.raises.health"]["what"]
    assert found["sinks.raises.schema"]["remedy"] == "telemetry db migrate"


def test_a_plugin_that_answers_nonsense_keeps_nobody_else_from_being_examined(
    findings: Any, plugins: Any
) -> None:
    plugins("liar", "dumb", "ill")
    found = findings("--only", "sinks")
    assert "SystemExit: bye" in found["sinks.liar.health"]["what"]
    assert _level(found, "sinks.liar.one") == "warn"
    assert "'not a finding', which is no Finding" in found["sinks.liar.findings"]["what"]
    assert _level(found, "sinks.dumb.health") == "fail"
    assert "sinks.ill.health" in found


def test_a_sink_that_cannot_be_built_or_is_not_installed_fails(findings: Any, plugins: Any) -> None:
    plugins("broken", "snowplow")
    found = findings("--only", "sinks")
    assert "no such port" in found["sinks.broken.build"]["what"]
    assert "pip install telemetry-snowplow" in found["sinks.snowplow.build"]["what"]


def test_plugins_says_of_a_broken_and_of_a_missing_one_why_it_is_off(
    call: Any, plugins: Any
) -> None:
    plugins("broken", "snowplow", "sqlite")
    shown = call("plugins")
    broken, snowplow, sqlite = shown.stdout.splitlines()[1:4]
    assert shown.exit_code == 1
    assert (broken.split()[1], broken[-12:]) == ("off", "no such port")
    assert "not installed" in snowplow
    assert sqlite.split()[1] == "on"


def test_a_plugin_made_for_another_core_fails(findings: Any, plugins: Any) -> None:
    found = findings("--only", "versions")
    assert _level(found, "versions.telemetry-sqlite") == "ok"
    assert "made for telemetry-core >=99" in found["versions.hospital"]["what"]


def test_a_paused_sink_is_found(findings: Any, store: Path) -> None:
    from telemetry_core.clock import SystemClock
    from telemetry_core.delivery.state import Pause, SinkState, fingerprint
    from telemetry_core.manager import Manager

    plugin = Manager(load_config()).plugins[0]
    plugin.build()
    state = SinkState(store / "state" / "sqlite.json", SystemClock())
    key = fingerprint(plugin.destination(), plugin.instance)
    state.save(
        key, {"state": "open", "retry_in": 600.0, "failures": 3}, Pause(600, "401", "no"), "down"
    )
    found = findings("--only", "sinks")
    assert found["sinks.sqlite.pause"]["what"] == "sqlite is paused: 401: no"
    assert found["sinks.sqlite.circuit"]["what"] == "sqlite does not answer; the last time: down"


def test_no_sink_is_a_warning(findings: Any) -> None:
    FILE.write_text("active = []")
    assert _level(findings("--only", "sinks"), "sinks.active") == "warn"


def test_disabled_telemetry_builds_no_sink(
    findings: Any, plugins: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins("hangs")
    monkeypatch.setenv("TELEMETRY_DISABLED", "1")
    assert list(findings("--only", "sinks")) == ["sinks.disabled"]


def test_an_examination_that_fails_is_a_finding() -> None:
    def fails() -> list[Finding]:
        raise ZeroDivisionError("oh")

    (finding,) = guarded("x", fails)
    assert (finding.level, "ZeroDivisionError: oh" in finding.what) == ("fail", True)
