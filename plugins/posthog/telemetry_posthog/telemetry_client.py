"""The client for programs that speak to PostHog alone: the guide's, with the SDK's methods."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypedDict

from telemetry_posthog.constants import DEFAULT_QUEUE_SIZE, FLUSH_TIMEOUT
from telemetry_posthog.sources import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry_core import FlushReport
    from telemetry_core import TelemetryClient as Recorder
    from telemetry_posthog.sources import Source

P = ParamSpec("P")


class CaptureArgs(TypedDict, total=False):
    """What may be said of an event besides its name."""

    distinct_id: str
    properties: dict[str, Any]
    timestamp: str
    context: dict[str, Any]


def _never_raising(
    method: Callable[Concatenate[TelemetryClient, P], str | None],
) -> Callable[Concatenate[TelemetryClient, P], str | None]:
    """Return a method that answers what it was given wrongly by nothing, and a line in the log."""

    @wraps(method)
    def quiet(client: TelemetryClient, /, *args: P.args, **kwargs: P.kwargs) -> str | None:
        try:
            return method(client, *args, **kwargs)
        except Exception as error:
            if client.strict:
                raise
            from telemetry_core import get_logger

            logger = get_logger("telemetry_posthog.client")
            logger.warning("%s failed, and sends nothing: %r", method.__name__, error)
            return None

    return quiet


class TelemetryClient:
    """Sends events to one project of PostHog; never raises, and never waits but to flush.

    Nothing is built before the first call, and nothing at all while `disabled`. Events wait in
    memory, `queue_size` of them, and are dropped after a second try in vain; a program that
    wants them to survive it makes the sink `posthog` active instead.

    :param user_agent: who sends, for the server: `tool/1.0`.
    :param consent: the `telemetry.yaml` with the choice of the user and his id.
    :param excepthook: whether what nobody catches is told.
    :param settings: further settings of the sink by name: endpoint, gzip, super_properties, …
    """

    def __init__(
        self,
        api_key: str,
        host: str,
        *,
        queue_size: int = DEFAULT_QUEUE_SIZE,
        excepthook: bool = False,
        **settings: Any,
    ) -> None:
        settings |= {"api_key": api_key, "host": host}
        self._begin(Kept(lambda: _in_memory(settings, queue_size)))
        if excepthook:
            from telemetry_posthog.excepthook import install_excepthook

            install_excepthook(self)

    @classmethod
    def of(cls, source: Source) -> Self:
        """Return a client that speaks through what a source gives."""
        client = cls.__new__(cls)
        cls._begin(client, source)
        return client

    def _begin(self, source: Source) -> None:
        self._source = source
        self._off = self._used = False

    @property
    def disabled(self) -> bool:
        """Whether nothing is taken; may be set at any time.

        False does not win over `DO_NOT_TRACK`, `TELEMETRY_DISABLED`, the stored choice or the
        want of a key.
        """
        return self._off or (client := self._source.get()) is None or client.disabled

    @disabled.setter
    def disabled(self, off: bool) -> None:
        self._off = bool(off)

    @property
    def strict(self) -> bool:
        """Whether errors are to reach the program, as `on_error = "raise"` asks for in tests."""
        client = self._source.get()
        config = None if client is None else client.config
        return config is not None and config.on_error == "raise"

    def _recorder(self) -> Recorder | None:
        """Return what takes records, unless nobody does."""
        if self._off:
            return None
        recorder = self._source.get()
        if recorder is None or recorder.disabled:
            return None
        if not self._used:
            self._use()
        return recorder

    def _use(self) -> None:
        from telemetry_posthog.values import plain

        self._plain = plain
        self._used = True

    def _said(self, properties: Any, groups: Mapping[str, str] | None) -> Any:
        """Return properties as the SDK would send them, before the core writes them its own way."""
        if groups:
            properties = {**(properties or {}), "$groups": dict(groups)}
        return properties if properties is None else self._plain(properties)

    # -- events

    @_never_raising
    def capture(
        self,
        event: str,
        distinct_id: Any = None,
        properties: Mapping[str, Any] | None = None,
        *,
        timestamp: datetime | str | None = None,
        groups: Mapping[str, str] | None = None,
        uuid: Any = None,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Say that something happened; return its uuid, or nothing while disabled."""
        recorder = self._recorder()
        if recorder is None:
            return None
        return recorder.capture(
            event,
            distinct_id,
            self._said(properties, groups),
            timestamp=_moment(timestamp),
            context=context,
            event_id=uuid,
        )

    @_never_raising
    def capture_exception(
        self,
        exception: BaseException | None = None,
        distinct_id: Any = None,
        properties: Mapping[str, Any] | None = None,
        *,
        groups: Mapping[str, str] | None = None,
    ) -> str | None:
        """Say that an exception happened, by default the one being handled; return its uuid.

        The same exception, told again, is no second event.
        """
        recorder = self._recorder()
        if recorder is None:
            return None
        return recorder.capture_exception(exception, distinct_id, self._said(properties, groups))

    # -- persons and groups

    @_never_raising
    def set(
        self,
        distinct_id: Any = None,
        properties: Mapping[str, Any] | None = None,
        *,
        timestamp: datetime | str | None = None,
        uuid: Any = None,
    ) -> str | None:
        """Set properties of a person."""
        return self._say_of_person("$set", distinct_id, properties, timestamp, uuid)

    @_never_raising
    def set_once(
        self,
        distinct_id: Any = None,
        properties: Mapping[str, Any] | None = None,
        *,
        timestamp: datetime | str | None = None,
        uuid: Any = None,
    ) -> str | None:
        """Set those properties of a person that he has not yet."""
        return self._say_of_person("$set_once", distinct_id, properties, timestamp, uuid)

    def _say_of_person(
        self,
        name: str,
        person: Any,
        properties: Mapping[str, Any] | None,
        timestamp: datetime | str | None,
        uuid: Any,
    ) -> str | None:
        if person is None or not properties:
            return None  # of nobody, or nothing
        said = {name: dict(properties)}
        return self.capture(name, person, said, timestamp=timestamp, uuid=uuid)

    @_never_raising
    def alias(
        self,
        previous_id: Any,
        distinct_id: Any,
        *,
        timestamp: datetime | str | None = None,
        uuid: Any = None,
    ) -> str | None:
        """Say that one person has had another id."""
        both = {"distinct_id": str(previous_id), "alias": str(distinct_id)}
        return self.capture("$create_alias", previous_id, both, timestamp=timestamp, uuid=uuid)

    @_never_raising
    def group_identify(
        self,
        group_type: str,
        group_key: str,
        properties: Mapping[str, Any] | None = None,
        *,
        distinct_id: Any = None,
        timestamp: datetime | str | None = None,
        uuid: Any = None,
    ) -> str | None:
        """Set properties of a group.

        PostHog drops one of nobody, so that without a person the group speaks for itself.
        """
        group = {
            "$group_type": group_type,
            "$group_key": group_key,
            "$group_set": dict(properties or {}),
        }
        person = f"{group_type}_{group_key}" if distinct_id is None else distinct_id
        return self.capture("$groupidentify", person, group, timestamp=timestamp, uuid=uuid)

    # -- delivery

    def flush(self, timeout: float = FLUSH_TIMEOUT) -> FlushReport:
        """Have everything delivered that can be, within so many seconds; true when all was."""
        from telemetry_core import FlushReport

        client = self._source.get() if self._used else None
        return FlushReport() if client is None else client.flush(timeout)

    def shutdown(self) -> None:
        """Deliver for `FLUSH_TIMEOUT` at most and take nothing more. A second call does nothing."""
        self._off = True
        if self._used:
            self._used = False
            self._source.end()


def _in_memory(settings: dict[str, Any], queue_size: int) -> Recorder:
    from telemetry_posthog.recorders import in_memory

    return in_memory(settings, queue_size)


def _moment(timestamp: datetime | str | None) -> str | None:
    """Return a time as the core reads it; one without a zone is of this machine's, as in Python."""
    if isinstance(timestamp, datetime):
        with suppress(Exception):  # the first and the last hours of all time
            return timestamp.astimezone(UTC).isoformat()
    return timestamp  # type: ignore[return-value]  # the core says what is wrong with it
