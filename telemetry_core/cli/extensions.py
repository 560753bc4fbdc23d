"""Commands of plugins and servers: found by entry point, keyed by the words one types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import click

from telemetry_core.errors import TelemetryError, described
from telemetry_core.offers import offered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint

GROUP = "telemetry_core.cli"
_HELP_WIDTH = 70

# Whom to ask for a command that nobody installed offers, by the words one types.
_OFFERED_BY = {
    "serve": "telemetry-run-service",
    "ingest": "telemetry-ingest",
    "ingest serve": "telemetry-ingest",
    "ingest token": "telemetry-ingest",
    "ingest stats": "telemetry-ingest",
    "ingest events": "telemetry-ingest",
    "ingest retain": "telemetry-ingest",
    "ingest test": "telemetry-hmac-ingest",
    "db": "telemetry-sqlite",
    "import": "telemetry-http-api",
    "posthog": "telemetry-posthog",
    "auth": "telemetry-raxe",
    "sheets": "telemetry-sheets",
    "stats": "telemetry-raxe",
    "runs close-stale": "telemetry-http-api",
}

# What is said of theirs in the list of all commands: to ask for it they would be imported.
_ABOUT = {
    "auth": "Manage the key of RAXE.",
    "db": "Take care of the runs database.",
    "import": "Bring in what other programs recorded.",
    "ingest": "Send signed batches of events to a server, and take them.",
    "posthog": "Send to PostHog what was recorded before.",
    "sheets": "Test the way into a Google sheet, and add what a week comes to.",
    "stats": "Show how the telemetry of RAXE stands.",
    "serve": "Serve the runs database over HTTP, until Ctrl-C or SIGTERM.",
}


class ExtensionError(TelemetryError):
    """A command of another distribution cannot be loaded."""


class Branch(NamedTuple):
    """All that is offered under some words: one command, or several below them."""

    words: tuple[str, ...]
    offers: tuple[EntryPoint, ...]

    @property
    def typed(self) -> str:
        """What one types for it."""
        return " ".join(("telemetry", *self.words))

    @property
    def is_group(self) -> bool:
        """Whether there are commands below the words; then these hide one of exactly the words."""
        return any(len(offer.name.split()) > len(self.words) for offer in self.offers)

    @property
    def distributions(self) -> str:
        """Who offers it."""
        return " and ".join(sorted({_distribution(offer) for offer in self.offers}))

    def load(self) -> click.Command:
        """Import the command.

        Raises `ExtensionError` when it cannot be had, or when several offer it.
        """
        if len(self.offers) > 1:
            raise ExtensionError(
                f"`{self.typed}` is offered by {self.distributions}; uninstall one of them"
            )
        offer = self.offers[0]
        try:
            command = offer.load()
        except (Exception, SystemExit) as error:  # what ends a program must not end ours
            raise ExtensionError(
                f"`{self.typed}` of {self.distributions} cannot be loaded: {described(error)}; "
                f"try: pip install --force-reinstall {self.distributions}"
            ) from error
        if not isinstance(command, click.Command):
            raise ExtensionError(
                f"`{self.typed}` of {self.distributions} is no click command: {offer.value}"
            )
        return command

    def help(self, *, load: bool) -> str:
        """Return what it is for where that is known or may be loaded, else who offers it."""
        known = _ABOUT.get(" ".join(self.words))
        if self.is_group:
            return known or f"Commands of {self.distributions}."
        if load:
            try:
                return self.load().get_short_help_str(_HELP_WIDTH)
            except ExtensionError:
                return "(cannot be loaded)"
        return known or f"({self.distributions})"

    def hidden(self) -> Iterator[str]:
        """Say when a command cannot be reached, since there are others that begin with its words."""
        for offer in self.offers:
            if self.is_group and offer.name.split() == [*self.words]:
                yield f"`{self.typed}` of {_distribution(offer)} is hidden by the commands that begin so."

    def warnings(self, *, load: bool) -> Iterator[str]:
        """Say what is wrong with it; without loading, only whether its packages are there."""
        yield from self.hidden()
        if load and not self.is_group:
            try:
                self.load()
            except ExtensionError as error:
                yield f"{error}."
            return
        for offer in self.offers:
            if not _is_there(offer):
                yield (
                    f"`telemetry {offer.name}` of {_distribution(offer)} is broken: "
                    f"there is no package {_package(offer)!r}."
                )


def branches(words: tuple[str, ...]) -> dict[str, Branch]:
    """Return what other distributions offer below some words, by the next word."""
    depth = len(words)
    found: dict[str, list[EntryPoint]] = {}
    for offer in _found()[0]:
        typed = tuple(offer.name.split())
        if len(typed) > depth and typed[:depth] == words:
            found.setdefault(typed[depth], []).append(offer)
    return {word: Branch((*words, word), tuple(offers)) for word, offers in found.items()}


def whom_to_ask(typed: str) -> str | None:
    """Say which distribution brings a command that nobody here offers, when we know one."""
    from importlib.metadata import PackageNotFoundError, version

    distribution = _OFFERED_BY.get(typed)
    if distribution is None:
        return None
    try:
        here = version(distribution)
    except PackageNotFoundError:
        said = f"`telemetry {typed}` is a command of {distribution}"
        return f"{said}; try: pip install {distribution}"
    return (
        f"`telemetry {typed}` comes with a later version of {distribution}; {here}, which is "
        "installed, does not have it"
    )


def unreadable() -> Iterator[str]:
    """Warn of the distributions of which nobody can tell whether they offer commands."""
    for name in _found()[1]:
        yield (
            f"What {name} offers cannot be read: its entry_points.txt is damaged; "
            f"try: pip install --force-reinstall {name}"
        )


@cache
def _found() -> tuple[list[EntryPoint], list[str]]:
    return offered(GROUP)


def _distribution(offer: EntryPoint) -> str:
    return offer.dist.name if offer.dist else "an unnamed distribution"


def _package(offer: EntryPoint) -> str:
    return offer.value.partition(":")[0].partition(".")[0].strip()


def _is_there(offer: EntryPoint) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(_package(offer)) is not None
    except (ImportError, ValueError):
        return False
