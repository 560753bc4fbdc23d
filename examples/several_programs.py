"""Two programs record at once, through one service that has the database; a third one asks it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from urllib.request import urlopen

SERVE = "import sys; sys.argv[1:] = ['serve']; from telemetry_core.cli import main; main()"
PROGRAM = """
import sys, telemetry_core
with telemetry_core.track_run(sys.argv[1], "nightly") as run:
    run.set_metrics(items_succeeded=3)
"""


def main() -> None:
    with TemporaryDirectory() as folder, service(folder) as url:
        programs = [program(folder, url, agent) for agent in ("crawler", "importer")]
        for each in programs:
            each.wait()
        with urlopen(f"{url}/api/v1/runs?status=success") as answer:  # noqa: S310
            for run in json.load(answer):
                print(run["agent_name"], run["status"], run["items_succeeded"])


def program(folder: str, url: str, agent: str) -> subprocess.Popen[bytes]:
    """Start a program that records; its environment says where to."""
    settings = {
        "TELEMETRY_BASE_DIR": f"{folder}/{agent}",
        "TELEMETRY_ACTIVE": "http_api",
        "TELEMETRY_API_URL": url,
        "TELEMETRY_EXIT_TIMEOUT": "30",
    }
    command = [sys.executable, "-c", PROGRAM, agent]
    return subprocess.Popen(command, env={**os.environ, **settings})  # noqa: S603


@contextmanager
def service(folder: str) -> Iterator[str]:
    """Run a service as long as the block lasts, as `telemetry serve` does in a shell."""
    port = free_port()
    settings = {"TELEMETRY_BASE_DIR": f"{folder}/service", "TELEMETRY_API_PORT": str(port)}
    command = [sys.executable, "-c", SERVE]
    process = subprocess.Popen(command, env={**os.environ, **settings})  # noqa: S603
    try:
        while not answers(port) and process.poll() is None:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    main()
