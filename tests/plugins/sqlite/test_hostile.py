from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_core import RUN_FIELDS

if TYPE_CHECKING:
    from telemetry_sqlite import SqliteSink

    from tests.plugins.sqlite.conftest import Story

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.binary(max_size=4),
    st.lists(st.text(st.characters(), max_size=3), max_size=2),
    st.builds(object),
)
of_a_run = st.dictionaries(st.sampled_from(RUN_FIELDS), anything, max_size=6)
of_an_event = st.fixed_dictionaries(
    {},
    optional={
        "event_type": anything,
        "run_id": anything,
        "distinct_id": anything,
        "payload": st.dictionaries(st.text(st.characters()), anything, max_size=3),
        "context": st.dictionaries(anything.filter(lambda key: key.__hash__), anything, max_size=3),
    },
)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(runs=st.lists(of_a_run, max_size=3), events=st.lists(of_an_event, max_size=3))
def test_whatever_a_record_holds_it_is_stored_or_refused_and_the_good_one_is_stored(
    sink: SqliteSink, story: Story, runs: list[dict[str, Any]], events: list[dict[str, Any]]
) -> None:
    good = story.event()
    hostile = [story.run(story.a_run(), **fields) for fields in runs]
    hostile += [story.event(**fields) for fields in events]
    batch = story.batch(good, *hostile)

    receipt = sink.ship_batch(batch)

    assert receipt.delivered | set(receipt.rejected) == {record.id for record in batch}
    assert good.id in receipt.delivered
    assert receipt.delivered.isdisjoint(receipt.rejected)
    sink.runs_store().list_runs()
