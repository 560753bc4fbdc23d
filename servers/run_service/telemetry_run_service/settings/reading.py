"""Reads the settings: an option wins over a variable, a variable over the file, the file over ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from attrs import evolve

from telemetry_core import ConfigError
from telemetry_run_service.settings.kinds import absolute, pieces
from telemetry_run_service.settings.settings import ServiceSettings, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telemetry_core import TelemetryConfig
    from telemetry_run_service.settings.kinds import Kind

_OTHERWISE = frozenset({"db_path", "auth_tokens"})  # read by functions of their own
_LARGEST_FILE = 65_536
_LEAST_PATIENCE_MS = 1000
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# What the reference reads and its clients use; to a service that keeps no buffer it says nothing.
IGNORED = (
    "TELEMETRY_API_URL",
    "TELEMETRY_BUFFER_MAX_SIZE_MB",
    "TELEMETRY_BUFFER_MAX_AGE_HOURS",
    "TELEMETRY_SYNC_INTERVAL_SECONDS",
    "TELEMETRY_SYNC_BATCH_SIZE",
    "TELEMETRY_LEVEL",
)


def read_settings(
    config: TelemetryConfig, options: Mapping[str, Any] | None = None
) -> ServiceSettings:
    """Return what options, environment and file say together; raises `ConfigError`.

    :param options: what was typed, by the setting's name; None is nothing.
    """
    typed = {name: value for name, value in (options or {}).items() if value is not None}
    said = {
        name: value
        for name, (kind, variables) in settings().items()
        if name not in _OTHERWISE
        and (value := _said(config, name, kind, variables, typed)) is not None
    }
    made = ServiceSettings(
        db_path=_database(config, typed.get("db_path")), auth_tokens=_tokens(config), **said
    )
    return evolve(made, notes=tuple(_notes(made, config)), journal_mode="DELETE")


def _said(
    config: TelemetryConfig,
    name: str,
    kind: Kind,
    variables: tuple[str, ...],
    typed: Mapping[str, Any],
) -> Any:
    """Return what was said of one setting, checked; None when nobody said anything."""
    if name in typed:
        return _checked(f"--{name.replace('_', '-')}", kind, typed[name], typed[name])
    variable = config.environ.first(*variables)
    if variable is None:
        return None
    try:
        value = kind.read(variable.text)
    except (ValueError, OSError):
        value = None
    return _checked(variable.name, kind, value, variable.text)


def _checked(source: str, kind: Kind, value: Any, shown: object) -> Any:
    if not kind.accepts(value):
        from reprlib import repr as shorten

        raise ConfigError(
            f"{source}: expected {kind.says}, not {shorten(shown)}; correct it, or leave it out"
        )
    return value


def _database(config: TelemetryConfig, option: str | None) -> str:
    """Return the path of the database: named, else the sqlite sink's, else the usual one."""
    if option is not None:
        return absolute(_named("--db", option))
    if variable := config.environ.first("TELEMETRY_DB_PATH"):
        return absolute(_named(variable.name, variable.text))
    if path := _path_in_url(config.environ.text("DATABASE_URL")):
        return absolute(_named("DATABASE_URL", path))
    found = set(_of_sinks(config))
    if len(found) > 1:
        raise ConfigError(
            f"{config.origin.source}: its sqlite sinks use {' and '.join(sorted(found))}; say which "
            "one to serve: --db PATH"
        )
    return found.pop() if found else absolute(config.base_dir / "db" / "telemetry.sqlite")


def _named(source: str, path: str) -> str:
    if "\0" in path or not path.strip():
        raise ConfigError(f"{source}: expected a path, not {path!r}")
    return path


def _path_in_url(url: str | None) -> str | None:
    """Return the file of `sqlite:///relative` or `sqlite:////absolute`; other URLs are not for us."""
    if url is None or not url.startswith("sqlite:///"):
        return None
    return unquote(urlsplit(url).path.removeprefix("/")) or None


def _of_sinks(config: TelemetryConfig) -> Iterator[str]:
    """Give the databases that the file names for its sqlite sinks, those of active ones if any."""
    tables = [name for name in config.plugins if config.kind_of(name) == "sqlite"]
    for name in [name for name in tables if name in config.active] or tables:
        path = config.plugins[name].get("db_path")
        if path is None:
            yield absolute(config.base_dir / "db" / "telemetry.sqlite")
        elif isinstance(path, str) and path:
            folder = config.path.parent if config.path else Path.cwd()
            yield absolute(folder / os.path.expanduser(path))
        else:
            raise (
                config.origin.at("plugins")
                .at(name)
                .at("db_path")
                .error(f"expected a path, not {path!r}")
            )


def _tokens(config: TelemetryConfig) -> tuple[str, ...]:
    """Return all tokens, of the variable (comma-separated) and of the file (one a line)."""
    said = config.environ.text("TELEMETRY_API_AUTH_TOKEN")
    name = config.environ.text("TELEMETRY_API_AUTH_TOKEN_FILE")
    return (*pieces(said or ""), *(_lines_of(name) if name else ()))


def _lines_of(name: str) -> tuple[str, ...]:
    where = f"TELEMETRY_API_AUTH_TOKEN_FILE: {name}"
    try:
        with open(absolute(name), "rb") as file:
            content = file.read(_LARGEST_FILE + 1).decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is not text in UTF-8; write one token a line") from None
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"{where} is larger than {_LARGEST_FILE} bytes; is it the right file?")
    lines = (line.strip() for line in content.splitlines())
    tokens = tuple(line for line in lines if line and not line.startswith("#"))
    if not tokens:
        raise ConfigError(f"{where} has no token in it; write one a line")
    return tokens


def _notes(made: ServiceSettings, config: TelemetryConfig) -> Iterator[str]:
    """Give what is strange about the settings, though it can be lived with."""
    if made.journal_mode != "DELETE":
        yield (
            f"the journal mode stays DELETE, not {made.journal_mode}: the file is shared with "
            "programs that expect it so (TELEMETRY_DB_JOURNAL_MODE)"
        )
    if made.busy_timeout_ms < _LEAST_PATIENCE_MS:
        yield (
            f"a busy database is waited for {made.busy_timeout_ms} ms only: a backup or a clean-up "
            "makes requests fail (TELEMETRY_DB_BUSY_TIMEOUT_MS)"
        )
    if made.auth_tokens and not made.auth_enabled:
        yield "there is a token, but nobody is asked for it: TELEMETRY_API_AUTH_ENABLED is not set"
    if made.host not in _LOOPBACK and not made.auth_enabled:
        yield f"{made.host} may be reached by others, and nobody is asked for a token"
    for name in IGNORED:
        if config.environ.first(name):
            yield f"{name} is for clients, and means nothing to this service"
