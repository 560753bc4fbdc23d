"""One active plugin: what it is, how it is built, and its hooks, each bound once."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Self

import attrs
from pluggy import PluginManager, PluginValidationError

from telemetry_core import hookspecs
from telemetry_core.errors import PluginError, TelemetryError
from telemetry_core.hookspecs import NAME
from telemetry_core.logs import get_logger
from telemetry_core.settings import is_name, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pluggy import HookImpl

    from telemetry_core.config import DeliverySettings, PluginOptions
    from telemetry_core.records import Batch, Health, Receipt

_logger = get_logger("telemetry_core.plugin")

LISTENING = ("on_start_run", "on_event", "on_end_run")
_ORDERED = ("wrapper", "hookwrapper", "tryfirst", "trylast")
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def bound_hooks(name: str, holder: object) -> dict[str, Callable[..., Any]]:
    """Return the hooks of a plugin, or of its class, each taking the hook's full arguments.

    Raises `PluginError` when there is none, or when one is misspelt, asks for what the hook does
    not give, or wants to be called around, before or after others: each plugin is called by itself.
    """
    manager = PluginManager(NAME)
    manager.add_hookspecs(hookspecs)
    known = [hook for hook in vars(manager.hook) if not hook.startswith("_")]
    try:
        manager.register(holder, name)
        manager.check_pending()
    except PluginValidationError as error:
        problem = _explained(manager, holder, known, error)
        raise PluginError(f"the plugin {name!r}: {problem}") from None
    hooks = {}
    for hook in known:
        caller = getattr(manager.hook, hook)
        for implementation in caller.get_hookimpls():
            _refuse_order(name, hook, implementation)
            hooks[hook] = _bound(implementation, caller.spec.argnames)
    if not hooks:
        raise PluginError(f"the plugin {name!r} has no hook; mark its methods with @hookimpl")
    return hooks


def _explained(
    manager: PluginManager, holder: object, known: list[str], error: PluginValidationError
) -> str:
    """Say which hook is misspelt and what was perhaps meant, or what a hook asks for in vain."""
    unknown = [hook for hook in vars(manager.hook) if hook not in known and hook[0] != "_"]
    if unknown:
        near = nearest(unknown[0], known)
        meant = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
        return f"there is no hook {unknown[0]!r}; {meant}"
    for hook in known:
        given = getattr(manager.hook, hook).spec.argnames
        strangers = [name for name in _asked_for(holder, hook) if name not in given]
        if strangers:
            gives = " and ".join(given) or "nothing"
            return f"its {hook} asks for {', '.join(strangers)}, but the hook gives {gives}"
    return " ".join(str(error).split())


def _asked_for(holder: object, hook: str) -> list[str]:
    """Return the arguments that an implementation cannot do without."""
    function = getattr(holder, hook, None)
    if not callable(function):
        return []
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and name != "self"
    ]


def _refuse_order(name: str, hook: str, implementation: HookImpl) -> None:
    wishes = [wish for wish in _ORDERED if getattr(implementation, wish, False)]
    if wishes:
        raise PluginError(
            f"the plugin {name!r}: {hook} asks for {wishes[0]}, but each plugin is called by "
            "itself, in the order of `active`; remove it"
        )


def _bound(implementation: HookImpl, arguments: tuple[str, ...]) -> Callable[..., Any]:
    """Return the function itself when it asks for all arguments in their order."""
    function = implementation.function
    if tuple(implementation.argnames) == tuple(arguments):
        return function
    places = [arguments.index(argument) for argument in implementation.argnames]
    return lambda *given: function(*[given[place] for place in places])


def name_of(plugin: object) -> str:
    """Return the name of a plugin that was handed in: its `name`, else its class in snake_case."""
    name = getattr(plugin, "name", None)
    if not isinstance(name, str):
        own = plugin.__name__ if inspect.ismodule(plugin) else type(plugin).__name__
        name = _WORD_STARTS.sub("_", own.rpartition(".")[2]).lower()
    if not is_name(name):
        raise PluginError(
            f"{type(plugin).__name__} cannot be named {name!r}: a sink's files bear its name; "
            "use letters, digits, '_', '-' and '.'"
        )
    return name


@attrs.define(eq=False)
class Plugin:
    """An active plugin, built when somebody first needs it.

    :ivar kind: what states its traits: its class, or the object that was handed in.
    :ivar make: returns the instance; `remake` one more for a forked child. Without, the object
        was handed in and cannot be made again.
    :ivar hooks: bound once built; before, only their names say something.
    :ivar known_destination: what identifies the other end already before it is built.
    """

    name: str
    kind: Any = attrs.field(repr=False)
    options: PluginOptions
    defaults: DeliverySettings = attrs.field(repr=False)
    make: Callable[[], object] = attrs.field(repr=False)
    remake: Callable[[], object] | None = attrs.field(repr=False)
    hooks: Mapping[str, Callable[..., Any]] = attrs.field(repr=False)
    instance: object = None
    error: str | None = None
    known_destination: str | None = None

    @property
    def remote(self) -> bool:
        """Tell whether it sends something off this machine."""
        return getattr(self.kind, "remote", False) is True

    @property
    def listens(self) -> bool:
        """Tell whether it hears each moment on the program's own thread."""
        return any(hook in self.hooks for hook in LISTENING)

    @property
    def ships(self) -> bool:
        """Tell whether it is a sink."""
        return "ship_batch" in self.hooks

    @property
    def rebuildable(self) -> bool:
        """Tell whether a forked child can have one of its own."""
        return self.remake is not None

    @property
    def batch_size(self) -> int:
        """Return the most records of one batch: its table's word, else its own, else the core's."""
        return self.options.batch_size or self._stated("batch_size") or self.defaults.batch_size

    @property
    def batch_bytes(self) -> int:
        """Return the most bytes of one batch, chosen like `batch_size`."""
        return self.options.batch_bytes or self._stated("batch_bytes") or self.defaults.batch_bytes

    @property
    def max_record_bytes(self) -> int | None:
        """Return the size beyond which it accepts no record, if there is one."""
        return self._stated("max_record_bytes")

    @property
    def only(self) -> Sequence[str]:
        """Return what it wants: its table's word, else its own; nothing stands for all."""
        stated = getattr(self.kind, "only", ())
        return self.options.only or (stated if isinstance(stated, tuple) else ())

    @property
    def linger(self) -> float:
        """Return for how long a batch may fill: as long as the core's settings say, at least its own."""
        stated = getattr(self.kind, "linger", 0.0)
        return max(self.defaults.linger, stated if isinstance(stated, float) else 0.0)

    def _stated(self, trait: str) -> int | None:
        value = getattr(self.kind, trait, None)
        return value if type(value) is int and value > 0 else None

    def build(self) -> object:
        """Return the instance, made now if there is none yet.

        Raises `PluginError`, `ConfigError` or `CredentialError`; `error` says what the last failure
        was, and the next call tries again.
        """
        if self.instance is None:
            try:
                instance = self.make()
                self.hooks = bound_hooks(self.name, instance)
            except Exception as error:
                raise self._failed(error) from error
            self.instance, self.error = instance, None
        return self.instance

    def _failed(self, error: Exception) -> TelemetryError:
        if not isinstance(error, TelemetryError):
            problem = f"{type(error).__name__}: {error}"
            error = PluginError(f"the plugin {self.name!r} cannot be built: {problem}")
        self.error = str(error)
        return error

    def rebuilt(self) -> Self:
        """Return its unbuilt twin for a forked child.

        The twin of one that is not `rebuildable` has the parent's instance: it may listen, but a
        child must not ship with it.
        """
        return attrs.evolve(self, make=self.remake or self.make, instance=None, error=None)

    @property
    def ship_batch(self) -> Callable[[Batch], Receipt | None] | None:
        """Return the hook that ships, once built."""
        return self._built("ship_batch")

    @property
    def check_health(self) -> Callable[[], Health | None] | None:
        """Return the hook that tells its condition, once built."""
        return self._built("check_health")

    def _built(self, hook: str) -> Callable[..., Any] | None:
        return None if self.instance is None else self.hooks.get(hook)

    def offer(self, method: str) -> Callable[..., Any] | None:
        """Return a method that is no hook and that a plugin may have, once built."""
        found = getattr(self.instance, method, None)
        return found if callable(found) else None

    @property
    def close(self) -> Callable[[], object] | None:
        """Return what ends it, if something has to."""
        return self.offer("close")

    @property
    def stats(self) -> Callable[[], Mapping[str, Any]] | None:
        """Return what gives its figures, if it has some."""
        return self.offer("stats")

    @property
    def runs_store(self) -> Callable[[], Any] | None:
        """Return what gives the store it can be asked for runs, if it keeps one."""
        return self.offer("runs_store")

    def destination(self) -> str | None:
        """Return what identifies the other end; nothing while nobody knows, or if it has no word."""
        ask = self.offer("destination")
        try:
            return str(ask()) if ask else self.known_destination
        except Exception as error:
            _logger.debug("%s does not know its destination: %s", self.name, error)
            return None
