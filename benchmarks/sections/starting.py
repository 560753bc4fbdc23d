"""What a start costs: the import, a first event, our commands, and what is installed for it."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from time import monotonic

from benchmarks.comparison import Column, Comparison
from benchmarks.peers.contender import foreign, title
from benchmarks.peers.environments import fresh, interpreter
from benchmarks.peers.footprint import built, footprint
from benchmarks.table import Row

HEAVY = ("httpx", "rich", "click", "sqlite3", "cattrs")
STARTS = 5

_BARE = "import time"
_LOADED = f"import sys, telemetry_core; print(sum(name in sys.modules for name in {HEAVY}))"
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
# What is installed of ours, with its extra, and what a program imports of it.
OURS = {
    "ours_remote": ({"": "[http]"}, "import httpx; from telemetry_core import TelemetryClient"),
    "ours_local": (
        {"": "", "plugins/sqlite": "", "plugins/ndjson": ""},
        "from telemetry_core import TelemetryClient",
    ),
}
# What a program imports to tell its first event, as the documentation of each says.
IMPORTS = {
    "structlog": "import structlog",
    "posthog": "from posthog import Posthog",
    "segment": "import segment.analytics",
    "sentry": "import sentry_sdk",
    "otel": (
        "from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter;"
        "from opentelemetry.sdk._logs import LoggerProvider;"
        "from opentelemetry.sdk._logs.export import BatchLogRecordProcessor"
    ),
    "snowplow": "import snowplow_tracker",
    "logfire": "import logfire",
    "mlflow": "import mlflow",
}


def start(directory: str) -> dict[str, float]:
    """Import us, record a first event, and ask for help, in turn with a bare interpreter."""
    base = str(Path(directory, "base"))
    scripts = {
        "import": "import time, telemetry_core",
        "first": _FIRST_EVENT.format(base=base),
        "help": _COMMAND.format(words=["--help"]),
    }
    taken = best_of_starts(sys.executable, scripts, directory)
    heavy = float(_say(sys.executable, _LOADED, directory))
    over_bare = {f"{name}_ms": (taken[name] - taken["bare"]) * 1e3 for name in ("import", "first")}
    whole = {f"{name}_ms": taken[name] * 1e3 for name in ("help", "bare")}
    return over_bare | whole | {"heavy": heavy}


def commands(directory: str) -> dict[str, float]:
    """Start the help and the commands one types all day; a command as a multiple of the help."""
    file = Path(directory, "telemetry.toml")
    file.write_text('active = ["sqlite", "ndjson"]\n', encoding="utf-8")
    given = {words: [*words.split(), "--config", str(file)] for words in COMMANDS}
    scripts = {
        name: _COMMAND.format(words=words)
        for name, words in {"--help": ["--help"], **given}.items()
    }
    taken = best_of_starts(sys.executable, scripts, directory)
    return {words: taken[words] / taken["--help"] for words in COMMANDS}


def installed(name: str, directory: str) -> dict[str, float]:
    """Import what a contender's programs import, and weigh what its environment holds."""
    return _installed(interpreter(name), IMPORTS[name], directory)


def installed_ours(name: str, directory: str) -> dict[str, float]:
    """Do so with ours, as wheels built from this clone."""
    places, imports = OURS[name]
    wheels = [
        built(place, Path(directory, f"wheel-{number}")) + extra
        for number, (place, extra) in enumerate(places.items())
    ]
    return _installed(fresh(Path(directory, "environment"), tuple(wheels)), imports, directory)


def _installed(python: str, imports: str, directory: str) -> dict[str, float]:
    taken = best_of_starts(python, {"import": f"import time;{imports}"}, directory)
    return {"import_ms": (taken["import"] - taken["bare"]) * 1e3, **footprint(python)}


def best_of_starts(python: str, scripts: dict[str, str], directory: str) -> dict[str, float]:
    """Start interpreters in turn, a bare one among them; return the best of several starts."""
    taken: dict[str, list[float]] = {name: [] for name in ("bare", *scripts)}
    for _ in range(STARTS):
        for name, script in {"bare": _BARE, **scripts}.items():
            since = monotonic()
            taken[name].append(float(_say(python, script + _DONE, directory)) - since)
    return {name: min(each) for name, each in taken.items()}


def _say(python: str, script: str, directory: str) -> str:
    """Return the last line that a script says; what it compiles is there for the next start."""
    surroundings = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(directory, "compiled"))}
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
    said = subprocess.run(
        [python, "-c", script], check=True, env=surroundings, stdout=subprocess.PIPE, text=True
    )
    return said.stdout.splitlines()[-1]


NEEDS = foreign(IMPORTS)
CASES = {
    "start": start,
    "commands": commands,
    **{name: partial(installed_ours, name) for name in OURS},
    **{name: partial(installed, name) for name in IMPORTS},
}
ONCE = frozenset(CASES.keys() - {"start"})  # each of several starts already
_BARE_START = ("starting.start", "bare_ms")
ROWS = (
    Row("bare Python", "starting.start", "bare_ms", "ms"),
    Row("`import telemetry_core`, over bare Python", "starting.start", "import_ms", "ms", 50, floor=_BARE_START),
    Row("… heavy modules it loads", "starting.start", "heavy", "", 0),
    Row("… a client built and a first event", "starting.start", "first_ms", "ms", 110, floor=_BARE_START),
    Row("`telemetry --help`, with Python's own start", "starting.start", "help_ms", "ms", 120, floor=_BARE_START),
    *(
        Row(f"… `telemetry {words}`, as a multiple of it", "starting.commands", words, "x")
        for words in COMMANDS
    ),
)  # fmt: skip
COMPARISONS = (
    Comparison(
        "Import over bare Python, and what a fresh environment holds",
        {title(name): name for name in OURS | IMPORTS},
        (
            Column("import, ms", "starting", "import_ms"),
            Column("on disk, MB", "starting", "installed_mb"),
            Column("distributions", "starting", "distributions", multiple=False),
        ),
        "The best of several starts; the disk without what Python compiles.",
    ),
)
