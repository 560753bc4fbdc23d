"""How far a long work has come, shown on stderr to people who wait at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType


class Progress:
    """A bar on stderr, gone when the work is done; nothing where nobody watches.

    :param what: what is being done, in a word or two.
    :param total: how much there is to do, when it is known from the beginning.
    :param quiet: show nothing, as under `--json`.
    """

    def __init__(self, what: str, total: int | None = None, *, quiet: bool = False) -> None:
        self._what = what
        self._total = total
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._quiet:
            return self
        from rich.console import Console

        console = Console(stderr=True)
        if console.is_terminal:
            self._bar = _bar(console)
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, total: int | None = None) -> None:
        """Say how much is done, and how much there is where that changed."""
        if self._bar is not None:
            self._total = self._total if total is None else total
            self._bar.update(self._task, completed=done, total=self._total)


def _bar(console: Any) -> Any:
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    return progress.Progress(*columns, console=console, transient=True)
