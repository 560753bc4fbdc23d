"""The configuration of one client, and the one function that decides who has the say in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from attrs import Factory, define, field

from telemetry_core.clock import NS_PER_DAY
from telemetry_core.config_file import find_config, origin_of
from telemetry_core.credentials import Environment
from telemetry_core.discovery import Installed
from telemetry_core.errors import ConfigError
from telemetry_core.installation import state_directory
from telemetry_core.logs import get_logger
from telemetry_core.settings import (
    FLAG,
    LINE,
    LINES,
    NAME,
    NAMES,
    PATH,
    Origin,
    checked,
    number,
    read_settings,
    setting,
    shown,
    whole,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry_core.config_file import ConfigFile

_logger = get_logger("telemetry_core.config")

_GROUPS = ("delivery", "privacy", "plugins")
_TEST_MODES = words("mock", "live")


def _tuple(value: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else value


def _absolute(value: str | os.PathLike[str]) -> Path:
    """Return an absolute path, so that a program may change its directory; misfits stay as is."""
    if not PATH.accepts(value):
        return cast("Path", value)  # the validator says what is wrong with it
    try:
        return Path(os.path.abspath(os.path.expanduser(value)))
    except OSError as error:
        raise ConfigError(f"base_dir: {value} is relative to nothing: {error}") from None


@define(kw_only=True)
class DeliverySettings:
    """How records reach the sinks; what a plugin says for itself wins over the sizes here."""

    durability: Literal["process", "interval", "always"] = setting(
        "process", words("process", "interval", "always")
    )
    batch_size: int = setting(100, whole())
    batch_bytes: int = setting(1_048_576, whole())
    linger: float = setting(0.1, number(3_600))
    max_bytes: int = setting(268_435_456, whole())
    max_age_days: float = setting(14, number(36_500))
    exit_timeout: float = setting(2.0, number(3_600))
    critical: tuple[str, ...] = field(default=(), converter=_tuple, **checked(LINES))

    @property
    def max_age_ns(self) -> int:
        """The same as `max_age_days`, in the unit that times have."""
        return round(self.max_age_days * NS_PER_DAY)


@define(kw_only=True)
class PrivacySettings:
    """What is hidden besides the built-in list of names that look like secrets."""

    redact: tuple[str, ...] = field(default=(), converter=_tuple, **checked(LINES))


@define(kw_only=True)
class PluginOptions:
    """What the core itself reads in the table of a plugin; the rest are the plugin's settings.

    :ivar plugin: which plugin it is, where the table bears a name of its own.
    :ivar only: the event types it gets, and `except_` those it does not.
    :ivar queue_size: how many records of a lane wait in memory, where delivery is from there.
    """

    plugin: str | None = setting(None, NAME.or_nothing(), env=())
    only: tuple[str, ...] = field(default=(), converter=_tuple, **checked(LINES, env=()))
    except_: tuple[str, ...] = field(
        default=(), converter=_tuple, **checked(LINES, env=(), key="except")
    )
    batch_size: int | None = setting(None, whole().or_nothing(), env=())
    batch_bytes: int | None = setting(None, whole().or_nothing(), env=())
    delivery: Literal["spool", "memory"] = setting("spool", words("spool", "memory"), env=())
    queue_size: int | None = setting(None, whole().or_nothing(), env=())


def _default_sinks(installed: Installed, environ: Environment) -> tuple[str, ...]:
    """Return what is active when nobody chose: local sinks, and what the environment asks for."""
    service = environ.first("TELEMETRY_API_URL", "METRICS_API_URL")
    local = ("ndjson",) if service else ("sqlite", "ndjson")
    sinks = ["http_api"] if service else []
    sinks += [name for name in local if name in installed]
    enabled = environ.first("GOOGLE_SHEETS_API_ENABLED")
    if enabled and FLAG.read(enabled.text, Origin(enabled.name)):
        sinks.append("sheets")
    return tuple(sinks)


def _test_mode(environ: Environment) -> str | None:
    variable = environ.first("TELEMETRY_TEST_MODE")
    return _TEST_MODES.read(variable.text, Origin(variable.name)) if variable else None


def _from_environment(name: str) -> Any:
    """Return a field that a variable fills when the program does not."""
    return field(default=Factory(lambda config: config.environ.text(name), takes_self=True))


@define(kw_only=True)
class TelemetryConfig:
    """Everything a client is told: by hand, or by `load_config`.

    Programs that share `base_dir` and `service` take over each other's undelivered records, so
    the service has one fixed name until it is given another.

    :ivar plugins: the settings table of each plugin, by the name of the sink.
    :ivar path: the file all this came from, if one did.
    :ivar trusted: false when that file was not named but found near the working directory.
    """

    environ: Environment = field(factory=Environment, repr=False, eq=False)
    installed: Installed = field(factory=Installed, repr=False, eq=False)
    service: str = setting("default", LINE)
    active: tuple[str, ...] = field(
        default=Factory(lambda self: _default_sinks(self.installed, self.environ), takes_self=True),
        converter=_tuple,
        **checked(NAMES),
    )
    base_dir: Path = field(
        factory=state_directory,
        converter=_absolute,
        **checked(PATH, env=("TELEMETRY_BASE_DIR", "AGENT_METRICS_DIR")),
    )
    on_error: Literal["log", "raise"] = setting("log", words("log", "raise"))
    delivery: DeliverySettings = field(factory=DeliverySettings)
    privacy: PrivacySettings = field(factory=PrivacySettings)
    plugins: dict[str, dict[str, Any]] = field(factory=dict, repr=False)
    path: Path | None = None
    trusted: bool = True
    disabled: bool = False
    do_not_track: bool = False
    test_mode: Literal["mock", "live"] | None = field(
        default=Factory(lambda self: _test_mode(self.environ), takes_self=True)
    )
    parent_run_id: str | None = _from_environment("TELEMETRY_PARENT_RUN_ID")
    agent_owner: str | None = _from_environment("AGENT_OWNER")
    environment: str | None = _from_environment("TELEMETRY_ENVIRONMENT")

    def __attrs_post_init__(self) -> None:
        """Let the user's two refusals win over whatever the program says."""
        self.disabled = self.disabled or self.environ.says_yes("TELEMETRY_DISABLED")
        self.do_not_track = self.do_not_track or self.environ.says_yes("DO_NOT_TRACK")

    @classmethod
    def from_env(cls) -> Self:
        """Return what the environment says, and the file that `TELEMETRY_CONFIG` names."""
        environ = Environment()
        return cls.read(find_config(None, environ, None), environ)

    @classmethod
    def read(cls, file: ConfigFile | None, environ: Environment) -> Self:
        """Return what a file and the environment say together; raises `ConfigError`."""
        table = file.table if file else {}
        origin = origin_of(file.path) if file else Origin("the environment", "$")
        groups = {name: _group(table, name, origin) for name in _GROUPS}
        settings = read_settings(cls, table, environ, origin, groups=_GROUPS)
        if file and "base_dir" in settings:
            settings["base_dir"] = file.path.parent / os.path.expanduser(settings["base_dir"])
        delivery, privacy = (
            read_settings(kind, groups[name], environ, origin.at(name))
            for name, kind in (("delivery", DeliverySettings), ("privacy", PrivacySettings))
        )
        return cls(
            environ=environ,
            path=file.path if file else None,
            trusted=file is None or file.trusted,
            delivery=DeliverySettings(**delivery),
            privacy=PrivacySettings(**privacy),
            plugins={
                name: _group(groups["plugins"], name, origin.at("plugins"))
                for name in groups["plugins"]
            },
            **settings,
        )

    @property
    def origin(self) -> Origin:
        """Return where these settings were said, for an error to name."""
        return origin_of(self.path) if self.path else Origin(type(self).__name__, "$")

    def kind_of(self, name: str) -> str:
        """Return which plugin a sink is, where its table bears a name of its own."""
        kind = self.plugins.get(name, {}).get("plugin")
        return kind if isinstance(kind, str) else name

    def unwritable(self) -> str:
        """Return what keeps the base directory from being written; empty when nothing does."""
        if _writable(self.base_dir):
            return ""
        return f"{self.base_dir} cannot be written; set TELEMETRY_BASE_DIR to another place"

    def validate(self, strict: bool = True) -> tuple[bool, list[str]]:
        """Return whether all can work, and what is wrong.

        Without `strict`, a base directory that cannot be written is logged and no error: records
        are then kept in memory.
        """
        errors = [
            self.installed.missing(kind)
            for kind in map(self.kind_of, self.active)
            if kind not in self.installed
        ]
        if problem := self.unwritable():
            if strict:
                errors.append(problem)
            else:
                _logger.warning(problem)
        return not errors, errors


def _writable(folder: Path) -> bool:
    """Tell whether a folder can be written, or made where it is missing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def load_config(
    path: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    search_from: str | os.PathLike[str] | None = None,
) -> TelemetryConfig:
    """Return the configuration: the environment wins over the file, the file over the defaults.

    The file is the one given, else the one in `TELEMETRY_CONFIG`, else, only when there is a
    folder to search from, the nearest `telemetry.toml` or `[tool.telemetry]` at or above it.
    Raises `ConfigError`, whatever is wrong, and nothing else.
    """
    variables = Environment(environ)
    return TelemetryConfig.read(find_config(path, variables, search_from), variables)


def _group(table: Mapping[str, Any], name: str, origin: Origin) -> dict[str, Any]:
    group = table.get(name, {})
    if not isinstance(group, dict):
        raise origin.at(name).error(f"expected a table, not {shown(group)}")
    return group
