"""The loopback server that everything is sent to: a process of its own that counts marks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parents[2]
PATIENCE = 10.0


class SinkServer:
    """Runs the server as long as the block lasts.

    :ivar url: where it listens, without a slash at the end.
    """

    url: str

    def __init__(self, certificate: Path | None = None) -> None:
        """Prepare it.

        :param certificate: what it shows where it is told to speak TLS; its key is in the file.
        """
        self._words = [] if certificate is None else [str(certificate)]

    def __enter__(self) -> Self:
        """Start it; it listens when this returns."""
        self._asking = Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sink_server.serve", *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
        )
        port = self._line()
        self.url = f"http://127.0.0.1:{int(port)}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)

    def counts(self) -> Counter[int]:
        """Return how often each mark was stored."""
        return Counter({int(mark): often for mark, often in self._ask("counts").items()})

    def requests(self) -> Counter[str]:
        """Return how many requests came, by path."""
        return Counter(self._ask("requests"))

    def last(self) -> float:
        """Return when the last body with a mark was stored, by this machine's steady clock."""
        return float(self._ask("last"))

    def forget(self) -> None:
        """Count from nothing again."""
        self._ask("forget")

    def misbehave(self, kind: str, **how: Any) -> None:
        """Meet every request with a fault of `faults.KINDS` from now on."""
        self._ask("misbehave", kind=kind, how=how)

    def behave(self) -> None:
        """Be healthy again."""
        self._ask("behave")

    def _ask(self, do: str, **more: Any) -> Any:
        assert self._process.stdin is not None
        with self._asking:
            self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self._process.stdin.flush()
            said = json.loads(self._line())
        if "failed" in said:
            raise RuntimeError(f"the sink server could not {do}: {said['failed']}")
        return said["said"]

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sink server ended with {self._process.wait(PATIENCE)}")
        return line
