"""Who hears of a moment: the intake, which writes it, and then the listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.delivery.intake import Intake
    from telemetry_core.manager import Hearing, Listeners


class Hears(NamedTuple):
    """Who hears what: of each moment what writes it, and the listeners by name."""

    on_start_run: tuple[Callable[..., object], tuple[Hearing, ...]]
    on_event: tuple[Callable[..., object], tuple[Hearing, ...]]
    on_end_run: tuple[Callable[..., object], tuple[Hearing, ...]]

    @classmethod
    def of(cls, intake: Intake, listeners: Listeners) -> Self:
        """Put the intake before all others."""
        return cls(
            (intake.on_start_run, listeners.on_start_run),
            (intake.on_event, listeners.on_event),
            (intake.on_end_run, listeners.on_end_run),
        )
