"""A web service: an endpoint's work is a run, and the service says how its telemetry is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException

import telemetry_core


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Deliver what waits when the service stops, without holding up the event loop."""
    yield
    await telemetry_core.get_client().aclose()


app = FastAPI(lifespan=lifespan)


# Beneath the route, so that each call is a run; an exception that leaves it ends it as a failure.
@app.post("/orders/{order_id}/pay")
@telemetry_core.track_run("shop", "pay_order", "web")
async def pay(order_id: int, cents: int) -> dict[str, str]:
    """Take the money for an order."""
    run = telemetry_core.current_run()
    assert run is not None
    run.set_metrics(source_ref=f"orders/{order_id}")
    if cents <= 0:
        raise HTTPException(422, "nothing to pay")
    receipt = await charge(order_id, cents)
    run.log_event("payment_taken", {"receipt": receipt, "cents": cents})
    return {"receipt": receipt}


@telemetry_core.track_run("shop", "charge", "web")
async def charge(order_id: int, cents: int) -> str:
    """Ask the bank; a run within the run of the request."""
    return f"R-{order_id}-{cents}"


@app.get("/health")
async def health() -> dict[str, bool]:
    """Say how the service is; reading telemetry's health sends nothing and waits for nothing."""
    return {"ok": True, "telemetry": telemetry_core.health().ok}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8000)
