"""Cases take turns, and one that fails does not end the run."""

from __future__ import annotations

import pytest

from benchmarks import plan
from benchmarks.cases import CaseError, run_case
from benchmarks.report import promised, short, whole
from benchmarks.sections import floor

ALL = plan.cases(plan.SECTIONS, peers=True)


def test_without_peers_no_case_needs_an_environment() -> None:
    cases = plan.cases(plan.SECTIONS, peers=False)
    assert cases
    assert {case.needs for case in cases} == {None}


def test_the_floor_is_measured_whatever_is_chosen() -> None:
    assert [case.name for case in plan.cases(["growth"], peers=False)][:3] == list(floor.CASES)


def test_every_row_and_every_ratio_is_of_a_case_that_exists() -> None:
    known = {str(case) for case in ALL}
    rows = [row for name in plan.SECTIONS for row in getattr(plan.section(name), "ROWS", ())]
    assert {row.case for row in rows} <= known
    assert {row.floor[0] for row in rows if row.floor} <= known


def test_every_case_that_needs_an_environment_says_so_by_a_name_that_exists() -> None:
    for name in plan.SECTIONS:
        module = plan.section(name)
        assert set(getattr(module, "NEEDS", {})) <= set(module.CASES)


def test_cases_are_interleaved_and_a_failure_ends_nothing_but_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []

    def run(section: str, name: str, _limit: float) -> dict[str, float]:
        order.append(name)
        if name == "sync":
            raise CaseError("the disk is gone")
        return {"p50_us": 1.0}

    monkeypatch.setattr(plan, "run_case", run)
    found = plan.measure(plan.cases(["floor"], peers=False), 2, None, _quiet)
    assert order == ["write", "sync", "insert", "write", "insert"]
    assert found.failed == {"floor.sync": "the disk is gone"}
    assert "`floor.sync` failed: the disk is gone" in whole(found)


def test_an_interrupt_ends_it_with_what_there_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(_section: str, name: str, _limit: float) -> dict[str, float]:
        if name == "sync":
            raise KeyboardInterrupt
        return {"p50_us": 1.0}

    monkeypatch.setattr(plan, "run_case", run)
    found = plan.measure(plan.cases(["floor"], peers=False), 2, None, _quiet)
    assert list(found.measured) == ["floor.write"]
    assert whole(found).endswith("Interrupted: not everything was measured.")


def test_a_case_that_is_long_and_steady_is_measured_in_the_first_round_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []

    def run(_section: str, name: str, _limit: float) -> dict[str, float]:
        order.append(name)
        return {}

    monkeypatch.setattr(plan, "run_case", run)
    chosen = plan.cases(["memory"], peers=False)
    plan.measure(chosen, 2, None, _quiet)
    assert order == [case.name for case in chosen] + [c.name for c in chosen if not c.once]
    assert {case.section for case in chosen if case.once} == {"memory"}


def test_a_case_that_fails_in_its_process_says_its_last_words() -> None:
    with pytest.raises(CaseError, match="KeyError: 'no such case'"):
        run_case("floor", "no such case")


def test_a_run_of_the_floor_gives_a_table() -> None:
    found = plan.measure([plan.Case("floor", "sync", None)], 1, None, _quiet)
    assert found.machine in whole(found).splitlines()[0]
    assert [result.row.figure for result in promised(found)] == ["p50_us"]
    assert found.machine in short(found)


def _quiet(_words: str) -> None:
    """Say nothing."""
