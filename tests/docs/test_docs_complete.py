"""A hook, setting, variable, command or fixture that is not documented does not exist."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from telemetry_core import hookspecs
from telemetry_core.cli.app import telemetry
from telemetry_core.config import DeliverySettings, PrivacySettings, TelemetryConfig
from telemetry_core.settings import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HOOKS = [
    node
    for node in ast.parse(inspect.getsource(hookspecs)).body
    if isinstance(node, ast.FunctionDef)
]
SECTIONS = {
    "## General": TelemetryConfig,
    "## `[delivery]`": DeliverySettings,
    "## `[privacy]`": PrivacySettings,
}
VARIABLE = re.compile(r"(TELEMETRY|AGENT|METRICS|GOOGLE|SHEETS|TK|RAXE|DO_NOT)(_[A-Z]+)+")


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def _signature(hook: ast.FunctionDef) -> str:
    returns = ast.unparse(hook.returns) if hook.returns else "None"
    return f"{hook.name}({ast.unparse(hook.args)}) -> {returns}"


def _settings() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the section, the key and the variables of every setting of the core."""
    return [
        (section, key, attribute.metadata["env"] or (f"TELEMETRY_{key.upper()}",))
        for section, cls in SECTIONS.items()
        for key, attribute in keys_of(cls).items()
    ]


def _variables() -> set[str]:
    """Return every name in the code that looks like an environment variable of ours."""
    return {
        node.value
        for folder in ("telemetry_core", "plugins", "pytest_plugin")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and VARIABLE.fullmatch(node.value)
    }


def _commands(
    group: click.Group = telemetry, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give every command by the words one types for it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = [pytest.param(*found, id=" ".join(found[0])) for found in _commands()]


def _fixtures() -> list[str]:
    """Return the fixtures that the pytest plugin offers, in the order of its file."""
    source = (ROOT / "pytest_plugin" / "pytest_telemetry" / "plugin.py").read_text("utf-8")
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(mark).startswith("pytest.fixture") for mark in node.decorator_list)
    ]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook.name))
def test_a_hook_is_documented_by_its_exact_signature(hook: ast.FunctionDef) -> None:
    assert f"## `{_signature(hook)}`\n" in _page("hooks.md")


def test_every_hook_of_the_documentation_exists() -> None:
    documented = re.findall(r"^## `(\w+)\(", _page("hooks.md"), re.MULTILINE)
    assert documented == [hook.name for hook in HOOKS]


@pytest.mark.parametrize(("section", "key", "variables"), _settings())
def test_a_setting_is_documented_with_its_variables(
    section: str, key: str, variables: tuple[str, ...]
) -> None:
    text = _page("configuration.md").split(f"{section}\n")[1].split("\n## ")[0]
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{key}` |")]
    assert all(f"`{variable}`" in row for variable in variables)


@pytest.mark.parametrize("variable", sorted(_variables()))
def test_an_environment_variable_is_documented(variable: str) -> None:
    assert f"`{variable}`" in _page("configuration.md")


@pytest.mark.parametrize(("words", "command"), COMMANDS)
def test_a_command_is_documented_with_its_options(
    words: tuple[str, ...], command: click.Command
) -> None:
    beginning, page = _page("commands/index.md"), _page(f"commands/{words[0]}.md")
    assert f"]({words[0]}.md)" in beginning
    assert page.startswith(f"# `telemetry {words[0]}`\n")
    assert f"telemetry {' '.join(words)}" in page
    options = {opt for one in command.params if isinstance(one, click.Option) for opt in one.opts}
    assert [option for option in options if f"`{option}" not in beginning + page] == []


def test_every_page_of_a_command_is_of_one_that_exists() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "commands").glob("*.md")} - {"index"}
    assert pages == set(telemetry.list_commands(click.Context(telemetry)))


def test_every_fixture_is_documented_in_its_order() -> None:
    page = (ROOT / "pytest_plugin" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(telemetry_\w+)` \|", page, re.MULTILINE) == _fixtures()
