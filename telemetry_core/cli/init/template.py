"""The text of a new telemetry.toml: what is chosen, and every other setting as a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_core.cli.config.toml_text import value_text
from telemetry_core.cli.init.sink_tables import sink_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry_core.discovery import Installed

_TEXT = """\
# What this project says and where it goes. Every setting of the core is here; those that begin
# with "#" have the value they have anyway. TELEMETRY_<NAME> in the environment wins over each.

# Programs that share service and base_dir deliver what others of them left behind.
service = {service}

# The sinks that get everything, in this order. Installed here: {installed}.
# Nothing leaves this machine unless a sink that sends is named.
active = {active}

# Where records wait and local sinks write, relative to this file.
base_dir = {base_dir}

# "log": telemetry never raises into the program. "raise": it does; for tests.
# on_error = "log"


[delivery]
# What a record survives once the call has returned. "process": kill -9. "interval": also a power
# failure, but for the last second or 256 records. "always": also a power failure, at a price.
# durability = "process"

# How many records, and how many bytes, a sink gets at once; a sink's own wish wins.
# batch_size = 100
# batch_bytes = 1048576

# Seconds to wait for more before a batch is sent that is not full.
# linger = 0.1

# The most that may wait on the disk, in bytes. Beyond it the oldest events are dropped; runs and
# exceptions have as much again of their own.
# max_bytes = 268435456

# After so many days a record that could not be delivered becomes a dead letter.
# max_age_days = 14

# Seconds that the end of a program may wait for deliveries; what is left waits on the disk.
# exit_timeout = 2.0

# Types of events that are shipped first and never dropped for room, as patterns: ["payment_*"].
# critical = []


[privacy]
# What is hidden besides what is known to be secret: names of fields, as patterns: ["*iban*"].
# redact = []


# A sink's own settings stand in a table of its name.
{sinks}
"""


def telemetry_toml(service: str, active: Sequence[str], base_dir: str, installed: Installed) -> str:
    """Return the file's text with these choices made."""
    return _TEXT.format(
        service=value_text(service),
        active=value_text(active),
        base_dir=value_text(base_dir),
        installed=", ".join(installed.names()) or "none",
        sinks=sink_tables(active, installed),
    )
