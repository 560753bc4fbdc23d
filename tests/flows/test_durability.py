"""What each durability promises: the kernel has a record, or the disk has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.flows.conftest import Home

# Notes how much of which file the disk was told to take, before the real thing happens.
WATCHED = """
synced = {}
some = threading.Condition()
fdatasync, fsync = os.fdatasync, os.fsync
def watch(real):
    def sync(descriptor):
        name, size = os.readlink(f"/proc/self/fd/{descriptor}"), os.fstat(descriptor).st_size
        real(descriptor)
        with some:
            synced[name] = size
            some.notify_all()
    return sync
os.fdatasync, os.fsync = watch(fdatasync), watch(fsync)
base = Path(os.environ["TELEMETRY_BASE_DIR"]).resolve()
def segment(lane="standard"):
    [found] = (base / "spool").rglob(f"{lane}-*.seg")
    return found
def on_disk(path):
    return synced.get(str(path)) == path.stat().st_size
"""


@pytest.mark.parametrize("durability", ["process", "interval", "always"])
def test_a_killed_program_loses_nothing(home: Home, durability: str) -> None:
    program = "say(TelemetryClient(), *range(300)); os.kill(os.getpid(), signal.SIGKILL)"
    home.run(program, code=-9, TELEMETRY_DURABILITY=durability)
    assert home.said() == list(range(300))


def test_always_means_that_the_disk_has_it_when_the_call_returns(home: Home) -> None:
    home.run(
        f"""{WATCHED}
client = TelemetryClient()
for n in range(5):
    say(client, n)
    assert on_disk(segment()), synced
client.start_run("agent", "job")
assert on_disk(segment("critical")), synced
assert str(segment().parent) in synced and str(segment().parent.parent) in synced, synced
os._exit(0)
""",
        TELEMETRY_DURABILITY="always",
    )


def test_interval_means_that_the_disk_has_it_soon_and_no_call_waits_for_that(home: Home) -> None:
    home.run(
        f"""{WATCHED}
client = TelemetryClient()
say(client, *range(300))
with some:
    assert some.wait_for(lambda: on_disk(segment()), 60), synced
    assert str(segment().parent) in synced, synced
os._exit(0)
""",
        TELEMETRY_DURABILITY="interval",
    )


def test_process_leaves_it_to_the_kernel(home: Home) -> None:
    home.run(f"""{WATCHED}
config = load_config(environ=os.environ)
config.active = ()
class Keeper:
    @hookimpl
    def ship_batch(self, batch): pass
client = TelemetryClient(config, plugins=[Keeper()])
say(client, *range(300))
assert client.flush()
assert synced == {{}}, synced
""")
