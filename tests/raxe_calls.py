"""Calls the Python API of the published RAXE client with every key, in an environment that has it.

`tests/raxe_client.py` starts it: it reads `{"url": …, "keys": {…}}` and prints what became of each.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from raxe.infrastructure.telemetry.credential_store import CredentialStore
from raxe.infrastructure.telemetry.health_client import check_health, check_health_async
from raxe.infrastructure.telemetry.sender import BatchSender, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 1  # seconds
AT_ONCE = RetryPolicy(initial_delay_ms=1, max_delay_ms=1)
HEARTBEAT = {
    "event_type": "heartbeat",
    "priority": "standard",
    "timestamp": "2026-01-01T12:00:00.000000+00:00",
    "payload": {"uptime_seconds": 60, "scans_since_last_heartbeat": 2},
}


def outcome(call: Callable[[], Any]) -> str:
    """Return what a call gives, or which error it raises."""
    try:
        return str(call())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def health(url: str, key: str) -> str:
    told = check_health(key, endpoint=url, timeout=PATIENCE)
    allowed = [name for name in ("can_disable_telemetry", "offline_mode") if getattr(told, name)]
    left = f", {told.days_remaining} days left" if told.trial_status else ""
    limits = f"{told.rate_limit_rpm} a minute, {told.rate_limit_daily} a day"
    return ", ".join([told.tier, f"{limits}{left}", *allowed])


def send(url: str, key: str, name: str, *, compression: str = "gzip", **more: Any) -> str:
    sender = BatchSender(
        f"{url}/v1/telemetry",
        api_key=key,
        installation_id="inst_0123456789abcdef",
        timeout_seconds=PATIENCE,
        compression=compression,
        retry_policy=AT_ONCE,
    )
    answer = sender.send_batch([{**HEARTBEAT, "event_id": f"evt_{name}", **more}])
    names = ("status", "accepted", "rejected", "duplicates")
    return ", ".join(f"{name} {answer[name]}" for name in names)


def main() -> None:
    given = json.load(sys.stdin)
    url = given["url"]
    minted = CredentialStore().get_or_create().api_key
    outcomes = {}
    for name, key in {**given["keys"], "minted": minted, "none": ""}.items():
        outcomes[f"check_health, {name}"] = outcome(partial(health, url, key))
        outcomes[f"send_batch, {name}"] = outcome(partial(send, url, key, name))
    ok = given["keys"]["ok"]
    again = partial(send, url, ok, "ok", compression="none")
    outcomes["send_batch, again, not compressed"] = outcome(again)
    unknown = partial(send, url, ok, "unheard", event_type="gossip")
    outcomes["send_batch, an event that is rejected"] = outcome(unknown)
    private = partial(send, url, ok, "private", payload={"prompt": "hello"})
    outcomes["send_batch, something private"] = outcome(private)
    told = outcome(lambda: asyncio.run(check_health_async(ok, endpoint=url)).tier)
    outcomes["check_health_async, ok"] = told
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
