"""A fake that somebody starts by hand says where it is and what it gets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
from pytest_telemetry import RaxeServer

from tests.ingest_cases import signed

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "pytest_telemetry.servers.http"]


def test_it_prints_its_address_and_what_it_gets_until_ctrl_c() -> None:
    with subprocess.Popen(
        [*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        url = next(word for word in first.split() if word.startswith("http://"))
        httpx.post(f"{url}/events", json={"n": 1})
        httpx.post(url, content=b"\xff" * 1000)
        process.send_signal(signal.SIGINT)
        shown, errors = process.communicate(timeout=30)
    assert shown.splitlines()[:2] == ["200 POST /events (7 bytes)", '    {"n":1}']
    assert shown.splitlines()[2] == "400 POST / (1000 bytes)"
    assert (process.returncode, errors) == (0, "")


def test_the_run_service_starts_likewise() -> None:
    command = [sys.executable, "-m", "pytest_telemetry.servers.runs"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0].startswith("200 GET /health")


def test_the_spreadsheet_starts_likewise_and_hands_out_accounts() -> None:
    command = [sys.executable, "-m", "pytest_telemetry.servers.sheets"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        account = httpx.get(f"{url}/service_account.json").json()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert account["token_uri"] == f"{url}/token"


def test_raxe_starts_likewise_and_tells_its_keys_in_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest_telemetry.servers.raxe", "--keys", str(tmp_path / "k")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        keys = json.loads((tmp_path / "k").read_text("utf-8"))
        headers = {"authorization": f"Bearer {keys['pro']}"}
        tier = httpx.get(f"{url}/v1/health", headers=headers).json()["key"]["tier"]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert (tier, keys) == ("pro", RaxeServer().keys)


def test_the_ingestion_server_starts_likewise_and_hands_out_credentials() -> None:
    command = [sys.executable, "-m", "pytest_telemetry.servers.ingest"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        by, body = httpx.get(f"{url}/credentials.json").json(), b'{"events": []}'
        headers = signed(by["token"], by["secret"], body, str(int(time.time())), str(uuid4()))
        target = f"{url}/v1/ingest/{by['org']}/{by['app']}"
        answer = httpx.post(target, content=body, headers=headers).json()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert answer["message"] == "Batch must contain at least one event"


def test_a_port_that_is_taken_is_one_line_of_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, check=False, timeout=30
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        f"error: port {port} cannot be used: [Errno 98] Address already in use"
    )
