"""Tells of exceptions that nobody caught, and leaves them to whoever had the hook before."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from telemetry_posthog.exceptions import OF_PROGRAM, OF_THREAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_posthog.telemetry_client import TelemetryClient

_FATAL = {"$exception_level": "fatal", "$exception_source": OF_PROGRAM}
_IN_A_THREAD = {"$exception_source": OF_THREAD}


def install_excepthook(client: TelemetryClient | None = None) -> Callable[[], None]:
    """Have a client told of what ends the program, as fatal, and of what ends a thread.

    :param client: by default the package's own.
    :return: what takes the hooks out again, where nobody has put one of his own before them.
    """
    if client is None:
        from telemetry_posthog import module_level

        client = module_level.client
    before, before_of_threads = sys.excepthook, threading.excepthook

    def of_program(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        _tell(client, error, _FATAL)
        before(kind, error, traceback)

    def of_thread(arguments: threading.ExceptHookArgs) -> None:
        _tell(client, arguments.exc_value, _IN_A_THREAD)
        before_of_threads(arguments)

    sys.excepthook, threading.excepthook = of_program, of_thread
    return partial(_uninstall, (of_program, before), (of_thread, before_of_threads))


def _tell(client: TelemetryClient, error: BaseException | None, how: dict[str, str]) -> None:
    with suppress(Exception):  # what comes after the hook has the program's own message
        if isinstance(error, Exception):  # Ctrl-C and the like end a program as it was meant to
            client.capture_exception(error, properties=how)


def _uninstall(program: tuple[Any, Any], threads: tuple[Any, Any]) -> None:
    if sys.excepthook is program[0]:
        sys.excepthook = program[1]
    if threading.excepthook is threads[0]:
        threading.excepthook = threads[1]
