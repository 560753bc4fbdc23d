"""What the reference client buffered arrives, whole, once, and with every refusal named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_http_api.buffer_files import find_files
from telemetry_http_api.importing import BufferImport

from tests.core.cli.terminal import typed

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import RunsServer
    from telemetry_http_api import HttpApiSink
    from telemetry_http_api.importing import Imported

    from tests.plugins.http_api.conftest import Sinks

NAME = "telemetry_20260101_120000.jsonl"


def row(number: int, **fields: Any) -> dict[str, Any]:
    """Return a run as the reference client buffers it: every field, most of them null."""
    return {
        "run_id": f"20260101T120000Z-crawler-{number:08x}",
        "agent_name": "crawler",
        "job_type": "nightly",
        "trigger_type": "cli",
        "start_time": f"2026-01-01T12:00:{number:02d}+00:00",
        "event_id": f"e-{number}",
        "schema_version": 7,
        "agent_owner": None,
        "end_time": None,
        "status": "running",
        "duration_ms": 0,
        "items_discovered": None,
        "metrics_json": None,
        "api_posted": 0,
        "created_at": f"2026-01-01T12:00:{number:02d}+00:00",
        "updated_at": "2026-01-01T12:00:00+00:00",
        "record_type": "run",
        **fields,
    }


def ended(number: int, **fields: Any) -> dict[str, Any]:
    """Return the end of a run, which the reference client buffers without a time of creation."""
    end = {"status": "success", "end_time": "2026-01-01T13:00:00+00:00", "items_succeeded": 4}
    return row(number, **{**end, "created_at": None, "updated_at": None, **fields})


def write(folder: Path, *rows: dict[str, Any] | str, state: str = "ready") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{NAME}.{state}"
    lines = (one if isinstance(one, str) else json.dumps(one) for one in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "telemetry_buffer"


def imported(sink: HttpApiSink, folder: Path, **settings: Any) -> Imported:
    (done,) = BufferImport(sink, **settings).run(find_files(folder))
    return done


def names(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix(NAME) for path in folder.iterdir())


@pytest.fixture
def to_either(either: RunsServer, sink_for: Sinks) -> HttpApiSink:
    return sink_for(either)


@pytest.mark.parametrize("state", ["ready", "active"])
def test_starts_and_ends_arrive_and_the_file_is_marked(
    to_either: HttpApiSink, either: RunsServer, folder: Path, state: str
) -> None:
    write(folder, row(1), row(2), ended(1), state=state)
    done = imported(to_either, folder)
    assert (done.rows, done.sent, done.refused, done.problem) == (3, 3, [], "")
    assert names(folder) == [".synced"]
    first, second = either.run("e-1"), either.run("e-2")
    assert (first["status"], first["items_succeeded"]) == ("success", 4)
    assert second["status"] == "running"


def test_an_end_whose_start_was_posted_while_the_service_was_up_is_merged(
    to_either: HttpApiSink, either: RunsServer, folder: Path
) -> None:
    write(folder, row(1))
    imported(to_either, folder)
    write(folder, ended(1))
    imported(to_either, folder)
    assert either.run("e-1")["status"] == "success"
    assert either.run("e-1")["created_at"].startswith("2026-01-01T12:00:01")
    assert len(list(folder.glob("*.synced"))) == 2


def test_doing_it_again_changes_nothing(
    to_either: HttpApiSink, either: RunsServer, folder: Path
) -> None:
    write(folder, row(1), ended(1))
    imported(to_either, folder)
    before = {**either.run("e-1"), "updated_at": None}
    (again,) = BufferImport(to_either).run(find_files(folder, again=True))
    assert (again.sent, again.done) == (2, True)
    assert {**either.run("e-1"), "updated_at": None} == before
    assert names(folder) == [".synced"]


BAD = {
    "torn": '{"run_id": "r-',
    "a list": "[1, 2]",
    "no agent": json.dumps({"run_id": "r", "job_type": "j", "start_time": "t"}),
    "no status": json.dumps(row(9, status="sleeping")),
    "no number": json.dumps(row(9, items_failed="many")),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_row_that_nobody_can_read_is_named_and_kept_aside(
    sink: HttpApiSink, server: RunsServer, folder: Path, bad: str
) -> None:
    write(folder, row(1), bad, row(2))
    done = imported(sink, folder)
    assert (done.sent, [one.line for one in done.refused]) == (2, [2])
    assert names(folder) == [".ready", ".refused"]
    assert (folder / f"{NAME}.refused").read_text() == f"{bad}\n"
    assert len(server.runs) == 2


def test_a_row_that_the_service_refuses_is_named_too(
    to_either: HttpApiSink, either: RunsServer, folder: Path
) -> None:
    either.refuse(lambda one: "e-1" in json.dumps(one), reason="CHECK failed")
    write(folder, row(1), row(2))
    done = imported(to_either, folder)
    assert [(one.line, one.reason) for one in done.refused] == [(1, "CHECK failed")]
    assert (done.sent, done.kept) == (1, f"{NAME}.refused")


def test_once_it_is_mended_the_file_is_marked(
    sink: HttpApiSink, server: RunsServer, folder: Path
) -> None:
    write(folder, row(1), "torn")
    imported(sink, folder)
    write(folder, row(1), row(2))
    assert imported(sink, folder).done
    assert names(folder) == [".synced"]


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"metrics_json": '{"pages": 3}'}, {"metrics_json": {"pages": 3}}),
        ({"status": "failed"}, {"status": "failure"}),
        ({"items_failed": None, "duration_ms": None}, {"items_failed": 0, "duration_ms": 0}),
        ({"event_id": None, "job_type": "old"}, {"job_type": "old"}),
        ({"unknown": 1, "insight_id": "i"}, {"insight_id": "i"}),
    ],
)
def test_what_old_clients_wrote_is_understood(
    sink: HttpApiSink, server: RunsServer, folder: Path, fields: Any, stored: Any
) -> None:
    write(folder, row(1, **fields))
    assert imported(sink, folder).sent == 1
    (run,) = server.runs.values()
    assert {name: run[name] for name in stored} == stored


def test_a_service_that_is_down_leaves_the_files_as_they_are(
    sink: HttpApiSink, server: RunsServer, folder: Path
) -> None:
    write(folder, row(1))
    server.down()
    done = imported(sink, folder)
    assert (done.sent, "takes nothing now" in done.problem) == (0, True)
    assert names(folder) == [".ready"]


def test_what_is_appended_meanwhile_is_sent_too(
    sink: HttpApiSink, server: RunsServer, folder: Path
) -> None:
    path = write(folder, row(1))

    def append(_: int) -> None:
        if len(server.runs) == 0:
            with path.open("a") as file:
                file.write(json.dumps(row(2)) + "\n")

    assert imported(sink, folder, show=append).sent == 2
    assert names(folder) == [".synced"]


def test_a_file_of_the_same_name_is_never_replaced(
    sink: HttpApiSink, server: RunsServer, folder: Path
) -> None:
    write(folder, row(1), state="synced")
    write(folder, row(2))
    assert imported(sink, folder).file.endswith("-2.jsonl.synced")
    assert len(list(folder.iterdir())) == 2


def test_a_large_file_goes_in_portions(sink: HttpApiSink, server: RunsServer, folder: Path) -> None:
    write(folder, *(row(n % 60, event_id=f"e-{n}") for n in range(1201)))
    assert imported(sink, folder).sent == len(server.runs) == 1201
    assert len(server.requests) == 3


# -- the command


def typed_json(folder: Path, *words: str, code: int = 0, **environ: Any) -> dict[str, Any]:
    variables = {"TELEMETRY_BASE_DIR": str(folder.parent / "base"), **environ}
    done = typed(["import", "buffer", str(folder), *words, "--json"], variables, folder.parent)
    assert done.returncode == code, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_the_command_says_what_became_of_each_row(folder: Path, server: RunsServer) -> None:
    write(folder, row(1), "torn")
    told = typed_json(folder, "--url", server.url, code=1)
    assert (told["ok"], told["service"]) == (False, server.url)
    assert told["files"][0]["refused"] == [{"line": 2, "reason": "it is torn, or no JSON"}]


def test_the_command_takes_the_service_and_its_token_from_the_environment(
    folder: Path, server: RunsServer
) -> None:
    server.tokens.add("hunter2-token")
    write(folder, row(1))
    environ: Any = {"TELEMETRY_API_URL": server.url, "TELEMETRY_API_AUTH_TOKEN": "hunter2-token"}
    assert typed_json(folder, **environ)["ok"]


def test_a_dry_run_sends_nothing_and_leaves_the_files(folder: Path, server: RunsServer) -> None:
    write(folder, row(1), "torn")
    told = typed_json(folder, "--url", server.url, "--dry-run", code=1)
    assert (told["files"][0]["rows"], server.requests, names(folder)) == (2, [], [".ready"])


def test_the_command_shows_a_table_and_the_refused_rows(folder: Path, server: RunsServer) -> None:
    write(folder, row(1), "torn")
    words = ["import", "buffer", str(folder), "--url", server.url]
    done = typed(words, {"TELEMETRY_BASE_DIR": str(folder.parent / "base")}, folder.parent)
    shown = done.stdout.decode()
    assert f"{NAME}.ready:2: it is torn, or no JSON" in shown
    assert f"kept in {NAME}.refused" in shown


@pytest.mark.parametrize(("words", "says"), [([], True), (["--again"], False)])
def test_files_that_are_left_out_since_they_are_marked_are_told_of(
    folder: Path, server: RunsServer, words: list[str], says: bool
) -> None:
    write(folder, ended(1), state="synced")
    typed_words = ["import", "buffer", str(folder), "--url", server.url, *words]
    done = typed(typed_words, {"TELEMETRY_BASE_DIR": str(folder.parent / "base")}, folder.parent)
    assert (b"1 file is marked .synced" in done.stdout, len(server.runs)) == (says, not says)


@pytest.mark.parametrize(
    ("words", "why"),
    [([], "say which service: --url URL"), (["--url", "http://a:b@c"], "a user or a password")],
)
def test_without_a_service_the_command_cannot_be_meant(
    folder: Path, words: list[str], why: str
) -> None:
    write(folder, row(1))
    variables = {"TELEMETRY_BASE_DIR": str(folder.parent / "base")}
    done = typed(["import", "buffer", str(folder), *words], variables, folder.parent)
    assert (done.returncode, why in done.stderr.decode()) == (2, True)


def test_a_folder_that_is_not_there_is_named(folder: Path, server: RunsServer) -> None:
    words = ["import", "buffer", str(folder), "--url", server.url]
    done = typed(words, {"TELEMETRY_BASE_DIR": str(folder.parent / "base")}, folder.parent)
    assert done.returncode != 0
    assert "there is no directory" in done.stderr.decode()
