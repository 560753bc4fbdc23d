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
from itertools import repeat, takewhile
from pathlib import Path
from threading import Barrier, Thread
from time import monotonic, process_time, sleep
from typing import TYPE_CHECKING, Any

from benchmarks.peers.contender import module
from benchmarks.peers.environments import interpreter
from benchmarks.process import peak_mb
from benchmarks.sink_server.marks import marks
from benchmarks.story import laps, marked, payloads, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.peers.contender import Contender

ROOT = Path(__file__).parents[2]
WARM = 1_000
WARM_MARKS = 1_000_000_000  # marks from here on were told to warm up, and are not counted
THREADS = 4
A_PAUSE = 0.0005
A_FEW = 64
GOES_ON = 1.25  # seconds, more than ours takes a burst to last
LONGEST = 1.0  # seconds of calls in a row
CALLS_ONLY = ("paced", "burst", "threads")
LIMIT = 150.0
LAST_WORDS = 300
_SURROUNDINGS = {"PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "", "NO_PROXY": "*", "no_proxy": "*"}


def drive(
    name: str, what: str, url: str, directory: str, number: int, room: int | None = None
) -> dict[str, Any]:
    """Have a contender's own interpreter measure it; return what it said.

    Raises `RuntimeError` with its last words when it failed or took too long.
    """
    command = [interpreter(name), "-m", "benchmarks.peers.driver", name, what, url, directory]
    command += [str(number), *([] if room is None else [str(room)])]
    surroundings = {**os.environ, **_SURROUNDINGS}
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=directory,
            env=surroundings,
            capture_output=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{name}: not done after {LIMIT:.0f} s") from error
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.decode().strip()[-LAST_WORDS:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def paced(contender: Contender, number: int) -> dict[str, Any]:
    """Time calls that come one by one with pauses, as most do, while their delivery goes on.

    They are timed when they have gone on for a while: ours puts its deliveries off for a second.
    """
    _warm(contender)
    until = monotonic() + GOES_ON
    while monotonic() < until:
        for call in _each(A_FEW):
            contender.tell(*call)
            sleep(A_PAUSE)
    taken = []
    for call in _each(number):
        taken += laps(contender.tell, (call,))
        sleep(A_PAUSE)
    return spread(taken)


def burst(contender: Contender, number: int) -> dict[str, Any]:
    """Time calls of one thread that come as fast as they can."""
    _warm(contender)
    return spread(laps(contender.tell, _while_time(_each(number))))


def threads(contender: Contender, number: int) -> dict[str, Any]:
    """Time as many calls of four threads that begin together."""
    _warm(contender)
    four: list[list[int]] = []
    together = Barrier(THREADS)

    def work() -> None:
        together.wait()
        four.append(laps(contender.tell, _while_time(_each(number // THREADS))))

    workers = [Thread(target=work) for _ in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return spread([lap for some in four for lap in some])


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
        found: Counter[int] = Counter()
        for body in contender.kept():
            found.update(marks(body))
        figures["found"] = {str(mark): often for mark, often in found.items()}
    return figures


def runs(contender: Contender, number: int) -> dict[str, Any]:
    """Time each run, from its start to its end, and say how many a second came to be delivered."""
    laps(contender.tell, repeat(({},), number // 10))
    contender.flush()
    since = monotonic()
    taken = laps(contender.tell, repeat(({},), number))
    contender.flush()
    seconds = monotonic() - since
    contender.close()
    return spread(taken) | {"per_second": number / seconds}


def exiting(contender: Contender, number: int) -> dict[str, Any]:
    """Tell some and end without a word, as a program does; say when its last line was reached."""
    for properties in marked(number):
        contender.tell(properties)
    return {"done": monotonic()}


def _each(number: int) -> Iterator[tuple[dict[str, Any]]]:
    """Give eight properties a call, in a dictionary of its own: what is told may be changed."""
    return (({**payload},) for payload in payloads(number))


def _while_time(calls: Iterator[tuple[dict[str, Any]]]) -> Iterator[tuple[dict[str, Any]]]:
    """Give calls until they are at an end, or a second is."""
    until = monotonic() + LONGEST
    return takewhile(lambda _call: monotonic() < until, calls)


def _warm(contender: Contender) -> None:
    for properties in marked(WARM, WARM_MARKS):
        contender.tell(properties)
    contender.flush()


WHATS: dict[str, Callable[[Contender, int], dict[str, Any]]] = {
    "paced": paced,
    "burst": burst,
    "threads": threads,
    "end_to_end": end_to_end,
    "runs": runs,
    "exiting": exiting,
}


def main(name: str, what: str, url: str, directory: str, number: str, room: str = "") -> None:
    """Measure and print."""
    contender = module(name).begin(url, directory, int(room) if room else None)
    print(json.dumps(WHATS[what](contender, int(number))), flush=True)
    if what in CALLS_ONLY:
        os._exit(0)  # what still waits to be delivered is measured by the others


if __name__ == "__main__":
    main(*sys.argv[1:])
