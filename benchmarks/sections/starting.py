"""Rows 7 to 9: what a start costs, and an exit with a remote that never answers."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from benchmarks.cases import helper
from benchmarks.table import Row

HEAVY = ("httpx", "rich", "click", "sqlite3", "cattrs")
STARTS = 7
EXIT_TIMEOUT = 2.0

_BARE = "import time"
_IMPORT = "import time, telemetry_core"
_LOADED = f"import sys; print(sum(name in sys.modules for name in {HEAVY}))"
_FIRST_EVENT = """
import time
from telemetry_core import TelemetryClient, TelemetryConfig
client = TelemetryClient(TelemetryConfig(base_dir={base!r}, active=("sqlite", "ndjson")))
client.capture("first", None, {{"n": 1}})
"""
# The steady clock is the machine's, so a child can say when it was done, whatever its end takes.
_DONE = "\nprint(time.monotonic())"
_COMMAND = """
import contextlib, io, sys, time
from telemetry_core.cli import main
sys.argv[1:] = {words!r}
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
"""
# Where nothing was recorded yet, so that it is the start that is measured.
COMMANDS = ("runs list", "runs stats", "status", "plugins", "config show")
_HUNG = """
import sys, time
from pathlib import Path
from benchmarks.posting import PostingSink
from telemetry_core import TelemetryClient, TelemetryConfig
url, base, clients = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(clients):
    config = TelemetryConfig(base_dir=Path(base, str(number)), active=())
    client = TelemetryClient(config, plugins=[PostingSink(url)])
    client.capture("unheard")
time.sleep(0.5)
print(time.monotonic())
"""


def start(directory: str) -> dict[str, float]:
    """Start interpreters that do nothing, import us, and record a first event, in turn."""
    scripts = {
        "bare": _BARE,
        "import": _IMPORT,
        "first": _FIRST_EVENT.format(base=str(Path(directory, "base"))),
    }
    if _cli_is_there():
        scripts["help"] = _COMMAND.format(words=["--help"])
    taken: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(STARTS):
        for name, script in scripts.items():
            taken[name].append(_until_done(script))
    best = {name: min(each) * 1e3 for name, each in taken.items()}
    figures = {f"{name}_ms": best[name] - best["bare"] for name in best if name != "bare"}
    return figures | {"bare_ms": best["bare"], "heavy": float(_say(_IMPORT, _LOADED))}


def commands(directory: str) -> dict[str, float]:
    """Start the help and the commands one types all day, in turn; a command as a ratio of it."""
    file = Path(directory, "telemetry.toml")
    file.write_text('active = ["sqlite", "ndjson"]\n', encoding="utf-8")
    given = {words: [*words.split(), "--config", str(file)] for words in COMMANDS}
    scripts = {"--help": ["--help"], **given}
    taken: dict[str, list[float]] = {name: [] for name in scripts}
    for _ in range(STARTS):
        for name, words in scripts.items():
            taken[name].append(_until_done(_COMMAND.format(words=words)))
    best = {name: min(each) for name, each in taken.items()}
    return {name: best[name] / best["--help"] for name in COMMANDS}


def _cli_is_there() -> bool:
    found = find_spec("telemetry_core.cli")
    return found is not None and found.origin is not None


def exit_of_one(directory: str) -> dict[str, float]:
    """End with one client whose remote accepts and never answers."""
    return {"seconds": _exit(directory, 1)}


def exit_of_many(directory: str) -> dict[str, float]:
    """End with a hundred of them."""
    return {"seconds": _exit(directory, 100)}


def _until_done(script: str) -> float:
    since = monotonic()
    return float(_say(script, _DONE)) - since


def _say(*lines: str) -> str:
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _exit(directory: str, clients: int) -> float:
    with helper("benchmarks.loopback", "--hang") as url:
        command = [sys.executable, "-c", _HUNG, url, directory, str(clients)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        return monotonic() - float(said)


CASES = {"start": start, "commands": commands, "hung_one": exit_of_one, "hung_many": exit_of_many}
ROWS = (
    Row("`import telemetry_core`, over bare Python", "starting.start", "import_ms", "ms", 50),
    Row("… heavy modules it loads", "starting.start", "heavy", "", 0),
    Row("… a client built and a first event", "starting.start", "first_ms", "ms", 110),
    Row("`telemetry --help`, over bare Python", "starting.start", "help_ms", "ms", 120),
    *(
        Row(f"… `telemetry {words}`, as a multiple of it", "starting.commands", words, "")
        for words in COMMANDS
    ),
    Row("bare Python", "starting.start", "bare_ms", "ms"),
    Row("exit with a hung remote", "starting.hung_one", "seconds", "s", EXIT_TIMEOUT + 0.3),
    Row("… with 100 clients", "starting.hung_many", "seconds", "s", EXIT_TIMEOUT + 0.3),
)
