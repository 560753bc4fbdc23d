"""Dead letters to look at, and a sink that keeps what it gets in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.dead_letters import DeadLetter, DeadLetters
from telemetry_core.models import RunEvent
from telemetry_core.records import Kind, Lane, Record

if TYPE_CHECKING:
    from collections.abc import Callable

# Keeps ids in the file `got`; raises while there is a file `down`, refuses ids named in `refused`.
KEEPS = """
import pathlib
from attrs import define
from telemetry_core import Receipt, Rejection, hookimpl

@define(eq=False)
class Shaky:
    @hookimpl
    def ship_batch(self, batch):
        if pathlib.Path("down").exists():
            raise OSError("no route")
        refused = pathlib.Path("refused")
        bad = refused.read_text().split() if refused.exists() else []
        with open("got", "a") as got:
            got.writelines(f"{record.id}\\n" for record in batch if record.id not in bad)
        no = {record.id: Rejection("still_bad", "no") for record in batch if record.id in bad}
        return Receipt.of([record.id for record in batch if record.id not in no], no)
"""


@pytest.fixture
def letters(store: Path) -> DeadLetters:
    return DeadLetters(store / "dead_letters.sqlite", SystemClock())


@pytest.fixture
def bury(letters: DeadLetters, installed: Callable[[str], None]) -> Callable[..., list[str]]:
    """Return what makes dead letters of the sink `shaky`, or of another, and returns their ids."""
    installed(KEEPS)

    def make(number: int = 3, sink: str = "shaky", code: str = "bad", **payload: Any) -> list[str]:
        ids = [f"{code}-{n:06d}" for n in range(number)]
        bodies = (RunEvent(one, "tick", 5, payload={"n": 1, **payload}) for one in ids)
        records = (Record(b.event_id, Kind.EVENT, 1, 5, Lane.STANDARD, b) for b in bodies)
        letters.add(sink, (DeadLetter(record, code, "no distinct_id") for record in records))
        return ids

    return make


@pytest.fixture
def got() -> Callable[[], list[str]]:
    """Return what tells the ids that the sink got so far."""
    return lambda: Path("got").read_text().split() if Path("got").exists() else []
