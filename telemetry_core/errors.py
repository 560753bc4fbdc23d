"""Every error of ours, on one base, each saying what to do next; and how any error is told."""

from __future__ import annotations

from types import ModuleType


class TelemetryError(Exception):
    """The base of everything this library raises."""


class ConfigError(TelemetryError):
    """A setting is wrong; the text names the file, the path in it and the remedy."""


class PluginNotFoundError(ConfigError):
    """A plugin was asked for by a name that no installed distribution offers."""


class PluginError(TelemetryError):
    """A plugin does not keep the rules of a plugin."""


class UnknownStatusError(TelemetryError, ValueError):
    """A run's status is none of the canonical words and no alias of one."""


class InvalidRecordError(TelemetryError, ValueError):
    """A stored line or a mapping cannot be read as a record."""


class SpoolError(TelemetryError):
    """The spool cannot do what was asked; the text says why and what to look at."""


class CredentialError(TelemetryError):
    """A secret is missing or its source cannot be read."""


def described(error: BaseException) -> str:
    """Return an exception's type and text, also of one whose text cannot be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def is_of_half_an_import(error: BaseException) -> bool:
    """Tell whether a module lacks something that it has once its import, going on now, is done.

    A signal handler meets such modules, when it comes in the middle of one.
    """
    if isinstance(error, AttributeError):
        return isinstance(error.obj, ModuleType)
    return isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError)
