"""What became of every record of a case: the sum has to balance, and nothing may be lost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = 10


@define
class Account:
    """The numbers that were told to one sink, and where each of them is now.

    :ivar recorded: whose call returned.
    :ivar in_flight: whose call had begun when the program ended; they may arrive.
    :ivar arrived: how often each was found at the destination.
    :ivar buried: the code with which each became a dead letter.
    :ivar gone: how many the product itself counts as dropped, or as not accepted.
    :ivar given_up: what the setting does not promise, such as what came since the last sync.
    :ivar torn: arrivals that are not what was told.
    :ivar set_aside: lines of the spool that a reader found damaged.
    """

    recorded: frozenset[int]
    arrived: Mapping[int, int]
    in_flight: frozenset[int] = frozenset()
    buried: Mapping[int, str] = field(factory=dict)
    gone: Counter[str] = field(factory=Counter)
    given_up: int = 0
    torn: int = 0
    set_aside: int = 0

    @property
    def delivered(self) -> int:
        """How many of the recorded arrived."""
        return len(self.recorded & self.arrived.keys())

    @property
    def twice(self) -> int:
        """How often something arrived once more."""
        return sum(times - 1 for times in self.arrived.values())

    @property
    def nowhere(self) -> list[int]:
        """The recorded that neither arrived nor became dead letters, in ascending order."""
        return sorted(self.recorded - self.arrived.keys() - self.buried.keys())

    @property
    def lost(self) -> int:
        """How many of the recorded are nowhere, and counted by nobody."""
        return len(self.nowhere) - self.gone.total() - self.given_up

    def figures(self) -> dict[str, Any]:
        """Return the sum by its parts, as it is stored and printed."""
        return {
            "tries": 1,
            "recorded": len(self.recorded),
            "delivered": self.delivered,
            "in flight": len(self.arrived.keys() - self.recorded),
            "twice": self.twice,
            "dead letters": dict(Counter(self.buried[n] for n in self._dead)),
            "gone": {reason: count for reason, count in sorted(self.gone.items()) if count},
            "given up": self.given_up,
            "torn": self.torn + self.set_aside,
            "lost": self.lost,
        }

    @property
    def _dead(self) -> frozenset[int]:
        return (self.recorded & self.buried.keys()) - self.arrived.keys()

    def balances(self) -> None:
        """Fail with the numbers in question when the sum does not balance to zero lost."""
        assert self.lost == 0, f"lost {self.lost}, among {_some(self.nowhere)}: {line(self)}"
        strangers = sorted(self.arrived.keys() - self.recorded - self.in_flight)
        assert not strangers, f"nobody told {_some(strangers)}: {line(self)}"
        assert not self.torn + self.set_aside, f"torn records were read: {line(self)}"


def line(account: Account) -> str:
    """Return the account as one line."""
    return line_of(account.figures())


def line_of(figures: Mapping[str, Any]) -> str:
    """Return figures as one line; what is zero and no news is left out."""
    parts = [f"recorded {figures['recorded']}", f"delivered {figures['delivered']}"]
    parts += [f"and {figures['in flight']} in flight"] * bool(figures["in flight"])
    parts.append(f"twice {figures['twice']}")
    parts += [f"dead letters {n} ({code})" for code, n in figures["dead letters"].items()]
    parts += [f"{reason} {count}" for reason, count in figures["gone"].items()]
    parts += [f"not promised {figures['given up']}"] * bool(figures["given up"])
    parts.append(f"torn {figures['torn']}")
    tries = f", {figures['tries']} tries" if figures["tries"] > 1 else ""
    return f"{', '.join(parts)}; lost {figures['lost']}{tries}"


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of two tries of one case as a sum."""
    return {
        name: dict(Counter(value) + Counter(other[name]))
        if isinstance(value, dict)
        else value + other[name]
        for name, value in one.items()
    }


def _some(numbers: list[int]) -> str:
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return ", ".join(map(str, numbers[:SHOWN])) + more
