"""A temporary key, how RAXE says it stands, and the permanent one that replaces it."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_telemetry import RaxeServer
from telemetry_raxe.credential_store import CredentialStore
from telemetry_raxe.health_client import AuthenticationError, check_health


def main() -> None:
    """Ask how three keys stand."""
    server = RaxeServer()
    with TemporaryDirectory() as folder, server.serving() as url:
        store = CredentialStore(Path(folder, "credentials.json"))
        credentials = store.get_or_create()
        response = check_health(credentials.api_key, endpoint=url)
        print(response.tier, response.days_remaining, response.rate_limit_daily)

        credentials = store.upgrade_key(server.keys["pro"], "live")
        store.update_from_health(asdict(check_health(credentials.api_key, endpoint=url)))
        kept = store.load()
        assert kept
        print(kept.key_type, kept.tier, kept.can_disable_telemetry, kept.expires_at)

        try:
            check_health(server.keys["expired"], endpoint=url)
        except AuthenticationError as error:
            print(error)


if __name__ == "__main__":
    main()
