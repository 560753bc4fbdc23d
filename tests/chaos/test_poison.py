"""One record that a sink can never take becomes a dead letter; the thousand around it arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sink_server import SinkServer
    from tests.chaos.stage import Stage

OFFENDER = 631
TELLS = f"""
client = TelemetryClient()
capture(client, range({OFFENDER}))
capture(client, [{OFFENDER}], int(sys.argv[1]))
capture(client, range({OFFENDER + 1}, 1000))
while not client.flush(60): pass
"""
SMALL, LARGE = "0", "50_000"
PICKY = f'[plugins.picky]\npoison = "{OFFENDER}"\n'


def conclude(stage: Stage, code: str) -> None:
    """Expect the offender alone to be a dead letter, with this code."""
    stage.conclude()
    [account] = [account for _sink, account in stage.ledger]
    assert account.buried == {OFFENDER: code}
    assert account.delivered == 999


@pytest.mark.chaos("a poison record in a thousand: the sink rejects it", "poison")
def test_a_record_that_is_rejected_is_buried_alone(stages: Callable[..., Stage]) -> None:
    stage = stages("picky", settings=PICKY)
    stage.run(TELLS, SMALL)
    conclude(stage, "poison")


@pytest.mark.chaos("a poison record in a thousand: the sink raises for it", "poison")
def test_a_record_that_the_sink_raises_for_is_buried_alone(stages: Callable[..., Stage]) -> None:
    stage = stages("picky", settings=f"{PICKY}raises = true\n")
    stage.run(TELLS, SMALL)
    conclude(stage, "plugin_error")


@pytest.mark.chaos("a poison record in a thousand: the remote says 400 to it", "poison")
def test_a_record_that_the_remote_refuses_is_buried_alone(
    remote: Callable[..., Stage], server: SinkServer
) -> None:
    stage = remote()
    server.misbehave("poison", mark=OFFENDER)
    stage.run(TELLS, SMALL)
    conclude(stage, "http_400")


@pytest.mark.chaos("a poison record in a thousand: it is too large for the sink", "poison")
def test_a_record_that_is_too_large_is_buried_alone(stages: Callable[..., Stage]) -> None:
    stage = stages("narrow")
    stage.run(TELLS, LARGE)
    conclude(stage, "too_large")
