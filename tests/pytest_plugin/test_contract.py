"""Each fault that is planted in a sink is found by the test that is named for its rule."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
from pytest_telemetry.contract.rules import PAGE

from tests.pytest_plugin.conftest import NEEDLESS

SINKS = Path(__file__).with_name("planted_sinks.py")

ARRIVED = "what_it_says_is_delivered_is_at_the_other_end"
AGAIN = "a_batch_that_comes_again_makes_nothing_new"
PART = "part_of_a_batch_that_comes_again_takes_nothing_away"
DOWN = "while_the_other_end_is_down_its_records_wait"
BACK = "when_the_other_end_is_back_the_same_sink_delivers"
TOLD = "what_a_program_tells_arrives_once"
TABLE = "a_table_of_its_settings_makes_the_same_sink"
CLOSING = "closing_raises_nothing"
CLOSING_DOWN = "it_closes_while_nothing_can_arrive"
THREAD = "the_next_call_may_come_on_another_thread"
HEALTH_DOWN = "its_health_raises_nothing_while_the_other_end_is_down"
SHOWN = "its_secret_is_not_in_what_it_shows"
SHOWN_IN_ERROR = "its_secret_is_not_in_an_error"
RECEIPT = "it_returns_a_receipt_or_nothing"
NONES = "fields_that_are_none_are_delivered"

FAULTS: dict[str, set[str]] = {
    "RightSink": set(),
    "SwallowsFailures": {DOWN},
    "HasAnotherWay": {DOWN},
    "KeepsForTheNextCall": {DOWN},
    "DeliversWithTheClose": {ARRIVED},
    "RejectsWhileDown": {DOWN},
    "NeverRecovers": {BACK},
    "NamesWhatWasBefore": {"a_receipt_names_records_of_its_batch_only"},
    "SettlesByPosition": {"each_record_is_settled_by_its_own_id"},
    "AnswersTrue": {RECEIPT, TOLD, TABLE},
    "RejectsWithAText": {RECEIPT},
    "DeliversTwiceAsNew": {AGAIN},
    "ReplacesByTheFirst": {AGAIN, PART},
    "NeedsTheStartFirst": {"records_may_come_in_any_order", "a_run_that_has_ended_stays_ended"},
    "ReopensRuns": {"a_run_that_has_ended_stays_ended"},
    "DropsEventsWithoutRun": {NONES, TOLD, TABLE},
    "NeedsAPayload": {NONES, TOLD, TABLE},
    "OneValueCostsTheBatch": {"a_value_that_it_does_not_take_costs_one_record"},
    "ChangesThePayload": {"the_batch_is_not_changed"},
    "ChangesTheRun": {"the_batch_is_not_changed"},
    "NeedsARecord": {"an_empty_batch_is_taken"},
    "TakesBatchSizeOnly": {"a_batch_larger_than_its_batch_size_is_taken"},
    "MixesDestinations": {"two_destinations_are_kept_apart"},
    "SharesItsConnectionWithAChild": {"a_forked_child_and_its_parent_both_deliver"},
    "BelongsToItsThread": {THREAD},
    "BlocksPastItsDeadline": {"a_call_is_over_by_its_deadline_while_the_other_end_hangs"},
    "RetriesByItself": {"a_call_is_over_by_its_deadline_while_the_other_end_is_down"},
    "ConnectsWhenBuilt": {"it_is_built_while_the_other_end_is_down"},
    "RaisesInClose": {CLOSING, CLOSING_DOWN},
    "ClosesOnceOnly": {CLOSING},
    "RaisesInCloseWhileDown": {CLOSING_DOWN},
    "LeavesAThread": {"no_thread_outlives_its_close"},
    "LeavesADescriptorOfEachBatch": {"batches_leave_no_descriptor_open"},
    "LeavesADescriptorWhenClosed": {"closed_sinks_leave_no_descriptor_open"},
    "RaisesInCheckHealth": {HEALTH_DOWN},
    "IsHealthyByTrue": {"its_health_is_a_health_or_nothing", HEALTH_DOWN},
    "ChangesItsDestination": {"its_destination_stays_the_same"},
    "CountsInAList": {"what_it_states_can_be_read"},
    "HasASizeInWords": {"what_it_states_can_be_read"},
    "HasASettingNoTableHolds": {TABLE},
    "ChangesItsSettings": {"its_settings_stay_as_they_are"},
    "HasNoHook": {TOLD, TABLE},
    "ShowsItsKeyInAnError": {SHOWN_IN_ERROR},
    "ShowsItsKeyInAReceipt": {SHOWN_IN_ERROR},
    "ShowsItsKeyInALog": {SHOWN},
    "ShowsItsKeyInItsHealth": {SHOWN, SHOWN_IN_ERROR},
    "ShowsItsKeyInItsDestination": {SHOWN, SHOWN_IN_ERROR},
}
GROUPS = [list(FAULTS)[start::4] for start in range(4)]


class Failure(NamedTuple):
    """One failed test of a contract."""

    sink: str
    test: str
    text: str


def _judge(pytester: pytest.Pytester, sinks: list[str]) -> list[Failure]:
    """Run the contract over these sinks in one go and return what failed; nothing is skipped."""
    tests = f"\n\nglobals().update(contracts({sinks!r}))\ndel Planted, SinkContract\n"
    pytester.makepyfile(test_planted=SINKS.read_text("utf-8") + tests)
    run = pytester.inline_run("-q", *NEEDLESS, "-W", "error")
    reports = [r for r in run.getreports("pytest_runtest_logreport") if not r.passed]
    failures = []
    for report in reports:
        assert (report.when, report.outcome) == ("call", "failed"), report.longreprtext
        _, sink, test = report.nodeid.split("::")
        name = (sink.removeprefix("Test"), test.removeprefix("test_"))
        failures.append(Failure(*name, report.longreprtext))
    return failures


@pytest.mark.parametrize("sinks", GROUPS, ids=["first", "second", "third", "fourth"])
def test_each_fault_fails_the_test_of_its_rule_and_no_other(
    pytester: pytest.Pytester, sinks: list[str]
) -> None:
    failed = defaultdict(set)
    failures = _judge(pytester, sinks)
    for failure in failures:
        failed[failure.sink].add(failure.test)
    assert {sink: failed[sink] for sink in sinks} == {sink: FAULTS[sink] for sink in sinks}
    unclear = [f for f in failures if not all(w in f.text for w in ("rule: ", PAGE, "do:   "))]
    assert unclear == []
