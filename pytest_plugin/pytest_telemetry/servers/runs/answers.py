"""What the run service says, whatever it says it about: texts, and lists of problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from pytest_telemetry.servers.messages import Refusal, Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    Place: TypeAlias = tuple[str | int, ...]

_URL = "https://errors.pydantic.dev/2.5/v/{}"


@define(frozen=True)
class Problem:
    """One thing that is wrong with a request: of which type, where, in words, and the value."""

    type: str
    loc: Place
    msg: str
    input: Any = None
    ctx: Mapping[str, Any] = field(factory=dict)

    def told(self) -> dict[str, Any]:
        """Return it as it stands in an answer."""
        told = {"type": self.type, "loc": list(self.loc), "msg": self.msg, "input": self.input}
        if self.ctx:
            told["ctx"] = dict(self.ctx)
        return {**told, "url": _URL.format(self.type)}


class Refused(Refusal):
    """Raised for every answer that is no success, in the service's own words."""

    def __init__(self, status: int, detail: str | list[dict[str, Any]], **headers: str) -> None:
        super().__init__(status, str(detail))
        self.response = Response.json({"detail": detail}, status, **headers)


class BrokenOffError(Refusal):
    """Raised where the reference service breaks: its framework answers in plain text."""

    def __init__(self) -> None:
        super().__init__(500, "Internal Server Error")
        headers = {"content-type": "text/plain; charset=utf-8"}
        self.response = Response(500, headers, b"Internal Server Error")


def refused_for(problems: Sequence[Problem]) -> Refused:
    """Return the refusal that lists these problems."""
    return Refused(422, [problem.told() for problem in problems])


def run_not_found(id: str) -> Refused:
    """Return the refusal for a run that is not there."""
    return Refused(404, f"Run not found: {id}")
