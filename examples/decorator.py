"""Track every call of a function, plain or async, and nest runs."""

import asyncio

import telemetry_core


@telemetry_core.track_run("crawler", "fetch_page")
async def fetch(page: str) -> int:
    run = telemetry_core.current_run()
    if run is not None:
        run.set_metrics(items_succeeded=1, source_ref=page)
    return len(page)


@telemetry_core.track_run("crawler", "nightly")
async def crawl() -> int:
    # Each fetch is a run of its own, and its parent_run_id is the run of this call.
    return sum(await asyncio.gather(fetch("index"), fetch("about")))


print(asyncio.run(crawl()), "characters")
