"""A client for the routes of the service, for programs that speak to it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from telemetry_core import SystemClock, json_text
from telemetry_core.sending import retry_after
from telemetry_http_api.address import RUNS, bearer, run_path, service_root
from telemetry_http_api.answers import PASSING, ask, value_of
from telemetry_http_api.calling import Channel
from telemetry_http_api.errors import APIError, APIUnavailableError, APIValidationError
from telemetry_http_api.words import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from telemetry_core import Clock, Secret
    from telemetry_core.sending import Answer

_LOOKING_WITHIN = 5.0
_LONGEST_PAUSE = 60.0


class HTTPAPIClient:
    """Speaks to one service, from any thread; what it is told may be said twice without harm.

    What cannot be reached, or is too busy, is tried again; a refusal is not.

    :param api_url: where the service is.
    :param timeout: seconds for one attempt; a batch has twice as long.
    :param max_retries: how many attempts there are in all.
    :param retry_delay: seconds between two of them, or longer where the service asks for it.
    :param auth_token: what the service wants as a bearer token.
    """

    def __init__(
        self,
        api_url: str,
        timeout: float = 10,
        max_retries: int = 3,
        retry_delay: float = 1.0,
        auth_token: str | Secret | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.api_url = service_root(api_url)
        self.timeout = timeout
        self.max_retries = max_retries
        self.retry_delay = retry_delay
        self._clock: Clock = SystemClock() if clock is None else clock
        token = None if auth_token is None else bearer(auth_token)
        self._channel = Channel(self.api_url, token, clock=self._clock)

    # -- telling

    def post_event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Create a run; one whose event id is there is a `duplicate`, which is no error.

        Raises `APIValidationError` for a run that is refused, `APIUnavailableError` when the
        service cannot be reached, and `APIError` for anything else.
        """
        return self._dict("POST", RUNS, event, f"the run {event.get('event_id', '')}")

    def patch_event(self, event_id: str, update_data: Mapping[str, Any]) -> dict[str, Any]:
        """Set fields of a run; raises as `post_event` does, also when there is no such run."""
        return self._dict("PATCH", run_path(event_id), update_data, f"the run {event_id}")

    patch_run = patch_event

    def post_batch(self, events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Create runs; return how many were `inserted` and `duplicates`, the `errors`, the `total`."""
        rows = list(events)
        if not rows:
            return {"inserted": 0, "duplicates": 0, "errors": [], "total": 0}
        what = f"a batch of {len(rows)} runs"
        return self._dict("POST", f"{RUNS}/batch", rows, what, within=2 * self.timeout)

    def associate_commit(
        self,
        event_id: str,
        commit_hash: str,
        commit_source: str,
        commit_author: str | None = None,
        commit_timestamp: str | None = None,
    ) -> dict[str, Any]:
        """Tie a commit to a run; the source is `manual`, `llm` or `ci`."""
        commit = {"commit_hash": commit_hash, "commit_source": commit_source}
        if commit_author:
            commit["commit_author"] = commit_author
        if commit_timestamp:
            commit["commit_timestamp"] = commit_timestamp
        path = f"{run_path(event_id)}/associate-commit"
        return self._dict("POST", path, commit, f"the commit of the run {event_id}")

    # -- asking

    def get_runs(self, **filters: Any) -> list[dict[str, Any]]:
        """Return runs, the newest first; filters are the parameters of the route, None for any."""
        given = {name: value for name, value in filters.items() if value is not None}
        runs: list[dict[str, Any]] = self._value("GET", f"{RUNS}?{urlencode(given)}", "the runs")
        return runs

    def get_run(self, event_id: str) -> dict[str, Any] | None:
        """Return a run by its event id; nothing when there is none."""
        what = f"the run {event_id}"
        answer = self._answer("GET", run_path(event_id))
        if is_missing(answer):
            return None
        run: dict[str, Any] = value_of(answer, what)
        return run

    def commit_url(self, event_id: str) -> str | None:
        """Return the address of a run's commit, where the service can tell."""
        return self._link(event_id, "commit-url", "commit_url")

    def repo_url(self, event_id: str) -> str | None:
        """Return the address of a run's repository, where the service can tell."""
        return self._link(event_id, "repo-url", "repo_url")

    get_commit_url = commit_url
    get_repo_url = repo_url

    def get_metadata(self) -> dict[str, Any]:
        """Return the names of agents and jobs, and how many there are."""
        return self._dict("GET", "/api/v1/metadata", None, "the names")

    def get_metrics(self) -> dict[str, Any] | None:
        """Return the service's figures; nothing when it cannot say them."""
        try:
            return self._look("/metrics")
        except APIError:
            return None

    def check_health(self) -> bool:
        """Tell whether the service answers and says that it is well."""
        try:
            return bool(self._look("/health").get("status") == "ok")
        except APIError:
            return False

    # -- both

    def close(self) -> None:
        """Close the connections."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _link(self, event_id: str, route: str, key: str) -> str | None:
        told = self._dict("GET", f"{run_path(event_id)}/{route}", None, f"the run {event_id}")
        url: str | None = told.get(key)
        return url

    def _look(self, path: str) -> dict[str, Any]:
        """Ask once, and not for long."""
        within = min(float(self.timeout), _LOOKING_WITHIN)
        return _object(value_of(ask(self._channel, "GET", path, within=within), path), path)

    def _dict(
        self, method: str, path: str, value: Any, what: str, *, within: float | None = None
    ) -> dict[str, Any]:
        return _object(self._value(method, path, what, value, within), what)

    def _value(
        self, method: str, path: str, what: str, value: Any = None, within: float | None = None
    ) -> Any:
        return value_of(self._answer(method, path, value, within), what)

    def _answer(
        self, method: str, path: str, value: Any = None, within: float | None = None
    ) -> Answer:
        """Return the first answer that is final; raises `APIUnavailableError` when none is."""
        content = None if value is None else json_text(value).encode()
        left = max(1, self.max_retries)
        while True:
            left -= 1
            pause = self.retry_delay
            try:
                answer = ask(
                    self._channel, method, path, content, within=float(within or self.timeout)
                )
            except APIUnavailableError:
                if not left:
                    raise
            else:
                if answer.status not in PASSING or not left:
                    return answer
                pause = max(pause, retry_after(answer.headers, self._clock) or 0.0)
                if pause > _LONGEST_PAUSE:
                    return answer
            self._clock.sleep(pause)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise APIError(f"{what}: the answer is no object; check the URL")
    return value


__all__ = ["APIError", "APIUnavailableError", "APIValidationError", "HTTPAPIClient"]
