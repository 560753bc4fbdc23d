"""The figures of the guide, by its names."""

from __future__ import annotations

PH_API_HOST = "https://telemetry.atopileapi.com"  # the guide's own; nothing here sends there
PH_API_ENDPOINT = "/capture/"  # a request for each event; `endpoint` is /batch/ unless it is set
DEFAULT_QUEUE_SIZE = 256
WORKER_WAKE_INTERVAL = 0.1  # seconds for which a batch may fill
FLUSH_TIMEOUT = 2.0
