"""Says what the cases of a test are, and which of them the quick half tries; the whole tries all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _pytest.mark import ParameterSet


def halves(cases: Mapping[str, object], *quick: str) -> list[ParameterSet]:
    """Return parameters by the names of their cases, of which some are for the quick half too."""
    assert cases.keys() >= set(quick)
    return [
        pytest.param(value, id=name, marks=() if name in quick else pytest.mark.whole)
        for name, value in cases.items()
    ]


def case(group: str, sentence: str, *values: object, whole: bool = False) -> ParameterSet:
    """Return the parameters of a case that has a sentence, and so a line, of its own."""
    marks = [pytest.mark.chaos(sentence, group), *[pytest.mark.whole] * whole]
    return pytest.param(*values, id=sentence, marks=marks)
