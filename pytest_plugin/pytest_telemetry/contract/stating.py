"""Checks what a sink says of itself: its health, its destination, its traits and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_telemetry.contract.author import Author
from pytest_telemetry.contract.rules import DESTINATION, HEALTH, STATES
from telemetry_core import Health

if TYPE_CHECKING:
    from pytest_telemetry.contract.bench import Bench, Driven

SIZES = ("batch_size", "batch_bytes", "max_record_bytes")


class Stating(Author):
    """What a sink says of itself."""

    def test_its_health_is_a_health_or_nothing(self, bench: Bench) -> None:
        """Ask a sink that was never used, and one that was."""
        with bench.place().sink() as sink:
            _expect_health(sink)
            sink.deliver(bench.story.told(), HEALTH)
            _expect_health(sink)

    def test_its_health_raises_nothing_while_the_other_end_is_down(self, bench: Bench) -> None:
        """Ask it before and while the other end is down, and without a batch."""
        place = bench.place()
        with place.sink() as sink:
            sink.deliver(bench.story.told(), HEALTH)
            with self.break_destination(place.where):
                _expect_health(sink)

    def test_its_destination_stays_the_same(self, bench: Bench) -> None:
        """Compare that of two sinks with the same settings, before and after a batch."""
        place = bench.place()
        with place.sink() as sink, place.sink() as other:
            told = [_destination(sink), _destination(other)]
            sink.deliver(bench.story.told(), DESTINATION)
            told.append(_destination(sink))
        if len(set(told)) > 1:
            DESTINATION.broken(f"it was {', then '.join(map(repr, told))}")
        if not isinstance(told[0], str | None):
            DESTINATION.broken(f"it is {told[0]!r}")

    def test_what_it_states_can_be_read(self, bench: Bench) -> None:
        """Look at the types of its sizes, of `remote` and of its figures."""
        with bench.place().sink() as sink:
            for name in SIZES:
                size = getattr(sink.plugin, name, None)
                if size is not None and (type(size) is not int or size <= 0):
                    STATES.broken(f"`{name}` is {size!r}")
            if not isinstance(remote := getattr(sink.plugin, "remote", False), bool):
                STATES.broken(f"`remote` is {remote!r}")
            sink.deliver(bench.story.told(), STATES)
            _expect_figures(sink)


def _expect_health(sink: Driven) -> None:
    ask = getattr(sink.plugin, "check_health", lambda: None)
    try:
        health = sink.calls.make(ask)
    except Exception as error:
        HEALTH.broken(f"check_health raised {type(error).__name__}: {error}", error)
    if health is None:
        return
    if not isinstance(health, Health):
        HEALTH.broken(f"check_health returned a {type(health).__name__}")
    fits = isinstance(health.message, str) and isinstance(health.details, Mapping)
    if type(health.ok) is not bool or not fits:
        HEALTH.broken(f"check_health returned {health}")


def _destination(sink: Driven) -> object:
    return sink.calls.make(getattr(sink.plugin, "destination", lambda: None))


def _expect_figures(sink: Driven) -> None:
    try:
        figures = sink.calls.make(getattr(sink.plugin, "stats", dict))
    except Exception as error:
        STATES.broken(f"stats raised {type(error).__name__}: {error}", error)
    if not isinstance(figures, Mapping) or not all(isinstance(name, str) for name in figures):
        STATES.broken(f"`stats()` returned {figures!r}")
