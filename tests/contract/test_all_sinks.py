"""Every sink that is installed with this repository is under contract."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from telemetry_core import NAME

CONTRACTS = {
    found
    for path in Path(__file__).parent.glob("test_*.py")
    for found in re.findall(
        r"^class Test(\w+)\(SinkContract\):", path.read_text("utf-8"), re.MULTILINE
    )
}


@pytest.mark.parametrize("offer", sorted(entry_points(group=NAME)), ids=lambda offer: offer.name)
def test_an_installed_sink_has_a_contract(offer: EntryPoint) -> None:
    sink = offer.load()
    assert not hasattr(sink, "ship_batch") or sink.__name__ in CONTRACTS
