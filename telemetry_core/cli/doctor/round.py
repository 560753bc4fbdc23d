"""Goes from subject to subject and brings all findings back, each named after its subject."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

from telemetry_core.cli.doctor.clock import clock
from telemetry_core.cli.doctor.configuration import configuration
from telemetry_core.cli.doctor.consent import consent
from telemetry_core.cli.doctor.disk import disk
from telemetry_core.cli.doctor.folders import folders
from telemetry_core.cli.doctor.reports import fail, guarded
from telemetry_core.cli.doctor.sinks import sinks
from telemetry_core.cli.doctor.spool import spool
from telemetry_core.cli.doctor.versions import versions
from telemetry_core.cli.options import read_config
from telemetry_core.credentials import Environment
from telemetry_core.discovery import Installed
from telemetry_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from telemetry_core.records import Finding

    Examination = Callable[[], Iterable[Finding]]


def examine(path: str | None, only: Collection[str], seconds: float) -> Iterator[Finding]:
    """Give every finding on the subjects that are asked for; without any, on all."""
    for subject, examination in _subjects(path, seconds).items():
        if not only or subject in only:
            for finding in guarded("examination", examination):
                yield attrs.evolve(finding, name=f"{subject}.{finding.name}")


def _subjects(path: str | None, seconds: float) -> dict[str, Examination]:
    """Return who examines what; without a configuration only what needs none."""
    subjects: dict[str, Examination] = {
        "versions": partial(versions, Installed()),
        "consent": partial(consent, Environment()),
    }
    try:
        config = read_config(path)
    except ConfigError as error:
        return subjects | {"configuration": partial(_unreadable, str(error))}
    return subjects | {
        "configuration": partial(configuration, config),
        "folders": partial(folders, config),
        "disk": partial(disk, config),
        "clock": partial(clock, config),
        "spool": partial(spool, config),
        "sinks": partial(sinks, config, seconds),
    }


def _unreadable(problem: str) -> Iterator[Finding]:
    remedy = "correct that; until then nothing is recorded, and nothing else can be examined"
    yield fail("file", problem, remedy)
