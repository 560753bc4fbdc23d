"""Children of the test's own process: real ones, to be killed or given a terminal, soon started.

For what needs no interpreter of its own; programs that do are `tests/flows` and `tests/chaos`.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE = 60  # seconds after which a child is killed, far longer than anything here takes


def forked(act: Callable[[], object]) -> int:
    """Start a child that does this and ends without doing anything that is its parent's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside other threads
        child = os.fork()
    if child == 0:
        _do_and_end(act)
    return child


def _do_and_end(act: Callable[[], object]) -> None:
    code: object = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE)
        act()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # pytest's own as well: nothing of it may go on in the child
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else code is not None)


def ended(child: int) -> int:
    """Wait for a child and return its exit code, negative for the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_myself() -> None:
    """End as a program that is killed ends: nothing more is done."""
    os.kill(os.getpid(), signal.SIGKILL)


def become(*streams: int, environ: Mapping[str, str]) -> None:
    """Have these descriptors as stdin, stdout and stderr, this environment, and heed Ctrl-C."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    encoding = environ.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = os.fdopen(0, encoding=encoding, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environ)
    signal.signal(signal.SIGINT, signal.default_int_handler)
