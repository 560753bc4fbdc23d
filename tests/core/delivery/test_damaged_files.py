"""Whatever became of the files beside the segments: set aside with a word, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st
from pytest_telemetry.clock import FakeClock

from telemetry_core.codec import encode
from telemetry_core.delivery.circuit import Circuit
from telemetry_core.delivery.dead_letters import DeadLetter, DeadLetters
from telemetry_core.delivery.gate import Gate
from telemetry_core.delivery.retry import RetryPolicy
from telemetry_core.delivery.spool.cursor import Cursor, Position
from telemetry_core.delivery.spool.spool import Spool
from telemetry_core.delivery.state import Pause, SinkState
from telemetry_core.errors import SpoolError
from telemetry_core.models import RunEvent
from telemetry_core.records import Kind, Lane, Record

Change = Callable[[bytes], bytes]


def cut(at: int, content: bytes) -> bytes:
    return content[: at % (len(content) + 1)]


def put(at: int, new: bytes, content: bytes) -> bytes:
    at %= len(content) + 1
    return content[:at] + new + content[at + len(new) :]


places = st.integers(0, 40_000)
bytewise: st.SearchStrategy[Change] = st.one_of(
    st.builds(lambda at: partial(cut, at), places),
    st.builds(lambda at, new: partial(put, at, new), places, st.binary(min_size=1, max_size=9)),
    st.binary(max_size=60).map(lambda new: lambda _: new),
    st.sampled_from([b"[" * 100_000, b"\0" * 500]).map(lambda new: lambda _: new),
)
numbers = st.integers() | st.sampled_from([10**400, 1e999, -1e999, float("nan"), 1e308])
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def with_another_value(choose: int, value: object, content: bytes) -> bytes:
    """Put a value in place of another, somewhere in a JSON document."""
    document = json.loads(content)
    places = [(document, key) for key in document]
    for inner in [inner for inner in document.values() if isinstance(inner, dict)]:
        places += [(inner, key) for key in inner]
    table, key = places[choose % len(places)]
    table[key] = value
    return json.dumps(document).encode()


wordwise: st.SearchStrategy[Change] = st.builds(
    lambda choose, value: partial(with_another_value, choose, value), places, anything
)
positions = st.builds(Position, st.integers(0, 99), st.integers(0, 10**7))
standings = st.tuples(positions, positions, st.sets(st.text("abc", max_size=3), max_size=3))


@given(st.lists(standings, min_size=1, max_size=4), st.none() | bytewise)
def test_a_cursor_stands_where_it_was_saved_or_at_the_beginning(
    saves: list[tuple[Position, Position, set[str]]], damage: Change | None
) -> None:
    with TemporaryDirectory() as base:
        path = Path(base) / "spool" / "0badcafe" / "cursors" / "sink.log"
        path.parent.mkdir(parents=True)
        cursor, stood = Cursor(path), [Cursor(path)]
        for critical, standard, settled in saves:
            cursor.positions = {Lane.CRITICAL: critical, Lane.STANDARD: standard}
            cursor.settled = {Lane.CRITICAL: settled, Lane.STANDARD: set()}
            assert cursor.save()
            stood.append(Cursor.load(path))
            assert stood[-1] == cursor
        if damage is not None:
            path.write_bytes(damage(path.read_bytes()))
        found = Cursor.load(path)
        assert found in (stood if damage else stood[-1:])
        assert path.exists() or list(Path(base, "damaged").iterdir())
        assert found.save()
        assert Cursor.load(path) == found


@given(bytewise | wordwise)
@example(partial(with_another_value, 2, 1e999))  # the pid
def test_what_an_unreadable_owner_left_is_delivered_or_reported(damage: Change) -> None:
    with TemporaryDirectory() as base:
        old = a_spool(Path(base))
        old.put(Lane.STANDARD, encode("e1", Kind.EVENT, 1, 1, RunEvent("e1", "happened", 1)))
        assert old.writer.folder is not None
        path = old.writer.folder.path
        old.writer.shut()
        old.writer.folder.close()
        owner = path / "owner.json"
        owner.write_bytes(damage(owner.read_bytes()))
        heir = a_spool(Path(base))
        heir.adopt()
        if [record.id for record in heir.outboxes["sink"].take(9, 1 << 20)] != ["e1"]:
            assert json.loads(owner.read_bytes())  # it says that they are another's
            assert list(path.glob("*.seg"))
        heir.close()


def a_spool(base: Path) -> Spool:
    spool = Spool(base, "svc", clock=FakeClock())
    spool.outbox("sink")
    spool.sink_is_live("sink", "there")
    return spool


@given(bytewise | wordwise)
@example(partial(with_another_value, 0, 1e999))  # the time
@example(partial(with_another_value, 6, 10**400))  # the failures of the circuit
def test_a_sink_whose_state_is_unreadable_waits_no_longer_than_it_would_itself(
    damage: Change,
) -> None:
    with TemporaryDirectory() as base:
        path, clock = Path(base) / "sink.json", FakeClock()
        circuit = {"state": "open", "failures": 5, "recovery": 60.0, "retry_in": 40.0}
        SinkState(path, clock).save("key", circuit, Pause(600.0, "http_401", "no key"))
        path.write_bytes(damage(path.read_bytes()))
        SinkState(path, clock).look()
        gate = Gate(clock, RetryPolicy(), Circuit(clock), SinkState(path, clock))
        gate.begin("key")
        assert 0.0 <= gate.wait() <= 5.0
        gate.remember("")
        gate.begin("key")


def letter(record_id: str, reason: str = "why") -> DeadLetter:
    body = RunEvent(record_id, "tick", 5, payload={"n": 1})
    return DeadLetter(Record(record_id, Kind.EVENT, 7, 5, Lane.STANDARD, body), "bad", reason)


@cache
def database() -> bytes:
    """Return a database of several pages."""
    with TemporaryDirectory() as base:
        path = Path(base) / "dead_letters.sqlite"
        DeadLetters(path, FakeClock()).add("s", [letter(f"e{n}", "x" * 300) for n in range(60)])
        return path.read_bytes()


@given(bytewise)
@example(partial(put, 3771, b"\x80"))  # in the words of the error that tells of the damage
@example(partial(put, 3886, b"\x80"))  # in the name of a column
def test_dead_letters_are_kept_in_a_damaged_file_or_a_new_one_or_not_accepted(
    damage: Change,
) -> None:
    with TemporaryDirectory() as base:
        path = Path(base) / "dead_letters.sqlite"
        damaged = damage(database())
        path.write_bytes(damaged)
        letters = DeadLetters(path, FakeClock())
        try:
            letters.add("s", [letter("new")])
        except SpoolError:
            assert path.read_bytes() == damaged
            return
        kept = [kept.record_id for kept in letters.list()]
        aside = list(path.parent.glob("*.corrupt-*[!l]"))
        assert "new" in kept or aside
        assert len(kept) > 60 or aside or len(damaged) < 2
