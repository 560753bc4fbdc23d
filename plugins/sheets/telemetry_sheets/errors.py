"""What can be wrong with a sheet or the way to it, each error saying what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from telemetry_core import ConfigError, TelemetryError

if TYPE_CHECKING:
    from telemetry_core.sending import Answer


class AddressError(ConfigError, ValueError):
    """An address, an id or a token cannot be used; the text never holds any of them."""


class Problem(NamedTuple):
    """What is wrong, as one word for programs and as a sentence that says what to do.

    :ivar lasts: until somebody mends it; otherwise it may pass, or one of the rows is to blame.
    """

    code: str
    words: str
    lasts: bool = False


class RefusedError(TelemetryError):
    """Google said no.

    :ivar answer: what it answered; nothing where no request was made for it.
    """

    def __init__(self, problem: Problem, answer: Answer | None = None) -> None:
        super().__init__(problem.words)
        self.problem = problem
        self.answer = answer
