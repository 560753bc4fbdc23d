"""Which plugins are installed: found by entry point, imported only when asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from telemetry_core.errors import ConfigError, PluginError, PluginNotFoundError
from telemetry_core.hookspecs import NAME
from telemetry_core.offers import offered
from telemetry_core.settings import is_name, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint


class Available(NamedTuple):
    """An installed plugin and the distribution that brings it."""

    name: str
    distribution: str
    version: str


class Installed:
    """The plugins of this interpreter, looked up once, at the first question."""

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        self._given = entry_points

    @cached_property
    def _offers(self) -> dict[str, list[EntryPoint]]:
        given = offered(NAME)[0] if self._given is None else self._given
        offers: dict[str, list[EntryPoint]] = {}
        for offer in given:
            same = offers.setdefault(offer.name, [])
            if offer.value not in {other.value for other in same}:
                same.append(offer)
        return offers

    def __contains__(self, name: object) -> bool:
        return name in self._offers

    def names(self) -> tuple[str, ...]:
        """Return the names that can stand in `active`, sorted."""
        return tuple(sorted(self._offers))

    def available(self) -> list[Available]:
        """Return every installed plugin with its distribution, without importing any."""
        return [
            Available(name, *_distribution(offer))
            for name in self.names()
            for offer in self._offers[name]
        ]

    def load(self, name: str) -> type:
        """Import and return the class of a plugin.

        Raises `PluginNotFoundError` when nothing offers the name, `ConfigError` when two do, and
        `PluginError` when what is offered cannot be imported or is no class.
        """
        offers = self._offers.get(name)
        if not offers:
            raise PluginNotFoundError(self.missing(name))
        if len(offers) > 1:
            rivals = " and ".join(_distribution(offer)[0] for offer in offers)
            raise ConfigError(f"the plugin {name!r} is offered by {rivals}; uninstall one of them")
        return _import(offers[0])

    def missing(self, name: str) -> str:
        """Say that a plugin is not installed, what is, and what to do."""
        near = nearest(name, self.names())
        remedy = f"did you mean {near!r}?" if near else "correct the name"
        if near is None and is_name(name):
            remedy = f"try: pip install telemetry-{name.lower().replace('_', '-')}"
        installed = ", ".join(self.names()) or "none"
        return f"no plugin {name!r} is installed (installed: {installed}); {remedy}"


def _distribution(offer: EntryPoint) -> tuple[str, str]:
    return (offer.dist.name, offer.dist.version) if offer.dist else ("an unnamed distribution", "")


def _import(offer: EntryPoint) -> type:
    try:
        cls = offer.load()
    except Exception as error:
        raise PluginError(
            f"the plugin {offer.name!r} cannot be imported from {offer.value}: "
            f"{type(error).__name__}: {error}; reinstall {_distribution(offer)[0]}"
        ) from error
    if not isinstance(cls, type):
        raise PluginError(f"the plugin {offer.name!r} is not a class: {offer.value}")
    return cls
