"""Asking a sink how it is, on a thread of its own and under a time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telemetry_core.clock import SystemClock
from telemetry_core.delivery.worker import Worker
from telemetry_core.errors import described
from telemetry_core.records import Health

if TYPE_CHECKING:
    from telemetry_core.plugin import Plugin


class Asked:
    """A sink that is being asked on a thread of its own, where all its hooks are called."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        self._said: dict[str, Any] | None = None
        self._worker = Worker(
            plugin.name,
            self._ask,
            SystemClock(),
            build=plugin.build,
            end=self._end,
            report=_say_nothing,
        )
        self._worker.start()
        self._ticket = self._worker.request_flush()

    def _ask(self, *, force: bool = False) -> None:  # noqa: ARG002 - a step of a worker
        if self._said is None:
            self._said = word_of(self.plugin)

    def _end(self) -> None:
        if self.plugin.close is not None:
            self.plugin.close()

    def answer(self, until: float, limit: float) -> dict[str, Any]:
        """Return its word; or that it was not to be had."""
        self._ticket.wait(max(0.0, until - SystemClock.monotonic()))
        if self._said is not None:
            return self._said
        if self.plugin.error is not None:
            return _word(ok=False, message=f"off: {self.plugin.error}")
        where = "being built" if self.plugin.instance is None else "its check_health"
        return _word(ok=False, message=f"no answer within {limit:g} s; it hangs in {where}")

    def close(self, until: float) -> None:
        """Have it closed; one that hangs is left to the end of the process."""
        self._worker.stop()
        self._worker.join(until - SystemClock.monotonic())


def word_of(plugin: Plugin) -> dict[str, Any]:
    """Return what a sink that is built says of itself; called on the thread that is its own."""
    if plugin.check_health is None:
        return _word(ok=True, message="it was built; it has no check_health to ask")
    try:
        said = plugin.check_health()
    except BaseException as error:  # SystemExit too: this is the sink's own thread
        return _word(ok=False, message=described(error))
    if said is None:
        return _word(ok=True)
    if not isinstance(said, Health):
        return _word(ok=False, message=f"its check_health gave a {type(said).__name__}, no Health")
    return _word(ok=bool(said.ok), message=str(said.message), details=dict(said.details))


def _word(*, ok: bool, message: str = "", details: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"ok": ok, "message": message, "details": details or {}}


def _say_nothing(kind: str, message: str, *, final: bool = False) -> None:
    """Drop what a worker reports: the answer says it all."""
