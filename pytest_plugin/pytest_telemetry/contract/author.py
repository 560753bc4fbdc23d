"""What the author of a sink writes to have it checked: two methods, and what unlocks more."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from pytest_telemetry.contract.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from pytest_telemetry.contract.story import Story


class Author:
    """Describes a sink to its contract.

    A destination is given as `where`, an empty directory of its own: a sink that keeps files keeps
    them there, any other takes the directory's name for a project, a table or a path of its server.

    :cvar secret: the text that `make_sink` uses as key or token; "" says that there is none.
    :cvar append_only: the other end is a log. What comes twice stands there twice, under one id.
    :cvar ends_only: it wants ends of runs and no other record, and says so as `only`.
    :cvar tells: the story, where only some types of events are taken: a class of your own, from
        `Story`, that tells of those and whose `wants` says so.
    :cvar one_destination: `make_sink` has one other end only, whatever `where` says.
    :cvar patience: how many seconds of real time after a deadline a call may end at the latest.
    """

    secret: ClassVar[str | None] = None
    append_only: ClassVar[bool] = False
    ends_only: ClassVar[bool] = False
    tells: ClassVar[type[Story] | None] = None
    one_destination: ClassVar[bool] = False
    patience: ClassVar[float] = 3.0

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        """Return where one check takes place."""
        return Bench(self, tmp_path)

    def make_sink(self, where: Path, /) -> object:  # noqa: ARG002 - for the author
        """Return a new sink that delivers to this destination, as a configuration would make it."""
        raise _unwritten(self, "make_sink", "a new sink that delivers to this destination")

    def delivered(self, where: Path, /) -> Iterable[str]:  # noqa: ARG002 - for the author
        """Return the ids that this destination holds, each as often as it holds it.

        An event is known by its `event_id`. A record of a run is known by `record.id` where the
        other end keeps that, else by the `event_id` of the run.
        """
        raise _unwritten(self, "delivered", "the ids that this destination holds")

    def break_destination(self, where: Path, /) -> AbstractContextManager[object]:  # noqa: ARG002 - for the author
        """Return a context in which the other end is down, and after which it is back; optional."""
        raise unchecked("write break_destination(self, where), a context with the other end down")

    def hang_destination(self, where: Path, /) -> AbstractContextManager[object]:  # noqa: ARG002 - for the author
        """Return a context in which the other end takes what comes and never answers; optional."""
        raise unchecked("write hang_destination(self, where), a context with a silent other end")

    def status_of_run(self, where: Path, event_id: str, /) -> str:  # noqa: ARG002 - for the author
        """Return the status of a run, where its records are merged into one; optional."""
        raise unchecked("write status_of_run(self, where, event_id), the status of a stored run")


def _unwritten(contract: object, method: str, what: str) -> BaseException:
    name = type(contract).__name__
    return pytest.fail.Exception(f"{name}: write {method}(self, where): {what}", pytrace=False)


def unchecked(remedy: str) -> BaseException:
    """Return what skips a check, saying what the author can do to have it made."""
    return pytest.skip.Exception(f"not checked: {remedy}")
