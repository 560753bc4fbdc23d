"""A group of commands, ours and those of other distributions, each imported when it is called."""

from __future__ import annotations

from importlib import import_module
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from telemetry_core.errors import TelemetryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from telemetry_core.cli.extensions import Branch

_SHORT_HELP_WIDTH = 70
_WIDEST_HELP = 80
_NARROW_HELP = 50
_NARROWEST_HELP = 10
_MARGIN = 2


class BuiltIn(NamedTuple):
    """One of our own commands: where it is, and its help as it says it itself."""

    target: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.target.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class Help(click.HelpFormatter):
    """Lays out help; in a narrow terminal what is explained stands above its explanation."""

    def __init__(
        self,
        indent_increment: int = 2,
        width: int | None = None,
        max_width: int | None = None,
    ) -> None:
        columns = min(get_terminal_size().columns, max_width or _WIDEST_HELP) - _MARGIN
        super().__init__(indent_increment, width or max(_NARROWEST_HELP, columns))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how a command is called, its arguments beside its name or anywhere beneath."""
        if self.width >= _NARROW_HELP:
            super().write_usage(prog, args, prefix)
        else:
            self.write_text(f"{prefix or 'Usage: '}{prog} {args}")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write each name beside what it means, or above it."""
        if self.width >= _NARROW_HELP:
            super().write_dl([*rows], col_max, col_spacing)
            return
        for name, meaning in rows:
            self.write_text(name)
            with self.indentation():
                self.write_text(meaning)


class Context(click.Context):
    """What a command is called with."""

    formatter_class = Help


class CommandGroup(click.Group):
    """The commands that begin with the same words; none is imported to be listed at the root.

    :ivar words: what is typed before the name of a command of this group.
    """

    context_class = Context

    def __init__(
        self,
        name: str | None = None,
        *,
        words: tuple[str, ...] = (),
        built_in: Mapping[str, BuiltIn | click.Command] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name, **settings)
        self.words = words
        self._built_in = dict(built_in or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - of click
        """Return the names of our own commands in our order, then those of others, sorted."""
        return [*self._built_in, *sorted(self._branches().keys() - self._built_in.keys())]

    def headings(self, ctx: click.Context) -> dict[str, list[str]]:
        """Return the names of the commands under the headings of the help."""
        return {"Commands": self.list_commands(ctx)}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command.

        Raises `ExtensionError` when another distribution offers it and it cannot be loaded.
        """
        command = self._find(cmd_name)
        if command is not None:
            command.context_class = Context
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or say what to install or what was perhaps meant."""
        name = args[0]
        if ctx.resilient_parsing:  # somebody is still typing
            return name, self._unless_broken(ctx, name), args[1:]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(self._unknown(ctx, name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their help, and warn of those that cannot be loaded."""
        for heading, names in self.headings(ctx).items():
            with formatter.section(heading):
                formatter.write_dl([(name, self._help_of(name)) for name in names])
        if warnings := list(self._warnings()):
            with formatter.section("Warnings"):
                formatter.write_text("\n\n".join(warnings))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the names that begin so, without importing what bears them."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        offers = [CompletionItem(name, help=self._help_of(name)) for name in names]
        return [*offers, *click.Command.shell_complete(self, ctx, incomplete)]

    def _find(self, name: str) -> click.Command | None:
        known = self._built_in.get(name)
        if known is not None:
            return known.load() if isinstance(known, BuiltIn) else known
        branch = self._branches().get(name)
        if branch is None:
            return None
        if branch.is_group:
            return CommandGroup(name, words=branch.words, help=branch.help(load=False))
        return branch.load()

    def _unless_broken(self, ctx: click.Context, name: str) -> click.Command | None:
        try:
            return self.get_command(ctx, name)
        except TelemetryError:
            return None

    def _branches(self) -> dict[str, Branch]:
        from telemetry_core.cli.extensions import branches

        return branches(self.words)

    def _help_of(self, name: str) -> str:
        known = self._built_in.get(name)
        if isinstance(known, BuiltIn):
            return known.help
        if known is not None:
            return known.get_short_help_str(_SHORT_HELP_WIDTH)
        return self._branches()[name].help(load=bool(self.words))

    def _warnings(self) -> Iterable[str]:
        from telemetry_core.cli.extensions import unreadable

        if not self.words:
            yield from unreadable()
        for name, branch in sorted(self._branches().items()):
            if name not in self._built_in:
                yield from branch.warnings(load=bool(self.words))
            elif branch.is_group and isinstance(self._built_in[name], CommandGroup):
                yield from branch.hidden()
            else:
                yield f"`{branch.typed}` of {branch.distributions} is hidden by our own command."

    def _unknown(self, ctx: click.Context, name: str) -> str:
        from telemetry_core.cli.extensions import whom_to_ask
        from telemetry_core.settings import nearest

        if (known := whom_to_ask(" ".join((*self.words, name)))) is not None:
            return known
        near = nearest(name, self.list_commands(ctx))
        hint = f"did you mean {near!r}?" if near else f"see `{ctx.command_path} --help`"
        return f"there is no command {name!r}; {hint}"
