"""Record one run in five lines."""

import telemetry_core

with telemetry_core.track_run("crawler", "nightly") as run:
    for page in ["index", "about", "contact"]:
        run.log_event("page_fetched", {"page": page})
    run.set_metrics(items_discovered=3, items_succeeded=3)
