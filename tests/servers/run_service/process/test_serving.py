"""`telemetry serve` says where it answers, or in one line why it does not."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from telemetry_run_service.process.listening import listen
from telemetry_run_service.process.opening import open_database
from telemetry_run_service.process.refusals import AddressRefusedError, DatabaseRefusedError

from tests.servers.run_service.process.conftest import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.run_service.process.conftest import Service

if TYPE_CHECKING:
    Start = Callable[..., Service]
    Refused = Callable[..., tuple[int | None, str]]


def test_it_says_where_it_answers_and_does(serve: Start, tmp_path: Path) -> None:
    service = serve()
    database = str(tmp_path / "store" / "db" / "telemetry.sqlite")
    assert service.said == {"url": service.said["url"], "db_path": database, "pid": service.pid}
    assert service.ask("POST", "/api/v1/runs", run())[0] == 201
    code, errors = service.stop()
    assert code == 0
    first, *lines = errors.splitlines()
    assert first == f"telemetry serves {database} at {service.said['url']}"
    assert [json.loads(line)["status"] for line in lines] == [201]
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT run_id FROM agent_runs").fetchall() == [("run-1",)]


def test_the_database_is_for_its_owner_only(serve: Start, tmp_path: Path) -> None:
    serve("--db", "new/folder/runs.sqlite")
    assert (tmp_path / "new" / "folder").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "folder" / "runs.sqlite").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new" / "folder" / "runs.sqlite.service.lock").stat().st_mode & 0o077 == 0


def test_it_serves_the_database_of_the_sink(serve: Start, tmp_path: Path) -> None:
    (tmp_path / "telemetry.toml").write_text('[plugins.sqlite]\ndb_path = "mine.sqlite"')
    assert serve().said["db_path"] == str(tmp_path / "mine.sqlite")


def test_a_service_that_needs_a_token_asks_for_it(serve: Start) -> None:
    service = serve(TELEMETRY_API_AUTH_ENABLED="true", TELEMETRY_API_AUTH_TOKEN="one,two")
    assert service.ask("POST", "/api/v1/runs", run())[0] == 401
    assert service.ask("POST", "/api/v1/runs", run(), Authorization="Bearer two")[0] == 201
    assert service.ask("GET", "/api/v1/runs")[0] == 200
    assert str(service.said["db_path"]) not in json.dumps(service.ask("GET", "/health"))
    assert "Bearer" not in service.stop()[1]


def test_nobodys_forwarded_address_is_believed(serve: Start) -> None:
    limits = {"TELEMETRY_RATE_LIMIT_ENABLED": "true", "TELEMETRY_RATE_LIMIT_RPM": "1"}
    service = serve(FORWARDED_ALLOW_IPS="*", **limits)
    statuses = [
        service.ask("GET", "/api/v1/runs", **{"X-Forwarded-For": f"10.0.0.{number}"})[0]
        for number in range(2)
    ]
    assert statuses == [200, 429]


def test_a_proxy_that_was_named_is_believed(serve: Start) -> None:
    limits = {"TELEMETRY_RATE_LIMIT_ENABLED": "true", "TELEMETRY_RATE_LIMIT_RPM": "1"}
    service = serve(TELEMETRY_API_FORWARDED_ALLOW_IPS="127.0.0.1", **limits)
    for number in range(2):
        forwarded = {"X-Forwarded-For": f"10.0.0.{number}"}
        assert service.ask("GET", "/api/v1/runs", **forwarded)[0] == 200


def test_a_body_that_is_too_large_is_refused_and_the_connection_goes_on(serve: Start) -> None:
    service = serve(TELEMETRY_API_MAX_BODY_BYTES="2000")
    with closing(service.connect()) as connection:
        connection.request("POST", "/api/v1/runs", b"x" * 500_000)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (
            413,
            {"detail": "Request body too large. Max 2000 bytes."},
        )
        connection.request("GET", "/api/v1/runs")
        assert connection.getresponse().status == 200


def test_a_port_that_is_taken_is_exit_code_6(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, why = refused("--port", str(taken.getsockname()[1]))
    assert code == 6
    assert "another program listens there" in why
    assert why.count("\n") == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "\u20ac" * 80])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(AddressRefusedError, match="--host HOST"):
        listen(host, 0)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TELEMETRY_API_PORT", "http"),
        ("TELEMETRY_CONFIG", "nowhere.toml"),
    ],
)
def test_a_refused_configuration_is_exit_code_3(
    variable: str, text: str, refused: Refused, tmp_path: Path
) -> None:
    code, why = refused(**{variable: text})
    assert (code, why.count("\n")) == (3, 1)
    assert not (tmp_path / "store").exists()


def _another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")


def _older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        columns = "run_id TEXT, agent_name TEXT, job_type TEXT, start_time TEXT, status TEXT"
        connection.execute(f"CREATE TABLE agent_runs ({columns})")


def _damaged(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + os.urandom(5000))


def _no_database(path: Path) -> None:
    path.write_text("These are my notes. " * 100)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_another_programs, "belongs to another program"),
        (_older, "telemetry db migrate --db"),
        (_damaged, "telemetry db restore --db "),
        (_no_database, "telemetry db restore --db "),
        (os.mkdir, "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_served_is_refused_and_stays_as_it_is(
    make: Callable[[Path], None], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "runs.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(DatabaseRefusedError, match=why):
        open_database(str(path))
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_refused_database_is_exit_code_5(refused: Refused, tmp_path: Path) -> None:
    _damaged(tmp_path / "runs.sqlite")
    code, said = refused("--db", str(tmp_path / "runs.sqlite"))
    assert (code, said.count("\n")) == (5, 1)


def test_a_folder_that_cannot_be_made_is_exit_code_5(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, why = refused("--db", str(tmp_path / "file" / "runs.sqlite"))
    assert (code, why.count("\n")) == (5, 1)


def test_a_database_that_is_locked_just_now_is_served(serve: Start, tmp_path: Path) -> None:
    serve("--db", "runs.sqlite").stop()
    with closing(sqlite3.connect(tmp_path / "runs.sqlite", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        service = serve("--db", "runs.sqlite", TELEMETRY_DB_BUSY_TIMEOUT_MS="100")
        assert service.ask("POST", "/api/v1/runs", run())[0] == 503
        connection.execute("ROLLBACK")
    assert service.ask("POST", "/api/v1/runs", run())[0] == 201


def test_check_shows_the_settings_but_no_token_and_makes_nothing(
    serve: Start, tmp_path: Path
) -> None:
    service = serve("--check", TELEMETRY_API_AUTH_TOKEN="open-sesame", TELEMETRY_LOG_LEVEL="debug")
    output, errors = service.program.communicate()
    assert service.program.returncode == 0
    assert '"log_level": "DEBUG"' in output
    assert "open-sesame" not in output + errors
    assert not (tmp_path / "store").exists()


def test_check_finds_a_database_that_cannot_be_served(refused: Refused, tmp_path: Path) -> None:
    _another_programs(tmp_path / "orders.sqlite")
    code, why = refused("--check", "--db", "orders.sqlite")
    assert (code, why.count("\n")) == (5, 1)


def test_an_answer_does_not_wait_for_more_to_be_sent() -> None:
    (listening,) = listen("127.0.0.1", 0)
    with listening:
        assert listening.proto == socket.IPPROTO_TCP  # what asyncio looks at to turn Nagle off


def test_a_name_is_listened_on_at_all_its_addresses_and_one_port() -> None:
    sockets = listen("localhost", 0)
    assert len({each.getsockname()[1] for each in sockets}) == 1
    for each in sockets:
        each.close()


def test_what_was_bound_already_is_let_go_when_another_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = [
            (socket.AF_INET, 0, 0, "", ("127.0.0.2", port)),
            (socket.AF_INET, 0, 0, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(AddressRefusedError):
            listen("both", port)
        socket.create_server(("127.0.0.2", port)).close()


def test_ipv6_is_served_where_there_is_some(serve: Start) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    url = serve("--host", "::1").said["url"]
    assert url.startswith("http://[::1]:")


def test_variables_of_other_servers_change_nothing(serve: Start) -> None:
    assert serve(WEB_CONCURRENCY="4", UVICORN_WORKERS="4").ask("GET", "/health")[0] == 200


def test_its_help_imports_nothing_heavy() -> None:
    heavy = {"fastapi", "pydantic", "sqlite3", "starlette", "uvicorn", "attrs"}
    shown = f"atexit.register(lambda: print(set({heavy}) & sys.modules.keys()))"
    code = f"import atexit, sys; {shown}; from telemetry_core.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_ctrl_c_is_a_stop_too(serve: Start) -> None:
    assert serve().stop(signal.SIGINT)[0] == 0
