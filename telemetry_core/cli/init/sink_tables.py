"""The tables of sinks in a new telemetry.toml: every setting of their plugins, as a comment."""

from __future__ import annotations

import inspect
import re
from textwrap import wrap
from typing import TYPE_CHECKING

from telemetry_core.building import said_of
from telemetry_core.cli.config.catalogue import sink_settings
from telemetry_core.cli.config.toml_text import dotted, key_text, value_text
from telemetry_core.config import TelemetryConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from telemetry_core.cli.config.catalogue import Setting
    from telemetry_core.discovery import Installed

_WIDTH = 98
_PARAM = re.compile(r"^:(?:param|ivar) (\w+):(.*?)(?=^:|^\s*$|\Z)", re.MULTILINE | re.DOTALL)
_OF_EVERY_SINK = """\
# The core reads these in the table of every sink:
# only = ["runs", "order_*"]  # event types it gets, "runs" stands for all of runs; without, all
# except = ["debug_*"]      # event types it does not get
# batch_size = 500          # other than [delivery] says, also batch_bytes
# delivery = "spool"        # "memory": never on the disk, lost with the program
# queue_size = 256          # of each lane, where delivery is from memory
# plugin = {plugin}         # which plugin it is, when the table bears a name of its own"""


def sink_tables(active: Sequence[str], installed: Installed) -> str:
    """Return the tables of these sinks, the first of them with what any can have."""
    config = TelemetryConfig(active=tuple(active), installed=installed)
    names = [name for name in active if name in installed] or ["NAME"]
    tables = ["\n".join(_table(name, config)) for name in names]
    tables[0] += f"\n\n{_OF_EVERY_SINK.format(plugin=value_text(names[0]))}"
    return "\n\n\n".join(tables)


def _table(name: str, config: TelemetryConfig) -> Iterator[str]:
    yield f"# [{dotted(('plugins', name))}]"
    settings = [setting for setting in sink_settings(name, config) if setting.plugin is not None]
    for number, setting in enumerate(settings):
        if number:
            yield ""
        yield from _lines(setting)


def _lines(setting: Setting) -> Iterator[str]:
    """Give what a plugin's class says of a setting, and the setting with the value it has anyway."""
    assert setting.plugin is not None
    key = setting.path[-1]
    said = dict(_PARAM.findall(inspect.getdoc(setting.plugin) or "")).get(key, "")
    words = " ".join(said.split())
    wins = f" {setting.variables[0]} wins over it." if setting.variables else ""
    sentence = f"{words[:1].upper()}{words[1:]}{wins}"
    yield from wrap(sentence, _WIDTH, initial_indent="# ", subsequent_indent="# ")
    yield f"# {key_text(key)} = {_value(setting, setting.plugin)}"


def _value(setting: Setting, plugin: type) -> str:
    """Return the default, or, in the place of none, what may stand there."""
    try:
        if setting.default is not None:
            return value_text(setting.default)
    except TypeError:  # no file can say it
        pass
    return f" # {said_of(plugin, setting.path[-1])}"
