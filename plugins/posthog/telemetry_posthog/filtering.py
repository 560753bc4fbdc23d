"""The function of the program that sees each event last, and may change it or hold it back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from telemetry_core import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    BeforeSend = Callable[[dict[str, Any]], dict[str, Any] | None]


class BeforeSendError(ConfigError, ValueError):
    """The function that is to see each event cannot be had."""


def function_named(name: object) -> BeforeSend:
    """Return a function, or the one that `module:function` names; raises `BeforeSendError`."""
    if callable(name):
        return name
    module, _, attribute = str(name).partition(":")
    try:
        function = getattr(import_module(module), attribute)
    except Exception as error:
        raise BeforeSendError(
            f"before_send = {str(name)!r} cannot be had ({type(error).__name__}: {error});"
            ' write "module:function"'
        ) from error
    if not callable(function):
        raise BeforeSendError(f"before_send = {str(name)!r} is no function")
    found: BeforeSend = function
    return found
