"""A custom sink as a program would write it: posts each batch as JSON over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from attrs import define, field
from msgspec.json import Encoder

from telemetry_core import Receipt, hookimpl

if TYPE_CHECKING:
    from telemetry_core import Batch

_encode = Encoder().encode


@define(eq=False)
class PostingSink:
    """Posts to a URL; the core's own defaults decide how much at once.

    :param url: where to.
    """

    remote = True

    url: str
    _client: httpx.Client = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Open one client for all batches."""
        self._client = httpx.Client(trust_env=False)

    def destination(self) -> str:
        """Return the URL."""
        return self.url

    @hookimpl
    def ship_batch(self, batch: Batch) -> Receipt:
        """Post the bodies of the records; any refusal is an exception here."""
        self._client.post(self.url, content=_encode([r.body for r in batch])).raise_for_status()
        return Receipt.all(batch)
