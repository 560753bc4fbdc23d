"""Hear every moment of the program's story as it happens."""

from telemetry_core import RunEvent, RunRecord, TelemetryClient, hookimpl


class Printer:
    """A listener: it looks, and touches no disk, lock or socket."""

    @hookimpl
    def on_event(self, event: RunEvent, run: RunRecord | None) -> None:
        """Print what happened."""
        print(run.job_type if run else "-", event.event_type, event.payload)

    @hookimpl
    def on_end_run(self, run: RunRecord) -> None:
        """Print how it ended."""
        print(run.job_type, run.status)


client = TelemetryClient(plugins=[Printer()])
with client.track_run("crawler", "nightly") as run:
    run.log_event("page_fetched", {"page": "index"})
client.close()
