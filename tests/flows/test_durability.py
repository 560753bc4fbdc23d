"""What the default durability leaves to the kernel; tests/chaos/test_power_cut.py has the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.flows.conftest import Home


def test_process_leaves_it_to_the_kernel(home: Home) -> None:
    home.run("""
synced = []
os.fdatasync = os.fsync = synced.append
config = load_config(environ=os.environ)
config.active = ()
class Keeper:
    @hookimpl
    def ship_batch(self, batch): pass
client = TelemetryClient(config, plugins=[Keeper()])
say(client, *range(300))
assert client.flush()
assert synced == [], synced
""")
