"""Serves the fake until it is stopped: `python -m pytest_telemetry.servers.raxe --keys FILE`."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_telemetry.servers.by_hand import parser_for, run
from pytest_telemetry.servers.raxe.server import RaxeServer

if TYPE_CHECKING:
    from argparse import Namespace


def main() -> None:
    """Serve it, and tell in a file which keys there are."""
    server = RaxeServer()
    parser = parser_for(server)
    parser.add_argument("--keys", type=Path, help="a file for the keys: {situation: key} as JSON")

    def write_keys(options: Namespace) -> None:
        if options.keys is not None:
            _write(options.keys, json.dumps(server.keys, indent=2) + "\n")

    run(server, parser, write_keys)


def _write(path: Path, text: str) -> None:
    """Write a file that is whole as soon as it is there: somebody waits for it."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(draft, path)


if __name__ == "__main__":
    main()
