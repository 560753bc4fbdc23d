"""Keeps what leaves the machine from leaving it in a test session, unless a test says `live`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from telemetry_core import TelemetryClient

TEST_MODE = "TELEMETRY_TEST_MODE"
_OURS = pytest.StashKey[bool]()
_FOR_WORKERS = "telemetry_test_mode_is_ours"


def begin(config: pytest.Config) -> None:
    """Have remote sinks mocked in this process and those it starts, for the whole session.

    A mode that the environment states stays, and no marker widens it.
    """
    if _OURS in config.stash:
        return
    config.stash[_OURS] = not os.environ.get(TEST_MODE, "").strip()
    if config.stash[_OURS]:
        before = os.environ.get(TEST_MODE)
        os.environ[TEST_MODE] = "mock"
        config.add_cleanup(lambda: _set(before))


def tell_worker(config: pytest.Config, workerinput: dict[str, object]) -> None:
    """Let a process of xdist know what the environment it inherits cannot say: whose mode it is."""
    workerinput[_FOR_WORKERS] = _ours(config)


def _ours(config: pytest.Config) -> bool:
    told: Mapping[str, bool] = getattr(config, "workerinput", {})
    return told.get(_FOR_WORKERS, config.stash[_OURS])


@contextmanager
def live(config: pytest.Config) -> Iterator[None]:
    """Let remote sinks ship, those of the default client too, which is one of its own meanwhile."""
    if not _ours(config):
        yield
        return
    mode, client = os.environ.get(TEST_MODE), _swap_default(None)
    os.environ[TEST_MODE] = "live"
    try:
        yield
    finally:
        _set(mode)
        own = _swap_default(client)
        if own is not None:
            with suppress(Exception):  # the test has its result; pytest is to go on
                own.close()


def environment(settings: object) -> dict[str, str]:
    """Return what the environment may say to a test: the mode, a refusal, the secrets asked for."""
    names = {"DO_NOT_TRACK", *_secrets(settings)}
    said = {name: os.environ[name] for name in names if name in os.environ}
    return {**said, TEST_MODE: os.environ.get(TEST_MODE, "").strip() or "mock"}


def _secrets(settings: object) -> Iterator[str]:
    """Give the variables that settings name, as in `api_key = { env = "POSTHOG_API_KEY" }`."""
    match settings:
        case {"env": str(name)}:
            yield name
        case dict():
            for value in settings.values():
                yield from _secrets(value)


def _set(mode: str | None) -> None:
    if mode is None:
        os.environ.pop(TEST_MODE, None)
    else:
        os.environ[TEST_MODE] = mode


def _swap_default(client: TelemetryClient | None) -> TelemetryClient | None:
    """Replace the default client, whose mode is that of its first use; import nothing for it."""
    core = sys.modules.get("telemetry_core")
    if core is None or "set_client" not in vars(core):  # nobody has asked for it yet
        return None
    before: TelemetryClient | None = core.set_client(client)
    return before
