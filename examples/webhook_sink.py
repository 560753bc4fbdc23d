"""A sink that sends: each batch is one POST, and the answer becomes a receipt."""

import os
from typing import ClassVar

import httpx
from attrs import define, field

from telemetry_core import (
    Batch,
    Clock,
    Receipt,
    Secret,
    SystemClock,
    TelemetryClient,
    hookimpl,
    json_text,
)
from telemetry_core.sending import http_client, post, receipt_for, receipt_for_error


@define(eq=False)
class WebhookSink:
    """Posts records as a JSON array; the receiver knows a record that comes twice by its id."""

    remote: ClassVar[bool] = True  # DO_NOT_TRACK silences it, and so does a test session

    url: str
    token: Secret | None = None
    clock: Clock = field(factory=SystemClock)
    _client: httpx.Client | None = field(default=None, init=False)

    def destination(self) -> str:
        """Return what identifies the other end, never a secret."""
        return self.url.partition("?")[0]

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Post the batch; every wait for the network ends with its deadline."""
        body = json_text([{**r.body.to_dict(), "id": r.id, "kind": r.kind} for r in batch])
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.reveal()}"
        if self._client is None:  # opened here, on the sink's own thread
            self._client = http_client(name="telemetry-webhook")
        try:
            answer = post(
                self._client,
                self.url,
                body.encode(),
                batch=batch,
                clock=self.clock,
                headers=headers,
            )
        except httpx.TransportError as error:
            return receipt_for_error(error)
        return receipt_for(answer.status, answer.headers, batch, self.clock)

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()


if __name__ == "__main__":
    url = os.environ.get("WEBHOOK_URL", "http://127.0.0.1:9/")  # without one, nobody is there
    with TelemetryClient(plugins=[WebhookSink(url, Secret("key"))]) as client:
        client.capture("signed_up", properties={"plan": "free"})
        print(client.flush(timeout=5.0))
