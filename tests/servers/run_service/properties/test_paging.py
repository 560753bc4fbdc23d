"""Whoever follows the links sees every run once, whatever comes meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.servers.run_service.asking import RUNS
from tests.servers.run_service.properties import model
from tests.servers.run_service.properties.model import FILTERS, RUNS_TOLD, answer, named, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.run_service.asking import Asked
    from tests.servers.run_service.properties.model import Question, Run

MEANWHILE = st.lists(st.lists(model.RUNS, min_size=1, max_size=4), max_size=4)


@given(RUNS_TOLD, MEANWHILE, FILTERS, st.integers(1, 4))
def test_each_run_is_seen_once_while_others_come(
    emptied: Callable[[], Asked],
    runs: list[Run],
    meanwhile: list[list[Run]],
    question: Question,
    limit: int,
) -> None:
    service = emptied()
    tell(service, [runs])
    seen: list[str] = []
    for page in pages(service, {**question, "limit": limit}):
        seen += page
        if meanwhile:
            tell(service, [named(meanwhile.pop(), first=100 * (1 + len(meanwhile)))])
    before = answer(runs, question)
    assert [event_id for event_id in seen if event_id in before] == before
    assert len(seen) == len(set(seen))


@given(RUNS_TOLD, FILTERS, st.integers(1, 4))
def test_the_pages_together_are_the_whole_answer_and_none_of_them_is_empty_for_nothing(
    emptied: Callable[[], Asked], runs: list[Run], question: Question, limit: int
) -> None:
    service = emptied()
    tell(service, [runs])
    found = list(pages(service, {**question, "limit": limit}))
    whole = answer(runs, question)
    assert [event_id for page in found for event_id in page] == whole
    assert [len(page) for page in found] == sizes(len(whole), limit)


def sizes(number: int, limit: int) -> list[int]:
    """Return how long the pages of so many are; the first one is there in any case."""
    return [min(limit, number - begin) for begin in range(0, number, limit)] or [0]


def pages(service: Asked, question: Question) -> Iterator[list[str]]:
    """Give the ids of each page, and follow its link."""
    answered = service.get(RUNS, params=question)
    for _ in range(100):
        yield [run["event_id"] for run in answered.json()]
        if "next" not in answered.links:
            return
        answered = service.get(answered.links["next"]["url"])
    raise AssertionError("the pages do not end")
