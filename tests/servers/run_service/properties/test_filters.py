"""A question is answered as by somebody who looks at each run, however the runs came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from tests.servers.run_service.asking import RUNS
from tests.servers.run_service.properties.model import FILTERS, RUNS_TOLD, answer, arrivals, tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.run_service.asking import Asked
    from tests.servers.run_service.properties.model import Question, Run

PAGES = st.fixed_dictionaries(
    {}, optional={"limit": st.integers(1, 9), "offset": st.integers(0, 9)}
)
QUESTIONS = st.lists(st.builds(lambda *parts: parts[0] | parts[1], FILTERS, PAGES), max_size=4)


@given(st.data(), RUNS_TOLD, QUESTIONS)
def test_a_question_finds_what_it_means_in_the_order_of_their_moments(
    emptied: Callable[[], Asked], data: st.DataObject, runs: list[Run], questions: list[Question]
) -> None:
    told = data.draw(arrivals(runs))
    service = emptied()
    tell(service, told)
    for question in [{}, *questions]:
        assert ids(service, question) == answer([run for some in told for run in some], question)


@given(RUNS_TOLD, FILTERS)
def test_the_number_of_all_is_that_of_those_found(
    emptied: Callable[[], Asked], runs: list[Run], question: Question
) -> None:
    service = emptied()
    tell(service, [runs])
    found = service.get(RUNS, params={**question, "total": True, "limit": 1})
    assert found.headers["x-total-count"] == str(len(answer(runs, question)))


def ids(service: Asked, question: dict[str, Any]) -> list[str]:
    """Return the event ids that a question finds."""
    return [run["event_id"] for run in service.get(RUNS, params=question).json()]
