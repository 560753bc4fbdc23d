"""Service accounts, and the tokens that they get for what they sign."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from attrs import define

from pytest_telemetry.servers.sheets import keys
from pytest_telemetry.servers.sheets.answers import Refused, TokenRefused, error_info
from telemetry_core import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from telemetry_core import Clock

AUTH = "https://www.googleapis.com/auth/"
SPREADSHEETS = f"{AUTH}spreadsheets"
_TO_READ = {f"{AUTH}{name}" for name in ("spreadsheets.readonly", "drive.readonly")}
_TO_WRITE = {f"{AUTH}{name}" for name in ("spreadsheets", "drive", "drive.file")}
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_HOUR = 3600
_SKEW = 300  # seconds that a clock may be wrong
_NS = 1_000_000_000
_UNKNOWN_CALLER = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)
_UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
    "or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


@define(frozen=True)
class Token:
    """What an account may do, and until when."""

    user: str
    scopes: frozenset[str]
    until: float


class Accounts:
    """Every account there is, its key, and the tokens that were given out."""

    def __init__(self, time: Clock) -> None:
        self._time = time
        self._keys: dict[str, RSAPublicKey | None] = {}
        self._tokens: dict[str, Token] = {}
        self._numbers = count(1)

    def create(self, url: str) -> dict[str, Any]:
        """Return the key file of a new account, which gets its tokens at this address."""
        number = next(self._numbers)
        email = f"telemetry-{number}@fake-project.iam.gserviceaccount.com"
        self._keys[email], private = keys.new_key()
        return {
            "type": "service_account",
            "project_id": "fake-project",
            "private_key_id": f"{number:040x}",
            "private_key": private,
            "client_email": email,
            "client_id": f"{number:021}",
            "auth_uri": f"{url}/o/oauth2/auth",
            "token_uri": f"{url}/token",
            "auth_provider_x509_cert_url": f"{url}/oauth2/v1/certs",
            "client_x509_cert_url": f"{url}/robot/v1/metadata/x509/{email.replace('@', '%40')}",
            "universe_domain": "googleapis.com",
        }

    def revoke_keys(self) -> None:
        """Delete every key; tokens that were given out for one live on, as Google's do."""
        self._keys = dict.fromkeys(self._keys)

    def expire_tokens(self) -> None:
        """End every token that was given out."""
        self._tokens.clear()

    def give(self, user: str, *scopes: str) -> str:
        """Return a token for an hour."""
        token = f"ya29.fake-{next(self._numbers)}"
        until = self._time.monotonic() + _HOUR
        self._tokens[token] = Token(user, frozenset(scopes), until)
        return token

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return what the token endpoint answers to a form with a signed JWT."""
        if form.get("grant_type") != _GRANT_TYPE:
            why = f"Invalid grant_type: {form.get('grant_type', '')}"
            raise TokenRefused("unsupported_grant_type", why)
        if not form.get("assertion"):
            raise TokenRefused("invalid_request", "Missing required parameter: assertion")
        claims = self._claims(form["assertion"])
        scopes = str(claims.get("scope", "")).split()
        if not scopes or not all(scope.startswith(AUTH) for scope in scopes):
            raise TokenRefused(
                "invalid_scope", "Invalid OAuth scope or ID token audience provided."
            )
        token = self.give(claims["iss"], *scopes)
        return {"access_token": token, "expires_in": _HOUR - 1, "token_type": "Bearer"}

    def authorised(self, headers: Mapping[str, str], *, to_write: bool) -> Token:
        """Return the token that a request has; raises the refusal of one without a good one."""
        given = headers.get("authorization", "")
        if not given:
            raise Refused(403, _UNKNOWN_CALLER)
        token = self._tokens.get(given.removeprefix("Bearer "))
        if token is None or token.until <= self._time.monotonic():
            reason = "ACCESS_TOKEN_TYPE_UNSUPPORTED" if token is None else "ACCESS_TOKEN_EXPIRED"
            realm = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
            raise Refused(401, _UNAUTHENTICATED, [error_info(reason)], www_authenticate=realm)
        if not token.scopes & (_TO_WRITE if to_write else _TO_WRITE | _TO_READ):
            info = error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")
            raise Refused(403, "Request had insufficient authentication scopes.", [info])
        return token

    def _claims(self, assertion: str) -> dict[str, Any]:
        header, claims = keys.read(assertion)
        account = str(claims.get("iss"))
        if account not in self._keys:
            raise TokenRefused("invalid_grant", "Invalid grant: account not found")
        key = self._keys[account]
        if header.get("alg") != "RS256" or key is None or not keys.is_signed(assertion, key):
            raise TokenRefused("invalid_grant", "Invalid JWT Signature.")
        if not self._is_timely(claims.get("iat"), claims.get("exp")):
            raise TokenRefused(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim.",
            )
        return claims

    def _is_timely(self, issued: Any, expires: Any) -> bool:
        """Tell whether a JWT may be used now: by the test's clock, or by that of the machine.

        Who signs asks the machine for the time, as google-auth does, while a test's clock stands
        anywhere.
        """
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            return False
        if expires - issued > _HOUR + _SKEW:
            return False
        times = [clock.time_ns() / _NS for clock in (self._time, SystemClock())]
        return any(issued - _SKEW <= now < expires for now in times)
