"""Runs one contender in this interpreter, and prints what it measured as JSON.

`python -m benchmarks.peers.driver CONTENDER WHAT URL DIRECTORY [NUMBER [ROOM]]`, with the clone's
root as `PYTHONPATH`; `drive` of this module calls it so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Thread
from time import monotonic, process_time
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contender import module
from benchmarks.peers.environments import interpreter
from benchmarks.process import peak_mb
from benchmarks.sink_server.marks import marks
from benchmarks.story import laps, marked, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.contender import Contender

ROOT = Path(__file__).parents[2]
WARM = 1_000
WARM_MARKS = 1_000_000_000  # marks from here on were told to warm up, and are not counted
THREADS = 4
LIMIT = 110.0
_SURROUNDINGS = {"PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "", "NO_PROXY": "*", "no_proxy": "*"}


def drive(
    name: str, what: str, url: str, directory: str, number: int, room: int | None = None
) -> dict[str, Any]:
    """Have a contender's own interpreter measure it; return what it said.

    Raises `CalledProcessError` with its last words when it failed.
    """
    command = [interpreter(name), "-m", "benchmarks.peers.driver", name, what, url, directory]
    command += [str(number), *([] if room is None else [str(room)])]
    done = subprocess.run(
        command,
        check=True,
        cwd=directory,
        env={**os.environ, **_SURROUNDINGS},
        stdout=subprocess.PIPE,
        timeout=LIMIT,
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def hot_path(contender: Contender, number: int) -> dict[str, Any]:
    """Time each call, in one thread and then in four, while delivery goes on beside it."""
    _warm(contender)
    one = laps(contender.tell, zip(marked(number)))
    contender.flush()
    four: list[list[int]] = []

    def work(first: int) -> None:
        four.append(laps(contender.tell, zip(marked(number // THREADS, first))))

    threads = [Thread(target=work, args=(number * (1 + part),)) for part in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = spread([lap for some in four for lap in some])
    return spread(one) | {f"threads_{name}": value for name, value in together.items()}


def end_to_end(contender: Contender, number: int) -> dict[str, Any]:
    """Tell all at once and have it delivered; say when it began and what it cost."""
    _warm(contender)
    began, cpu = monotonic(), process_time()
    tell = contender.tell
    for properties in marked(number):
        tell(properties)
    told = monotonic()
    contender.flush()
    ended = monotonic()
    contender.close()
    figures: dict[str, Any] = {
        "began": began,
        "told_s": told - began,
        "ended": ended,
        "cpu_s": process_time() - cpu,
        "peak_mb": peak_mb(),
    }
    if contender.kept is not None:
        found = sum(map(marks, contender.kept()), Counter())
        figures["found"] = {str(mark): often for mark, often in found.items()}
    return figures


def exiting(contender: Contender, number: int) -> dict[str, Any]:
    """Tell some and end without a word, as a program does; say when its last line was reached."""
    for properties in marked(number):
        contender.tell(properties)
    return {"done": monotonic()}


def _warm(contender: Contender) -> None:
    for properties in marked(WARM, WARM_MARKS):
        contender.tell(properties)
    contender.flush()


WHATS: dict[str, Callable[[Contender, int], dict[str, Any]]] = {
    "hot_path": hot_path,
    "end_to_end": end_to_end,
    "exiting": exiting,
}


def main(name: str, what: str, url: str, directory: str, number: str, room: str = "") -> None:
    """Measure and print."""
    contender = module(name).begin(url, directory, int(room) if room else None)
    print(json.dumps(WHATS[what](contender, int(number))), flush=True)
    if what == "hot_path":
        os._exit(0)  # what still waits to be delivered is nobody's business here


if __name__ == "__main__":
    main(*sys.argv[1:])
