"""A command-line tool with telemetry of its own: no file of the working directory configures it."""

import argparse
import sys
from pathlib import Path

from telemetry_core import TelemetryClient


def main(arguments: list[str] | None = None) -> int:
    """Count the words of files; the exit code is the tool's own, whatever telemetry does."""
    parser = argparse.ArgumentParser(prog="words", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=[Path(__file__)])
    files = parser.parse_args(arguments).files

    # A client of its own: no telemetry.toml of a directory in which the tool happens to be called
    # has a say, but the user's environment does, DO_NOT_TRACK and TELEMETRY_DISABLED with it.
    with (
        TelemetryClient() as client,
        client.track_run("words", "count", items_discovered=len(files)) as run,
    ):
        counts = {path: count(path) for path in files}
        failed = [path for path, number in counts.items() if number is None]
        run.set_metrics(
            items_succeeded=len(files) - len(failed),
            items_failed=len(failed),
            metrics_json={"words": sum(number or 0 for number in counts.values())},
        )
        if failed:
            run.end("partial" if len(failed) < len(files) else "failure")
    for path, number in counts.items():
        print(f"{path}: {'cannot be read' if number is None else number}")
    return 1 if failed else 0


def count(path: Path) -> int | None:
    """Return the number of words in a file, or nothing when it cannot be read."""
    try:
        return len(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        return None


if __name__ == "__main__":
    sys.exit(main())
