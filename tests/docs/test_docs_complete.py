"""A hook, setting, variable, command or fixture that is not documented does not exist."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from pytest_telemetry import FakeServer
from pytest_telemetry.contract.author import Author
from pytest_telemetry.plugin import telemetry as marker
from pytest_telemetry.recorder import Recorder

from telemetry_core import hookspecs
from telemetry_core.cli.app import telemetry
from telemetry_core.cli.config.catalogue import sink_settings
from telemetry_core.config import (
    DeliverySettings,
    PluginOptions,
    PrivacySettings,
    TelemetryConfig,
    load_config,
)
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
HOOK_NAMES = {hook.name for hook in HOOKS}
INWARD = {"bench", "respond", "name"}  # for the contract, the two places, the core
VARIABLE = re.compile(
    r'"(?P<name>(TELEMETRY|AGENT|METRICS|GOOGLE|SHEETS|POSTHOG|TK|RAXE|DO_NOT)(_[A-Z]+)+)"'
)


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
        found["name"]
        for folder in ("telemetry_core", "plugins", "pytest_plugin")
        for path in (ROOT / folder).rglob("*.py")
        for found in VARIABLE.finditer(path.read_text(encoding="utf-8"))
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


def _offered(cls: type) -> set[str]:
    """Return what a class has that others may use: methods, properties and class variables."""
    own = {name for name in vars(cls) if not name.startswith("_")}
    return own | {name for name in cls.__annotations__ if not name.startswith("_")}


def _of_the_pytest_plugin() -> list[str]:
    """Return the marker's arguments, the faults, and what else tests and contracts may use."""
    classes = (FakeServer, Recorder, Author)
    names = set(inspect.signature(marker).parameters).union(*map(_offered, classes))
    return sorted(names - HOOK_NAMES - INWARD)


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


@pytest.mark.parametrize("name", _of_the_pytest_plugin())
def test_what_the_pytest_plugin_offers_is_documented(name: str) -> None:
    page = (ROOT / "pytest_plugin" / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`|\.{name}\(|def {name}\(", page)


@pytest.mark.parametrize("key", keys_of(PluginOptions))
def test_what_every_plugins_table_takes_is_documented(key: str) -> None:
    table = _page("configuration.md").split("## `[plugins.<name>]`\n")[1].split("\n##")[0]
    assert re.search(rf"^\|[^|]*`{key}`", table, re.MULTILINE)


@pytest.mark.parametrize(
    "sink", ["sqlite", "ndjson", "http_api", "posthog", "raxe", "sheets", "hmac_ingest"]
)
def test_a_plugins_own_settings_and_their_variables_are_documented(sink: str) -> None:
    page = (ROOT / "plugins" / sink / "README.md").read_text(encoding="utf-8")
    everywhere = set(keys_of(PluginOptions))
    settings = [
        one
        for one in sink_settings(sink, load_config(environ={}))
        if one.path[-1] not in everywhere
    ]
    assert settings
    words = {word for one in settings for word in (one.path[-1], *one.variables)}
    assert {word for word in words if word not in page} == set()
