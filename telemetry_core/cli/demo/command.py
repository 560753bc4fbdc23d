"""`telemetry demo`: real programs record runs, one is killed, and nothing of it is lost."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telemetry_core.cli.options import json_option
from telemetry_core.cli.places import folders_of, spool_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.config import TelemetryConfig

_FOLDER = ".telemetry-demo"
_MARK = "# Written by `telemetry demo`, which deletes this folder when it begins anew.\n"
_PATIENCE = 20.0
_COLUMN = len("  crawler      ")
_TOLD = ("crawler", "translator", "importer")


@click.command
@click.option(
    "--dir", "folder", metavar="PATH", default=_FOLDER, show_default=True, help="Where it plays."
)
@json_option
def demo(folder: str, as_json: bool) -> int:
    """Watch runs being recorded, killed and recovered.

    Three small programs record runs; one of them is killed in the middle. Everything happens in
    a folder of its own, which the next demo deletes; your settings and your records are not
    touched.
    """
    home = Path(folder).absolute()
    config = _prepare(home)
    say = _speaker(as_json)
    say("Three programs say what they do. You could have written each of them.\n")
    _run_agents(config, say)
    waiting = _waiting(config)
    say(f"               what it said last waits on the disk: {waiting} records for each sink\n")
    say("The next one that comes along takes over what the dead one left: telemetry flush\n")
    result = _recover(config)
    runs = _runs(config)
    if as_json:
        from telemetry_core.cli.screen import print_json

        print_json({"waiting": waiting, "flush": result, "runs": runs, "paths": _paths(config)})
    else:
        _show(config, result, runs)
    return int(not result["ok"])


def _speaker(as_json: bool) -> Callable[[str], None]:
    """Return what tells people how the demo goes, each line wrapped beneath its second column."""
    from telemetry_core.cli.screen import Screen

    if as_json:
        return lambda _line: None
    screen = Screen()

    def say(text: str) -> None:
        for line in text.split("\n"):
            screen.line(line, indent=_COLUMN if line.startswith(" ") else 0)

    return say


def _prepare(home: Path) -> TelemetryConfig:
    """Make the folder anew and return the configuration in it; raises `UsageError`."""
    from telemetry_core.config import load_config
    from telemetry_core.credentials import Environment

    if Environment().says_yes("TELEMETRY_DISABLED"):
        raise click.UsageError("TELEMETRY_DISABLED is set; unset it to see something")
    file = home / "telemetry.toml"
    try:
        if home.exists():
            _refuse_what_is_not_ours(home, file)
            shutil.rmtree(home)
        home.mkdir(parents=True)
        file.write_text(f'{_MARK}service = "demo"\nbase_dir = "."\n', encoding="utf-8")
        (home / ".gitignore").write_text("*\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{home} cannot be used: {error}; try: --dir PATH") from error
    config = load_config(file, environ={})
    if not config.active:
        raise click.UsageError(
            "no sink is installed; try: pip install telemetry-sqlite telemetry-ndjson"
        )
    return config


def _refuse_what_is_not_ours(home: Path, file: Path) -> None:
    ours = file.is_file() and file.read_text(encoding="utf-8").startswith(_MARK)
    if not ours and any(home.iterdir()):
        raise click.UsageError(f"{home} holds something else than a demo; try: --dir PATH")


def _run_agents(config: TelemetryConfig, say: Callable[[str], None]) -> None:
    """Run the three programs side by side, and kill one of them in the middle."""
    from telemetry_core.cli.demo.agents import BREAKS_AT, ORDERS, PAGES

    crawler, translator, importer = (_start(config, name) for name in _TOLD)
    try:
        done = _first_line(importer)
        for process in (crawler, translator):  # they would take over what the dead one leaves
            process.communicate(timeout=_PATIENCE)
        importer.kill()
    except subprocess.TimeoutExpired:
        raise click.ClickException("a program of the demo did not end; is the disk busy?") from None
    finally:
        for process in (crawler, translator, importer):
            if process.poll() is None:
                process.kill()
            process.communicate()
    say(f"  crawler      fetches {len(PAGES)} pages, each a run within its nightly run")
    say(f"  translator   translates documents, and fails from document {BREAKS_AT} on")
    say(f"  importer     has imported {done} of {ORDERS} orders when SIGKILL ends it")


def _start(config: TelemetryConfig, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "telemetry_core.cli.demo.agents", name, str(config.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _waiting(config: TelemetryConfig) -> int:
    """Return how many records the killed program left, for the sink that is owed most."""
    ended = [view for view in folders_of(config) if not view.alive]
    return max((part.records for view in ended for part in view.waiting.values()), default=0)


def _recover(config: TelemetryConfig) -> dict[str, Any]:
    from telemetry_core.cli.flush import deliver_all

    return deliver_all(config, _PATIENCE, quiet=True)


def _runs(config: TelemetryConfig) -> list[dict[str, Any]]:
    from telemetry_core.cli.runs.store import runs_store
    from telemetry_core.errors import TelemetryError

    try:
        page = runs_store(config).list_runs(limit=100)
    except TelemetryError as error:
        click.echo(f"telemetry: {error}", err=True)
        return []
    return sorted(page.rows, key=lambda run: (_TOLD.index(run["agent_name"]), run["start_time"]))


def _overruled(config: TelemetryConfig) -> bool:
    """Tell whether the user's own environment leads the commands below to another place."""
    from telemetry_core.config import load_config
    from telemetry_core.errors import TelemetryError

    try:
        return load_config(config.path).base_dir != config.base_dir
    except TelemetryError:
        return True


def _from_here(path: Path | None) -> str:
    """Return the path as one would type it."""
    try:
        return str(Path(path or "").relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _paths(config: TelemetryConfig) -> dict[str, str]:
    places = {
        "settings": config.path,
        "runs and events, in SQLite": config.base_dir / "db" / "telemetry.sqlite",
        "the same as lines of JSON": config.base_dir / "raw",
        "the spool, empty again": spool_of(config),
    }
    return {name: str(path) for name, path in places.items() if path and path.exists()}


def _show(config: TelemetryConfig, result: dict[str, Any], runs: list[dict[str, Any]]) -> None:
    from telemetry_core.cli.runs.list import runs_table
    from telemetry_core.cli.screen import Screen

    screen = Screen()
    recovered = ", ".join(
        f"{sink['delivered']} records to {name}" for name, sink in result["sinks"].items()
    )
    screen.line(
        f"  recovered    {recovered}; and the end that nobody could say: "
        "the importer's run is closed as cancelled",
        indent=_COLUMN,
    )
    screen.heading("All runs")
    runs_table(screen, runs)
    screen.heading("Where everything lies")
    screen.listing([[f"  {name}", path] for name, path in _paths(config).items()])
    screen.heading("What to try next")
    if _overruled(config):
        screen.line(("  Unset TELEMETRY_BASE_DIR first: it wins over these settings.", "yellow"))
    given = f"--config {shlex.quote(_from_here(config.path))}"
    lost = next((run["run_id"] for run in runs if run["agent_name"] == "importer"), "ID")
    screen.line(f"  telemetry runs show {lost} {given}", wrap=False)
    screen.line(f"  telemetry runs list --status failure {given}", wrap=False)
    screen.line(f"  telemetry track {given} -- echo hello", wrap=False)
    screen.line(f"  telemetry status {given}", wrap=False)
    screen.line("  telemetry init", ("  and then the same without --config", "dim"), indent=4)
