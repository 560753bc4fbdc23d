"""A remote that hangs is given up when its time is over, and asked again; the program goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.halves import case, halves
from tests.chaos.stage import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sink_server import SinkServer
    from tests.chaos.stage import Stage

TELLS_ON = """
client = TelemetryClient()
capture(client, range(20))
sys.stdin.readline()
capture(client, range(20, 40))
while not client.flush(5): pass
"""
IN_A_MOMENT = 'plugin = "hasty"\n'  # all others have the half minute of a batch
PATIENT = ""


@pytest.mark.parametrize(
    "more", halves({"a moment": IN_A_MOMENT, "half a minute": PATIENT}, "a moment")
)
@pytest.mark.parametrize(
    ("kind", "how", "often"),
    [
        case("remote", "hangs once, until it is given up", "hang", {}, 1),
        case("remote", "stores, and hangs amid its answer", "byte_by_byte", {"pause": 600}, 2),
    ],
)
def test_a_request_that_hangs_is_given_up_and_sent_again(
    remote: Callable[..., Stage],
    server: SinkServer,
    more: str,
    kind: str,
    how: dict[str, Any],
    often: int,
) -> None:
    stage = remote(more=more)
    server.misbehave(kind, times=1, **how)
    program = stage.start(TELLS_ON)
    until(server.requests, "it was asked")
    stage.finish(program)
    counts = server.counts()
    assert counts.keys() == set(range(40))
    assert max(counts.values()) == often
    stage.conclude()
