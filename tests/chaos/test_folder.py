"""A folder that is removed, renamed, replaced or locked away under the program that writes into it."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.halves import halves

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.stage import Stage

BEGINS = """
import resource, shutil
client = TelemetryClient()
capture(client, range(50))
base = Path(os.environ["TELEMETRY_BASE_DIR"])
[folder] = [path for path in (base / "spool").iterdir() if path.is_dir()]
lock = folder.with_suffix(".lock")
def remove(path):
    while path.exists():  # a worker may write into it meanwhile
        shutil.rmtree(path, ignore_errors=True)
def kept():
    return sum(path.read_bytes().count(b"mk-") for path in base.glob("spool/*/*.seg"))
"""
DAMAGES = {
    "its folder is removed": "remove(folder)",
    "its segments are removed": "for path in folder.glob('*.seg'): path.unlink()",
    "its lock is removed": "lock.unlink()",
    "its owner and its cursors are removed": """
(folder / "owner.json").unlink(); remove(folder / "cursors")
""",
    "the spool is removed": "remove(base / 'spool')",
    "everything is removed": "remove(base)",
    "its folder is renamed": "folder.rename(base / 'elsewhere')",
    "everything is renamed": "base.rename(base.with_name('elsewhere'))",
    "everything is replaced by an empty folder": """
base.rename(base.with_name('elsewhere')); base.mkdir()
""",
    "the spool is replaced by a file, for a while": """
remove(base / "spool"); (base / "spool").write_text("")
capture(client, range(60, 70))
(base / "spool").unlink()
""",
}
PLACES = {"everything": "", "the spool": "spool", "the database": "db"}
NO_DESCRIPTORS = """
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
"""
BEGINNINGS = {
    "from the first": "next(counted([0]))",
    "later": "capture(client, range(10)); client.flush()",
}
LATER: Any = {"TELEMETRY_LINGER": "600"}  # nothing is delivered before the damage


@pytest.mark.chaos("what the program writes into is removed, renamed or replaced", "folder")
@pytest.mark.parametrize("damage", halves(DAMAGES, "everything is removed"))
def test_what_happens_to_the_folder_loses_nothing(stage: Stage, damage: str) -> None:
    stage.run(
        f"{BEGINS}{damage}\ncapture(client, range(100, 150))\nclient.close()\n",
        **LATER,
    )
    assert len(stage.recorded()) >= 100
    stage.conclude()


@pytest.mark.chaos("its folder is removed, and SIGKILL once it was made anew", "folder")
def test_what_was_carried_over_survives_the_program(stage: Stage) -> None:
    stage.run(
        f"""{BEGINS}
remove(base)
signal.alarm(60)
pause = threading.Event()
while kept() < 50:
    pause.wait(0.01)
capture(client, range(100, 150))
os.kill(os.getpid(), signal.SIGKILL)
""",
        code=-9,
        **LATER,
    )
    assert len(stage.recorded()) == 100
    stage.conclude()


@pytest.mark.chaos("the spool is renamed, and renamed back", "folder")
@pytest.mark.whole
def test_a_spool_that_comes_back_is_delivered_by_the_next_process(stage: Stage) -> None:
    stage.run(
        f"""{BEGINS}
(base / "spool").rename(base / "elsewhere")
capture(client, range(100, 150))
client.close()
remove(base / "spool")
(base / "elsewhere").rename(base / "spool")
""",
        **LATER,
    )
    stage.conclude()


@pytest.mark.chaos("what the program writes into is read-only for a while", "folder")
@pytest.mark.parametrize("place", halves(PLACES, "the spool"))
def test_what_is_read_only_for_a_while_loses_nothing(stage: Stage, place: str) -> None:
    program = stage.start(f"""{BEGINS}
client.flush()
print(flush=True); input()
capture(client, range(100, 150))
report = client.flush(1)
print(report.sinks["sqlite"].error or client.health().message, flush=True); sys.stdin.read()
capture(client, range(200, 250))
assert client.flush(30)
""")
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdout.readline()
    with read_only(stage.base_dir / place):
        program.stdin.write("\n")
        program.stdin.flush()
        why = program.stdout.readline()
    stage.finish(program)
    assert "ship_batch raised" in why or "the disk takes no records" in why
    assert len(stage.recorded()) == 150
    stage.conclude()


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Let nobody, not even root, change anything in a folder, nor write to what is open."""
    try:
        subprocess.run(["chattr", "-R", "+i", str(place)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        allow_changes(place)
        pytest.skip("only root can make files immutable, on a file system that knows it")
    try:
        yield
    finally:
        allow_changes(place)


def allow_changes(place: Path) -> None:
    subprocess.run(["chattr", "-R", "-i", str(place)], check=False, capture_output=True)


@pytest.mark.chaos("no descriptor is to be had, for a while", "folder")
@pytest.mark.parametrize("begins", halves(BEGINNINGS, "later"))
def test_where_no_file_can_be_opened_for_a_while_nothing_is_lost(stage: Stage, begins: str) -> None:
    stage.run(f"""
import resource
client = TelemetryClient()
{begins}
{NO_DESCRIPTORS}
capture(client, range(100, 150))
client.flush(0.5)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
capture(client, range(200, 250))
client.close()
""")
    assert len(stage.recorded()) >= 100
    stage.conclude()
