"""What the whole suite shares: a fixture for testing plugins, bytecode, patience with machines."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.warm import SERVED, WarmInterpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]

# What takes longest begins first, so that no worker is left alone with it.
FIRST = ("tests/test_packaging", "tests/typing/", "tests/docs/", "tests/pytest_plugin/test_c")

# A program that may not keep what it compiled compiles all it imports, most of its time, each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No test judges by time: a busy machine makes an example slow, not wrong.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", PATIENT, max_examples=50)
settings.register_profile("thorough", PATIENT, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have one worker more than there are cores: many tests wait for a process they started."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(FIRST))


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmInterpreter]:
    """Return what forks programs that are soon started."""
    interpreter = WarmInterpreter()
    yield interpreter
    interpreter.end()


@pytest.fixture(scope="session")
def warm_service() -> Iterator[WarmInterpreter]:
    """Return what forks run services; one for all rooms, since what it imports takes a second."""
    interpreter = WarmInterpreter(SERVED)
    yield interpreter
    interpreter.end()
