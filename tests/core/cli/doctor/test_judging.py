"""How figures are judged: room, time, kinds of file systems, versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from telemetry_core import iso8601
from telemetry_core.cli.doctor.clock import judged
from telemetry_core.cli.doctor.disk import file_system, network, space
from telemetry_core.cli.doctor.versions import fits

HERE = Path("/here")
NOW = 1_800_000_000 * 10**9
MINUTE = 60 * 10**9


@pytest.mark.parametrize(
    ("free", "level"),
    [
        (0, "fail"),
        (999_999_999, "fail"),
        (10**9, "warn"),
        (4_999_999_999, "warn"),
        (5 * 10**9, "ok"),
    ],
)
def test_room(free: int, level: str) -> None:
    assert space(free, HERE).level == level


@pytest.mark.parametrize(
    ("now", "newest", "level"),
    [
        (NOW, 0, "ok"),
        (NOW, NOW + MINUTE, "ok"),
        (NOW, NOW + 2 * MINUTE, "fail"),
        (0, 0, "fail"),
    ],
)
def test_time(now: int, newest: int, level: str) -> None:
    assert iso8601(now)[:10] in judged(now, newest).what
    assert judged(now, newest).level == level


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("ext4", "ok"),
        ("fuse", "ok"),
        ("", "ok"),
        ("nfs", "warn"),
        ("nfs4", "warn"),
        ("cifs", "warn"),
        ("smb3", "warn"),
        ("fuse.sshfs", "warn"),
        ("9p", "warn"),
    ],
)
def test_kinds_of_file_systems(kind: str, level: str) -> None:
    assert network(kind, HERE).level == level


MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/my\040data rw - tmpfs tmpfs rw
32 22 0:42 / /mnt rw - ext4 /dev/vdb rw
33 22 0:43 / /mnt rw - fuse.sshfs me@host rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/homes/x", "ext4"),
        ("/home", "nfs4"),
        ("/home/x", "nfs4"),
        ("/home/my data/x", "tmpfs"),
        ("/mnt/x", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str) -> None:
    assert file_system(path, MOUNTS) == kind


@pytest.mark.parametrize(
    ("wanted", "fit"),
    [
        ("==1.2.0", True),
        ("==1.2", True),
        ("==1.2.0.1", False),
        ("==1.2.*", True),
        ("!=1.2.*", False),
        (">=1.2,<2", True),
        (">=1.2.1", False),
        ("<1.2", False),
        (">1.1.9", True),
        ("~=1.1", True),
        ("~=1.1.0", False),
        ("", True),
        (">= 1.0 , != 1.2.1", True),
    ],
)
def test_versions_that_fit(wanted: str, fit: bool) -> None:
    assert fits("1.2.0", wanted) is fit
