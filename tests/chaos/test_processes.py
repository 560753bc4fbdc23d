"""Children of multiprocessing, of pools and of prefork servers lose nothing, however they end."""

from __future__ import annotations

import os
import re
import signal
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from tests.chaos.halves import halves
from tests.chaos.stage import until

if TYPE_CHECKING:
    import subprocess

    from tests.chaos.stage import Stage

METHODS = {method: method for method in ("fork", "spawn", "forkserver")}
# What the children import: the default client, in each process its own.
TELLING = """
import telemetry_core
from tests.chaos.programs import *

def tell(first):
    capture(telemetry_core, range(first, first + 10))

def tell_and_die(first):
    tell(first)
    os.kill(os.getpid(), signal.SIGKILL)

def start_a_run(_):
    telemetry_core.start_run("agent", "job")
"""
PREFORKS = """
client = TelemetryClient()
capture(client, range(10))
def worker(first, end):
    if pid := os.fork():
        return pid
    capture(client, range(first, first + 20))
    end()
ends = [sys.exit, lambda: os._exit(0), lambda: os.kill(os.getpid(), signal.SIGKILL)]
ends += [lambda: os.kill(os.getpid(), signal.SIGTERM)]
workers = set()
for n in range(12):
    workers.add(worker(100 * n + 100, ends[n % 4]))
    capture(client, range(10 + n, 11 + n))
    if len(workers) == 3:
        workers.remove(os.wait()[0])
while workers:
    workers.remove(os.wait()[0])
{end}
"""
MASTERS = {"ends": "", "is killed": "os.kill(os.getpid(), signal.SIGKILL)"}
APPLICATION = """
from tests.chaos.programs import *
from telemetry_core import TelemetryClient
client = TelemetryClient()
capture(client, range(1))

def application(environ, start_response):
    capture(client, [int(environ["PATH_INFO"][1:])])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


def run(stage: Stage, source: str) -> None:
    """Run a program from a file, as children need it that begin with an interpreter of their own."""
    (stage.home / "telling.py").write_text(TELLING)
    script = stage.home / "program.py"
    lines = ["import multiprocessing, os, telling", "if __name__ == '__main__':"]
    lines += [f"    {line}" for line in source.splitlines()]
    script.write_text("\n".join(lines))
    stage.finish(stage.start_python("-Werror", str(script)))


@pytest.mark.chaos("children of multiprocessing", "processes")
@pytest.mark.parametrize("method", halves(METHODS, "spawn"))
def test_children_of_multiprocessing_lose_nothing(stage: Stage, method: str) -> None:
    run(
        stage,
        f"""
context = multiprocessing.get_context({method!r})
telling.tell(0)
children = [context.Process(target=telling.tell, args=(100,))]
children += [context.Process(target=telling.tell_and_die, args=(200,))]
for child in children: child.start()
telling.tell(300)
for child in children: child.join()
telling.tell(400)
""",
    )
    assert len(stage.recorded()) == 50
    stage.conclude()


@pytest.mark.parametrize("method", halves(METHODS, "fork"))
def test_a_child_delivers_by_itself_when_it_ends(stage: Stage, method: str) -> None:
    run(
        stage,
        f"""
context = multiprocessing.get_context({method!r})
child = context.Process(target=telling.start_a_run, args=(1,))
child.start(); child.join()
os._exit(0)
""",
    )
    assert stage.rows("SELECT status FROM agent_runs") == [("cancelled",)]


@pytest.mark.chaos("the workers of pools", "processes")
@pytest.mark.parametrize("method", halves(METHODS))
def test_the_workers_of_pools_lose_nothing(stage: Stage, method: str) -> None:
    run(
        stage,
        f"""
from concurrent.futures import ProcessPoolExecutor
context = multiprocessing.get_context({method!r})
with ProcessPoolExecutor(2, mp_context=context) as pool:
    list(pool.map(telling.tell, range(0, 100, 10)))
with context.Pool(2, maxtasksperchild=2) as pool:  # terminates its workers
    pool.map(telling.tell, range(100, 200, 10), chunksize=1)
""",
    )
    assert len(stage.recorded()) == 200
    stage.conclude()


@pytest.mark.chaos("workers of a prefork server that opened the client before", "processes")
@pytest.mark.parametrize("end", halves(MASTERS, "is killed"))
def test_the_workers_of_a_prefork_server_lose_nothing(stage: Stage, end: str) -> None:
    stage.finish(stage.start(PREFORKS.format(end=end)), -signal.SIGKILL if end else 0)
    assert len(stage.recorded()) == 22 + 12 * 20
    stage.conclude()


@pytest.mark.chaos("workers of gunicorn, replaced after five requests or killed", "processes")
@pytest.mark.whole
def test_the_workers_of_gunicorn_lose_nothing(stage: Stage) -> None:
    (stage.home / "served.py").write_text(APPLICATION)
    options = "--preload --workers 2 --max-requests 5 --bind 127.0.0.1:0 served:application"
    server = stage.start_python("-m", "gunicorn", *options.split())
    port = port_of(server)
    workers = [ask(port, number) for number in range(1, 30)]
    os.kill(workers[-1], signal.SIGKILL)
    workers += [ask(port, number) for number in range(30, 40)]
    stage.kill(server, signal.SIGTERM)
    assert len(set(workers)) > 4
    assert len(stage.recorded()) == 40
    stage.conclude()


def port_of(server: subprocess.Popen[str]) -> int:
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    pytest.fail("gunicorn did not begin to listen")


def ask(port: int, number: int) -> int:
    """Return the process that answered a request; one that died on it is asked for again."""
    answers: list[int] = []

    def answered() -> bool:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", f"/{number}")
            answers.append(int(connection.getresponse().read()))
        except OSError:
            return False
        finally:
            connection.close()
        return True

    until(answered, f"request {number} was answered")
    return answers[-1]
