"""The real service for tests: as a process of its own, or in a thread where only a setting differs."""

from __future__ import annotations

import json
import os
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from attrs import define

from tests.servers.run_service.deployment.service import COMMAND, bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.warm import WarmInterpreter

HERE = "127.0.0.1"
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # is trusted; to read whom costs a request's time
PATIENCE = 60.0  # seconds; far longer than anything here takes
LOGGED = f"""
import os, sys
os.dup2(os.open(sys.argv.pop(1), os.O_WRONLY | os.O_APPEND | os.O_CREAT), 2)
{COMMAND}
"""


@define(frozen=True)
class Service:
    """A service that answers, and the database that it serves."""

    port: int
    database: Path
    pid: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HERE}:{self.port}"

    def client(self, token: str | None = None) -> httpx.Client:
        """Return a client of it, with a token when there is one."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False, verify=NOBODY
        )


@contextmanager
def as_a_process(warm: WarmInterpreter, folder: Path, **variables: str) -> Iterator[Service]:
    """Serve a database in this folder by `telemetry serve`, with these variables set."""
    folder.mkdir(parents=True, exist_ok=True)
    database, log = folder / "telemetry.sqlite", folder.with_name(f"{folder.name}.log")
    environ = bare(folder) | {"TELEMETRY_DB_PATH": str(database)} | variables
    typed = (str(log), "serve", "--port", "0", "--json")
    program = warm.start(LOGGED, *typed, env=environ, cwd=folder)
    try:
        line = program.stdout.readline()  # comes as soon as it answers
        assert line, log.read_text("utf-8")
        yield Service(urlsplit(json.loads(line)["url"]).port or 0, database, program.pid)
    finally:
        program.kill()
        program.communicate()


@contextmanager
def in_a_thread(folder: Path, **settings: Any) -> Iterator[Service]:
    """Serve a database in this folder from this process, with these settings."""
    from telemetry_run_service.app import create_app
    from telemetry_run_service.process.listening import listen
    from telemetry_run_service.process.opening import make_folder, open_database
    from telemetry_run_service.process.server import build_server
    from telemetry_run_service.settings.settings import ServiceSettings

    told = ServiceSettings(db_path=str(folder / "telemetry.sqlite"), **settings)
    make_folder(told.db_path)
    assert open_database(told.db_path)
    app, ready, sockets = create_app(told), threading.Event(), listen(HERE, 0)
    port = sockets[0].getsockname()[1]
    server = build_server(app, told, on_ready=ready.set, on_stop=lambda: app.state.stopping.set())
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield Service(port, Path(told.db_path), os.getpid())
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        for each in sockets:
            each.close()
