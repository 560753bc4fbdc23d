"""The active plugins of one client, found, checked and in order, and who listens to what."""

from __future__ import annotations

import inspect
from collections import Counter
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import attrs

from telemetry_core.building import Site, build_plugin
from telemetry_core.clock import SystemClock
from telemetry_core.complaints import Complaints
from telemetry_core.config import PluginOptions
from telemetry_core.errors import ConfigError, PluginError, PluginNotFoundError, TelemetryError
from telemetry_core.mock_sink import MOCKED, MockSink
from telemetry_core.plugin import LISTENING, Plugin, bound_hooks, name_of
from telemetry_core.settings import extra_fields, keys_of, nearest, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from telemetry_core.clock import Clock
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.discovery import Available


class Hearing(NamedTuple):
    """One plugin at one hook: its function, bound once, takes the hook's full arguments."""

    name: str
    call: Callable[..., object]


class Listeners(NamedTuple):
    """Who hears what, in the order of the calls."""

    on_start_run: tuple[Hearing, ...]
    on_event: tuple[Hearing, ...]
    on_end_run: tuple[Hearing, ...]


class Manager:
    """Finds the plugins that a configuration names, and those that are handed in.

    Raises `ConfigError` for what no program can mean, as a name given twice, and `PluginError` for
    a plugin that breaks the rules of hooks. A plugin that is not installed or cannot be built is
    only off: its `error` says why, and `complaints` are told of it by whoever first tried.

    :ivar plugins: in the order of `active`, then those handed in.
    :ivar silenced: the sinks that the user's own word keeps quiet, and which word.
    :ivar listeners: the listening plugins, which are built at once; others are built by whoever
        needs them first.
    """

    def __init__(
        self,
        config: TelemetryConfig,
        plugins: Sequence[object] = (),
        *,
        clock: Clock | None = None,
        complaints: Complaints | None = None,
    ) -> None:
        self.config = config
        self.complaints = Complaints(config.on_error) if complaints is None else complaints
        self.silenced: dict[str, str] = {}
        self._clock = clock or SystemClock()
        found = [self._from_settings(name) for name in config.active]
        found += [self._handed_in(plugin) for plugin in plugins]
        _refuse_twins(found)
        _refuse_misspelt_tables(config, found)
        self._settle(tuple(heard for plugin in found if (heard := self._allowed(plugin))))

    def _settle(self, plugins: tuple[Plugin, ...]) -> None:
        """Take these plugins, build those that listen, and those that only say why they are off."""
        self.plugins = plugins
        for plugin in plugins:
            if plugin.listens or not plugin.hooks:
                self._build(plugin)
        self.listeners = Listeners(*(tuple(self._hearing(hook)) for hook in LISTENING))

    def rebuilt(self) -> Self:
        """Return the manager for a forked child, with plugins of its own."""
        twin = copy(self)
        twin._settle(tuple(plugin.rebuilt() for plugin in self.plugins))  # noqa: SLF001 - one of us
        return twin

    def runs_store(self) -> Any:
        """Return the store of the first plugin that can be asked for runs, or nothing.

        A sink that its worker has yet to build is built a second time, only for this.
        """
        for plugin in self.plugins:
            if hasattr(plugin.kind, "runs_store"):
                built = plugin if plugin.instance is not None else plugin.rebuilt()
                built.build()
                return built.runs_store() if built.runs_store is not None else None
        return None

    def available(self) -> list[Available]:
        """Return the name, distribution and version of all that could be active."""
        return self.config.installed.available()

    def _from_settings(self, name: str) -> Plugin:
        config = self.config
        wanted = config.kind_of(name)
        plugin = partial(Plugin, name=name, defaults=config.delivery)
        try:
            kind = config.installed.load(wanted)
        except (PluginError, PluginNotFoundError):  # its build says why it is off
            load = partial(config.installed.load, wanted)
            return plugin(kind=None, options=PluginOptions(), make=load, remake=load, hooks={})
        table = config.plugins.get(name, {})
        own = {key: value for key, value in table.items() if key not in keys_of(PluginOptions)}
        make: Callable[[], object] = partial(
            build_plugin, kind, own, Site.of(config, name, self._clock, self.runs_store)
        )
        try:
            options = self._options(name)
        except ConfigError:  # its build says so again; what it is owed waits until that works
            options, make = PluginOptions(), partial(self._options, name)
        hooks = bound_hooks(name, kind)
        return plugin(kind=kind, options=options, make=make, remake=make, hooks=hooks)

    def _handed_in(self, plugin: object) -> Plugin:
        if plugin is None or inspect.isclass(plugin):
            raise PluginError(f"a plugin is an object, not {plugin!r}; hand in an instance")
        name = name_of(plugin)
        hooks = bound_hooks(name, plugin)
        remake = partial(attrs.evolve, plugin) if attrs.has(type(plugin)) else None
        return Plugin(
            name=name,
            kind=plugin,
            options=self._options(name),
            defaults=self.config.delivery,
            make=lambda: plugin,
            remake=remake,
            hooks=hooks,
            instance=plugin,
        )

    def _options(self, name: str) -> PluginOptions:
        """Return what the core itself reads in the table of a plugin."""
        table = self.config.plugins.get(name, {})
        ours = {key: table[key] for key in keys_of(PluginOptions) if key in table}
        origin = self.config.origin.at("plugins").at(name)
        return PluginOptions(**read_settings(PluginOptions, ours, self.config.environ, origin))

    def _allowed(self, plugin: Plugin) -> Plugin | None:
        """Return a plugin unless the user forbids it, and a mock in a remote one's place."""
        if not plugin.remote:
            return plugin
        if self.config.do_not_track:
            self.silenced[plugin.name] = "DO_NOT_TRACK"
            return None
        if self.config.test_mode == "mock":
            self.silenced[plugin.name] = MOCKED
            return attrs.evolve(
                plugin,
                kind=MockSink,
                make=MockSink,
                remake=MockSink,
                hooks=bound_hooks(plugin.name, MockSink),
                instance=None,
                known_destination=MOCKED,
            )
        return plugin

    def _build(self, plugin: Plugin) -> None:
        try:
            plugin.build()
        except TelemetryError as error:
            name = plugin.name
            self.complaints.gave_up(f"{name} build", f"{name} is off: {error}", error)

    def _hearing(self, hook: str) -> Iterator[Hearing]:
        for plugin in self.plugins:
            if plugin.instance is not None and hook in plugin.hooks:
                yield Hearing(plugin.name, plugin.hooks[hook])


def _refuse_twins(plugins: list[Plugin]) -> None:
    names = Counter(plugin.name.casefold() for plugin in plugins)
    for plugin in plugins:
        if names[plugin.name.casefold()] > 1:
            raise ConfigError(
                f"two plugins are named {plugin.name!r}; give one of them a `name` of its own"
            )


def _refuse_misspelt_tables(config: TelemetryConfig, plugins: list[Plugin]) -> None:
    """Raise `ConfigError` for a table that nobody reads and that was meant for an active plugin."""
    names = [plugin.name for plugin in plugins]
    for name in config.plugins.keys() - set(names):
        if config.kind_of(name) not in config.installed and nearest(name, names):
            raise config.origin.at("plugins").error(extra_fields([name], names))
