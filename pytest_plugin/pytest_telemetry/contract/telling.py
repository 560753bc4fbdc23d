"""Checks a sink behind a real client: handed in, and made from a table as a user writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from pytest_telemetry.clock import FakeClock
from pytest_telemetry.contract.author import Author
from pytest_telemetry.contract.bench import how_often
from pytest_telemetry.contract.rules import FROM_TABLE, ONCE, SETTINGS_STAY
from pytest_telemetry.contract.table import fields_of, install, name_of, telemetry_toml
from pytest_telemetry.contract.witness import Witness, tell
from telemetry_core import TelemetryClient, load_config

if TYPE_CHECKING:
    import pytest

    from pytest_telemetry.contract.bench import Bench, Place
    from pytest_telemetry.contract.rules import Rule


class Telling(Author):
    """What a program tells, and what arrives of it."""

    def test_what_a_program_tells_arrives_once(self, bench: Bench) -> None:
        """Tell a client of a run and events; on a fake clock, where the sink takes one."""
        place, witness = bench.place(), Witness()
        sink: Any = self.make_sink(place.where)
        options: dict[str, Any] = {}
        if attrs.has(type(sink)) and "clock" in fields_of(sink):
            options["clock"] = FakeClock()
            sink = attrs.evolve(sink, **options)
        config = load_config(
            environ={
                "TELEMETRY_BASE_DIR": str(bench.folder / "telemetry"),
                "TELEMETRY_ON_ERROR": "raise",
            }
        )
        config.active = ()
        tell(lambda: TelemetryClient(config, plugins=[witness, sink], **options), ONCE)
        _expect_once(place, witness, ONCE)

    def test_a_table_of_its_settings_makes_the_same_sink(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Write its fields into a telemetry.toml, and tell the client that this makes."""
        place, witness, path = bench.place(), Witness(), bench.folder / "telemetry.toml"
        with place.sink() as sink:
            cls = type(sink.plugin)
            name = name_of(cls) or install(cls, bench.folder / "site")
            text = telemetry_toml(sink.plugin, name, bench.folder / "telemetry")
        monkeypatch.syspath_prepend(bench.folder / "site")
        path.write_text(text, "utf-8")
        config = load_config(path, environ={})
        tell(lambda: TelemetryClient(config, plugins=[witness]), FROM_TABLE)
        _expect_once(place, witness, FROM_TABLE)

    def test_its_settings_stay_as_they_are(self, bench: Bench) -> None:
        """Compare its fields before and after a batch."""
        with bench.place().sink() as sink:
            before = fields_of(sink.plugin)
            sink.deliver(bench.story.told(), SETTINGS_STAY)
            after = fields_of(sink.plugin)
        for name, value in before.items():
            if after[name] is not value and after[name] != value:
                SETTINGS_STAY.broken(f"`{name}` became another one with the first batch")


def _expect_once(place: Place, witness: Witness, rule: Rule) -> None:
    """Compare what arrived with what a sink beside this one got."""
    place.expect(witness.records, rule)
    held = place.holds()
    for record in witness.records:
        if record.id == record.body.event_id and how_often(held, record) > 1:
            rule.broken(f"an event that was told once arrived {held[record.id]} times")
