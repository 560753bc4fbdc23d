"""How long to wait before trying again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, validators

from telemetry_core.ids import random_fraction

if TYPE_CHECKING:
    from collections.abc import Callable

_HIGHEST_POWER = 63


@define(frozen=True)
class RetryPolicy:
    """Full jitter: any wait below a ceiling that doubles with each attempt, up to a cap.

    A crowd that failed together comes back spread out. `random` gives a number from 0 to 1; one
    that always gives 1 turns the ceiling itself into the wait.
    """

    base: float = field(default=0.5, validator=validators.ge(0))
    cap: float = field(default=60.0, validator=validators.ge(0))
    random: Callable[[], float] = random_fraction

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the given failed attempt, the first being 1."""
        doublings = min(max(attempt, 1) - 1, _HIGHEST_POWER)
        ceiling: float = min(self.cap, self.base * 2**doublings)
        return ceiling * self.random()
