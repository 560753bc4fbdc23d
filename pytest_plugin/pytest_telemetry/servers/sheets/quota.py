"""How many requests of a kind are answered in a minute, for one user and for all of a project."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from pytest_telemetry.servers.sheets.answers import PROJECT, Refused, error_info

if TYPE_CHECKING:
    from telemetry_core import Clock

_SPAN = 60.0


class Quota:
    """The requests of the last minute; reads and writes are counted apart.

    :ivar per_user: how many one account has in a minute.
    :ivar per_project: how many all accounts have together.
    """

    def __init__(self, time: Clock) -> None:
        self.per_user = 60
        self.per_project = 300
        self._time = time
        self._passed: defaultdict[tuple[str, str | None], deque[float]] = defaultdict(deque)

    def count(self, kind: str, user: str) -> None:
        """Count a request to read or to write; raises the refusal of one too many."""
        now = self._time.monotonic()
        of_all, of_one = self._passed[kind, None], self._passed[kind, user]
        for passed in (of_all, of_one):
            while passed and passed[0] <= now - _SPAN:
                passed.popleft()
        if len(of_one) >= self.per_user:
            raise _exceeded(kind, "per minute per user", "PerMinutePerUser", self.per_user)
        if len(of_all) >= self.per_project:
            raise _exceeded(kind, "per minute", "PerMinutePerProject", self.per_project)
        of_all.append(now)
        of_one.append(now)


def _exceeded(kind: str, words: str, name: str, value: int) -> Refused:
    metric = f"{kind.capitalize()} requests"
    return Refused(
        429,
        f"Quota exceeded for quota metric '{metric}' and limit '{metric} {words}' of service "
        f"'sheets.googleapis.com' for consumer 'project_number:{PROJECT}'.",
        [
            error_info(
                "RATE_LIMIT_EXCEEDED",
                consumer=f"projects/{PROJECT}",
                quota_limit=f"{kind.capitalize()}Requests{name}",
                quota_limit_value=str(value),
                quota_location="global",
                quota_metric=f"sheets.googleapis.com/{kind}_requests",
            )
        ],
    )
