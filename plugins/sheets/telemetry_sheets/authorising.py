"""The service account: its key, and the token that it gets for what it signs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry_core import Batch, CredentialError, Secret
from telemetry_core.sending import request
from telemetry_sheets.errors import RefusedError
from telemetry_sheets.words import of_answer, of_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from telemetry_core import Clock
    from telemetry_core.sending import Answer

_SCOPE = "https://www.googleapis.com/auth/spreadsheets"
_GOOD_FOR = 3000.0  # seconds of the hour that a token is accepted
_LATER = 429
_SERVER_ERRORS = 500


def account_in(key: str | Secret) -> dict[str, Any]:
    """Return what the key file of a service account says; raises `CredentialError` for another."""
    try:
        said = json.loads(Secret.of(key).reveal())
    except (ValueError, RecursionError):
        raise CredentialError(
            "credentials are no JSON: they are the key file of a service account, as Google's"
            ' console gives it; name it as { file = "service-account.json" }'
        ) from None
    if not isinstance(said, dict) or said.get("type") != "service_account":
        raise CredentialError(
            "credentials are not those of a service account; create a key for one in Google's"
            " console, of type JSON"
        )
    missing = [name for name in ("client_email", "private_key", "token_uri") if not said.get(name)]
    if missing:
        raise CredentialError(f"the key file lacks {' and '.join(missing)}; download it anew")
    return said


class ServiceAccount:
    """Signs in as a service account, with the clock and the connection of the sink."""

    def __init__(self, account: Mapping[str, Any], client: httpx.Client, clock: Clock) -> None:
        self._account = account
        self._client = client
        self._clock = clock
        self._credentials: Any = None
        self._token = ""
        self._until = 0.0

    def token(self, deadline: float) -> str:
        """Return a token, a new one when the last is about to end.

        Raises `RefusedError` when Google gives none, and `httpx.TransportError`.
        """
        if not self._token or self._clock.monotonic() >= self._until:
            until = self._clock.monotonic() + _GOOD_FOR
            self._token = self._new_token(deadline)
            self._until = until
        return self._token

    def forget(self) -> None:
        """Get a new token for the next request."""
        self._token = ""

    def _new_token(self, deadline: float) -> str:
        from google.auth.exceptions import GoogleAuthError

        credentials = self._signing()
        try:
            credentials.refresh(_Transport(self._client, self._clock, deadline))
        except GoogleAuthError as error:
            raise RefusedError(of_token(error)) from None
        return str(credentials.token)

    def _signing(self) -> Any:
        if self._credentials is None:
            from google.oauth2 import service_account

            read: Any = service_account.Credentials.from_service_account_info
            try:
                made = read(self._account, scopes=[_SCOPE])
            except ValueError:
                raise RefusedError(of_token("no private key")) from None
            self._credentials = made
        return self._credentials


class _Response(NamedTuple):
    """An answer by the names that google-auth has for its parts."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Transport:
    """Carries what google-auth asks for; what may pass it does not try again by itself."""

    def __init__(self, client: httpx.Client, clock: Clock, deadline: float) -> None:
        self._client = client
        self._clock = clock
        self._batch = Batch((), deadline=deadline)

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> _Response:
        answer: Answer = request(
            self._client, method, url, body, batch=self._batch, clock=self._clock, headers=headers
        )
        if answer.status >= _SERVER_ERRORS or answer.status == _LATER:
            raise RefusedError(of_answer(answer), answer)
        return _Response(answer.status, answer.headers, answer.body)
