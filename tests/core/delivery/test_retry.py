from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_core.delivery.retry import RetryPolicy


def ceiling() -> float:
    return 1.0


def test_the_ceiling_doubles_with_each_attempt_up_to_the_cap() -> None:
    policy = RetryPolicy(base=0.5, cap=3.0, random=ceiling)
    assert [policy.delay(attempt) for attempt in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_full_jitter_takes_any_share_of_the_ceiling() -> None:
    assert RetryPolicy(base=0.5, random=lambda: 0.0).delay(9) == 0.0
    assert RetryPolicy(base=0.5, random=lambda: 0.25).delay(2) == 0.25


def test_two_policies_do_not_wait_the_same() -> None:
    assert len({RetryPolicy().delay(5) for _ in range(20)}) > 1


@given(attempt=st.integers())
def test_no_count_of_attempts_is_too_much_or_too_little(attempt: int) -> None:
    assert 0.0 <= RetryPolicy().delay(attempt) <= 60.0


def test_a_negative_base_is_refused() -> None:
    with pytest.raises(ValueError, match="base"):
        RetryPolicy(base=-1)
