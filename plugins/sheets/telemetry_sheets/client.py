"""Posts single runs without a telemetry client, by the names of the reference."""

from __future__ import annotations

import asyncio
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING

from attrs import define, field

from telemetry_core import SystemClock
from telemetry_sheets.address import token, web_app_url
from telemetry_sheets.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core import APIPayload, Clock
    from telemetry_core.sending import Answer
    from telemetry_sheets.web_app import WebApp

Outcome = tuple[bool, str]

_DELAYS = (1.0, 2.0, 4.0)  # seconds after each failure; the last of them after all others
_SERVER_ERRORS = 500


@define(eq=False)
class APIClient:
    """Posts runs to a web app and answers whether it worked; nothing of it raises.

    A sentence begins with `[OK]`, `[FAIL]` or `[SKIP]`. What the server may be sorry for, and what
    was not answered, is tried again after 1, 2 and 4 seconds; the sink `sheets` does all this
    without making anybody wait.

    :param api_url: the URL of the web app, as it is.
    :param api_token: what it wants as a bearer token, if it wants one.
    :param api_enabled: without it everything is skipped.
    :param max_retries: how often a run is posted at most.
    :param timeout: seconds for each.
    """

    api_url: str | None = None
    api_token: str | None = field(default=None, repr=False)
    api_enabled: bool = False
    max_retries: int = 3
    timeout: float = 10
    clock: Clock = field(factory=SystemClock, repr=False, kw_only=True)

    def post_run_sync(self, payload: APIPayload) -> Outcome:
        """Post a run, and wait for it."""
        return self._called(lambda web_app: self._post(web_app, payload))

    async def post_run_async(self, payload: APIPayload) -> Outcome:
        """Post a run while the event loop goes on."""
        return await asyncio.to_thread(self.post_run_sync, payload)

    def test_connection(self) -> Outcome:
        """Ask whether the web app is there; nothing is posted."""
        return self._called(self._look)

    def _called(self, work: Callable[[WebApp], Outcome]) -> Outcome:
        if not self.api_enabled:
            return False, "[SKIP] API posting disabled (GOOGLE_SHEETS_API_ENABLED=false)"
        if not self.api_url:
            return False, "[SKIP] API not configured (missing URL); set GOOGLE_SHEETS_API_URL"
        if find_spec("httpx") is None:
            return False, "[SKIP] httpx not installed (run: pip install 'telemetry-core[http]')"
        try:
            with closing(self._web_app(self.api_url)) as web_app:
                return work(web_app)
        except AddressError as error:
            return False, f"[FAIL] {error}"
        except Exception as error:  # such as a proxy of the environment that no URL names
            return False, f"[FAIL] Unexpected API error: {type(error).__name__}: {error}"

    def _web_app(self, url: str) -> WebApp:
        from telemetry_sheets.web_app import WebApp

        secret = token(self.api_token) if self.api_token else None
        return WebApp(web_app_url(url), secret, self.clock)

    def _post(self, web_app: WebApp, payload: APIPayload) -> Outcome:
        from telemetry_sheets.answers import explained, is_taken

        problem = "[FAIL] API post not tried (max_retries is 0)"
        for attempt in range(1, self.max_retries + 1):
            if attempt > 1:
                self.clock.sleep(_DELAYS[min(attempt - 2, len(_DELAYS) - 1)])
            answer, problem = self._asked(lambda: web_app.post_run(payload, self._deadline()))
            if answer is None:
                continue
            if is_taken(web_app.url, answer):
                return True, f"[OK] Posted to API (attempt {attempt})"
            if answer.status < _SERVER_ERRORS:
                words = explained(web_app.url, answer)
                more = f": {words}" if words else ""
                return False, f"[FAIL] API client error {answer.status} (not retried){more}"
            problem = f"[FAIL] API post failed after {attempt} attempts: HTTP {answer.status}"
        return False, problem

    def _look(self, web_app: WebApp) -> Outcome:
        from telemetry_sheets.answers import explained, is_there

        answer, problem = self._asked(lambda: web_app.look(self._deadline()))
        if answer is None:
            return False, problem
        if is_there(web_app.url, answer):
            return True, f"[OK] API reachable (HTTP {answer.status})"
        words = explained(web_app.url, answer)
        return False, f"[FAIL] API answers HTTP {answer.status}{f': {words}' if words else ''}"

    def _asked(self, ask: Callable[[], Answer]) -> tuple[Answer | None, str]:
        """Return an answer, or nothing and why there is none."""
        from httpx import TimeoutException, TransportError

        try:
            return ask(), ""
        except TimeoutException:
            return None, f"[FAIL] API timeout after {self.max_retries} attempts"
        except TransportError as error:
            return None, f"[FAIL] API request error: {type(error).__name__}: {error}"

    def _deadline(self) -> float:
        return self.clock.monotonic() + self.timeout
