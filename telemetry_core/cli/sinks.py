"""What became of each sink that the configuration names: built once to see whether it works."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from attrs import define

from telemetry_core.cli.places import folders_of
from telemetry_core.complaints import Complaints
from telemetry_core.errors import ConfigError, TelemetryError
from telemetry_core.manager import Manager
from telemetry_core.settings import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from telemetry_core.config import TelemetryConfig
    from telemetry_core.plugin import Plugin

T = TypeVar("T")

ON, OFF, SILENCED = "on", "off", "silenced"
NONE_ACTIVE = "No sink is active; try: pip install telemetry-sqlite telemetry-ndjson"


@define(frozen=True)
class SinkView:
    """One plugin named in `active`: its state, and why it is not on."""

    name: str
    state: str
    why: str = ""
    plugin: Plugin | None = None


def quiet_manager(config: TelemetryConfig) -> Manager:
    """Return a manager that logs nothing: what is wrong is in the command's answer."""
    return Manager(config, complaints=Complaints("count"))


@contextmanager
def active_sinks(config: TelemetryConfig) -> Iterator[list[SinkView]]:
    """Give every active plugin in its order, built where it can be, and close them afterwards.

    Raises `ConfigError` for what no program can mean.
    """
    manager = quiet_manager(config)
    plugins = {plugin.name: plugin for plugin in manager.plugins}
    for plugin in plugins.values():
        with suppress(TelemetryError):  # kept in its `error`
            plugin.build()
    try:
        yield [_view(name, plugins.get(name), manager.silenced.get(name)) for name in config.active]
    finally:
        for plugin in plugins.values():
            with suppress(Exception):
                if plugin.close is not None:
                    plugin.close()


def sink_of_kind(config: TelemetryConfig, kind: type[T], name: str | None = None) -> T | None:
    """Return the first active sink of a class, or the one of this name; nothing if there is none.

    It is built for the caller, who closes it. Raises `TelemetryError` when it cannot be built.
    """
    for plugin in quiet_manager(config).plugins:
        if name in {None, plugin.name} and plugin.kind is kind:
            built = plugin.build()
            if isinstance(built, kind):
                return built
    return None


def refuse_unknown_sink(config: TelemetryConfig, name: str, others: Iterable[str] = ()) -> None:
    """Raise `ConfigError` for a name that no sink has or had here.

    :param others: names that are known besides the active ones and those something is known of.
    """
    owed = {sink for view in folders_of(config) for sink in view.owed}
    remembered = {path.stem for path in (config.base_dir / "state").glob("*.json")}
    known = sorted({*config.active, *others, *owed, *remembered})
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"
        raise ConfigError(f"there is no sink {name!r}; {hint}")


def _view(name: str, plugin: Plugin | None, silenced: str | None) -> SinkView:
    if silenced is not None:
        return SinkView(name, SILENCED, f"by {silenced}", plugin)
    if plugin is None or plugin.error is not None:
        return SinkView(name, OFF, plugin.error or "" if plugin else "", plugin)
    return SinkView(name, ON, "", plugin)
