"""Configurations for tests, in files and by hand, and what is said of wrong ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.config import TelemetryConfig, load_config
from telemetry_core.credentials import Environment
from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

root_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become someone else"
)
NOBODY = 65534


def write(folder: Path, text: str, name: str = "telemetry.toml") -> Path:
    """Write a configuration."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path | None = None, /, **environ: str) -> str:
    """Return what is said of a wrong configuration."""
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ=environ)
    return str(caught.value)


def by_hand(variables: dict[str, str] | None = None, /, **settings: Any) -> TelemetryConfig:
    """Return a configuration that a program made, not a file."""
    return TelemetryConfig(environ=Environment(variables or {}), **settings)
