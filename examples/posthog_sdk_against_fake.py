"""PostHog's own SDK (`pip install posthog`) against the fake one, which it takes for the real one."""

from __future__ import annotations

from typing import Any

from posthog import Posthog
from pytest_telemetry import PostHogServer


def use(client: Posthog) -> None:
    """Call what the SDK has, as a program does."""
    client.capture("signed_up", distinct_id="ada", properties={"plan": "pro"})
    client.capture("bought", distinct_id="ada", groups={"company": "acme"})
    client.set(distinct_id="ada", properties={"plan": "pro"})
    client.alias("anonymous-7", "ada")
    client.group_identify("company", "acme", {"seats": 5})
    try:
        print(1 / len([]))
    except ZeroDivisionError as error:
        client.capture_exception(error, distinct_id="ada")


def main() -> None:
    lost: list[Exception] = []
    server = PostHogServer()
    with server.serving() as url:
        modes: list[dict[str, Any]] = [{}, {"gzip": True}, {"capture_mode": "v1"}]
        for mode in modes:
            client = Posthog("phc_key", host=url, on_error=lambda e, _: lost.append(e), **mode)
            use(client)
            client.shutdown()
        server.assert_event("bought", **{"$groups": {"company": "acme"}})
        (issue,) = server.issues
        print(f"{len(server.events)} events in {len(server.batches)} batches")
        print(f"{issue.type}: {issue.value}, {len(issue.events)} times")

        faults = [server.fail(429, times=1), server.fail(503, times=1)]
        patient = [Posthog(f"phc_{number}", host=url, flush_at=1) for number in range(len(faults))]
        for client in patient:  # each meets one of the faults, and tries again a second later
            client.capture("insisted", distinct_id="ada")
        for client in patient:
            client.shutdown()
        print(f"insisted: {[event['event'] for event in server.events].count('insisted')}")
    print(f"lost: {lost}")


if __name__ == "__main__":
    main()
