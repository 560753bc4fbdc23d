"""Which key is in force, how it is replaced, and what is remembered of what it may do."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_raxe.credential_store import (
    CredentialError,
    CredentialExpiredError,
    Credentials,
    CredentialStore,
    InvalidKeyFormatError,
)
from telemetry_raxe.health_client import HealthResponse

from telemetry_core import iso8601
from tests.plugins.raxe.keys_for_tests import LIVE, NFR, TEMP, TEST

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_telemetry import FakeClock

DAY = 86_400.0
ALLOWED: dict[str, Any] = {
    "can_disable_telemetry": True,
    "offline_mode": True,
    "tier": "enterprise",
    "server_time": "2026-01-02T03:04:05Z",
}


def answer(**key: Any) -> dict[str, Any]:
    """Return what the service answers of a key that may do everything."""
    features = {"can_disable_telemetry": True, "offline_mode": True}
    told = {"type": "live", "tier": "enterprise", "features": features, **key}
    return {"status": "healthy", "server_time": "2026-01-02T03:04:05Z", "key": told}


def test_a_key_that_expired_is_refused_with_the_way_to_a_new_one(
    store: CredentialStore, clock: FakeClock
) -> None:
    store.get_or_create()
    clock.advance(15 * DAY)
    with pytest.raises(CredentialExpiredError) as refused:
        store.get_or_create()
    assert refused.value.days_expired == 1
    assert refused.value.console_url == "https://console.raxe.ai/keys"
    words = ("1 day ago", "https://console.raxe.ai/keys", "telemetry auth login")
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize(("days", "words"), [(14, "today"), (15, "1 day ago"), (17, "3 days ago")])
def test_an_expired_key_says_since_when(
    store: CredentialStore, clock: FakeClock, days: int, words: str
) -> None:
    store.get_or_create()
    clock.advance(days * DAY)
    with pytest.raises(CredentialExpiredError, match=words):
        store.get_or_create()


def test_an_expired_key_is_returned_to_who_does_not_mind(
    store: CredentialStore, clock: FakeClock
) -> None:
    made = store.get_or_create()
    clock.advance(20 * DAY)
    assert store.get_or_create(raise_on_expired=False) == made


def test_the_console_of_the_environment_is_named(
    store: CredentialStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAXE_CONSOLE_URL", "http://localhost:9999")
    store.get_or_create()
    clock.advance(20 * DAY)
    with pytest.raises(CredentialExpiredError) as refused:
        store.get_or_create()
    assert refused.value.console_url == "http://localhost:9999/keys"


def test_the_first_key_is_a_temporary_one_for_fourteen_days(
    store: CredentialStore, clock: FakeClock
) -> None:
    made = store.get_or_create()
    assert (made.key_type, made.tier, made.is_temporary()) == ("temporary", "temporary", True)
    assert made.created_at == f"{iso8601(clock.time_ns())[:19]}Z"
    assert made.days_until_expiry(clock=clock) == 14
    assert made.installation_id.startswith("inst_")
    assert len(made.installation_id) == len("inst_") + 16
    assert store.get_or_create() == made


def test_nothing_is_loaded_where_there_is_nothing(store: CredentialStore, path: Path) -> None:
    assert (store.load(), store.delete()) == (None, False)
    assert store.update_from_health(ALLOWED) is None
    assert not path.exists()


def test_the_key_is_never_printed(store: CredentialStore) -> None:
    made = store.get_or_create()
    assert made.api_key not in f"{made!r} {made}"


# -- the environment


@pytest.mark.parametrize("text", ["hunter2", "raxe_gold_" + "x" * 32, "raxe_live_short"])
def test_a_malformed_key_of_the_environment_is_warned_of_and_left_alone(
    store: CredentialStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    text: str,
) -> None:
    monkeypatch.setenv("RAXE_API_KEY", text)
    assert store.get_or_create().is_temporary()
    assert "RAXE_API_KEY is left alone" in caplog.text
    assert text not in caplog.text


def test_the_key_of_the_environment_goes_before_the_file_and_never_into_it(
    store: CredentialStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store.get_or_create()
    before = path.read_bytes()
    monkeypatch.setenv("RAXE_API_KEY", f"{LIVE}\n")
    used = store.get_or_create()
    assert (used.api_key, used.key_type, used.expires_at) == (LIVE, "live", None)
    assert used.installation_id == made.installation_id
    assert path.read_bytes() == before


def test_with_a_key_of_the_environment_alone_the_installation_stays_the_same(
    monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setenv("RAXE_API_KEY", LIVE)
    ids = {CredentialStore().get_or_create().installation_id for _ in range(3)}
    monkeypatch.delenv("RAXE_API_KEY")
    ids.add(CredentialStore().get_or_create().installation_id)
    assert len(ids) == 1


def test_a_damaged_file_does_not_keep_the_key_of_the_environment_from_use(
    store: CredentialStore,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path.parent.mkdir()
    path.write_text("{")
    monkeypatch.setenv("RAXE_API_KEY", LIVE)
    assert store.get_or_create().api_key == LIVE
    assert "cannot be understood" in caplog.text
    assert path.read_text() == "{"


def test_what_the_key_of_the_environment_may_do_is_not_remembered_of_the_files_key(
    store: CredentialStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.get_or_create()
    monkeypatch.setenv("RAXE_API_KEY", LIVE)
    told = store.update_from_health(ALLOWED)
    assert told
    assert (told.api_key, told.can_disable_telemetry) == (LIVE, True)
    kept = store.load()
    assert kept
    assert (kept.can_disable_telemetry, kept.last_health_check) == (False, None)


# -- a permanent key


@pytest.mark.parametrize("key", ["", "hunter2", f"{LIVE}\n", LIVE[:-1]])
def test_what_is_no_key_replaces_none(store: CredentialStore, key: str) -> None:
    made = store.get_or_create()
    with pytest.raises(InvalidKeyFormatError):
        store.upgrade_key(key, "live")
    assert store.load() == made


@pytest.mark.parametrize(
    ("key", "key_type"), [(LIVE, "test"), (TEST, "live"), (TEMP, "live"), (TEMP, "temporary")]
)
def test_a_key_of_another_type_than_is_said_replaces_none(
    store: CredentialStore, key: str, key_type: Any
) -> None:
    made = store.get_or_create()
    with pytest.raises(CredentialError):
        store.upgrade_key(key, key_type)
    assert store.load() == made


@pytest.mark.parametrize(
    ("key", "key_type", "tier"),
    [(LIVE, "live", "community"), (TEST, "test", "test"), (NFR, "nfr", "nfr")],
)
def test_a_permanent_key_keeps_the_installation_and_forgets_what_the_old_one_might(
    store: CredentialStore, clock: FakeClock, key: str, key_type: Any, tier: str
) -> None:
    made = store.get_or_create()
    store.save(replace(made, first_seen_at="2026-01-01T00:00:00Z", temp_key_notice_shown=True))
    store.update_from_health(ALLOWED)
    clock.advance(DAY)
    upgraded = store.upgrade_key(key, key_type)
    assert upgraded == store.load()
    assert upgraded == Credentials(
        api_key=key,
        key_type=key_type,
        installation_id=made.installation_id,
        created_at=f"{iso8601(clock.time_ns())[:19]}Z",
        expires_at=None,
        first_seen_at=None,
        tier=tier,
        temp_key_notice_shown=True,
    )


def test_a_permanent_key_may_be_the_first_one(store: CredentialStore) -> None:
    assert store.upgrade_key(LIVE, "live") == store.load()


def test_deleted_credentials_are_gone(store: CredentialStore) -> None:
    store.get_or_create()
    assert (store.delete(), store.load(), store.delete()) == (True, None, False)


# -- what the server allows


@pytest.mark.parametrize("said", [{}, answer(features=None), answer(features=[]), {"key": None}])
def test_what_is_not_plainly_allowed_is_not_allowed(
    store: CredentialStore, said: dict[str, Any]
) -> None:
    store.get_or_create()
    store.update_from_health(ALLOWED)
    told = store.update_from_health(said)
    assert told
    assert (told.can_disable_telemetry, told.offline_mode) == (False, False)


@pytest.mark.parametrize("flag", ["true", 1, "yes", None])
def test_a_permission_in_other_words_is_none(store: CredentialStore, flag: Any) -> None:
    store.get_or_create()
    told = store.update_from_health({"can_disable_telemetry": flag})
    assert told
    assert told.can_disable_telemetry is False


def test_the_answer_of_the_service_and_what_is_read_of_it_say_the_same(
    store: CredentialStore,
) -> None:
    store.get_or_create()
    flat = store.update_from_health(asdict(HealthResponse.from_api_response(answer())))
    assert flat == store.update_from_health(answer())
    assert flat == store.update_from_health(ALLOWED)
    assert flat == store.load()
    assert flat
    assert (flat.tier, flat.can_disable_telemetry, flat.offline_mode) == ("enterprise", True, True)
    assert flat.last_health_check == "2026-01-02T03:04:05Z"


def test_a_tier_that_is_not_said_stays_and_the_time_is_ours(
    store: CredentialStore, clock: FakeClock
) -> None:
    store.get_or_create()
    told = store.update_from_health({"tier": "unknown", "server_time": ""})
    assert told
    assert told.tier == "temporary"
    assert told.last_health_check == f"{iso8601(clock.time_ns())[:19]}Z"


def test_the_first_time_the_server_saw_a_key_is_kept(store: CredentialStore) -> None:
    store.get_or_create()
    store.update_from_health(answer(first_seen_at="2026-01-01T00:00:00Z"))
    told = store.update_from_health(answer(first_seen_at="2027-01-01T00:00:00Z"))
    assert told
    assert told.first_seen_at == "2026-01-01T00:00:00Z"


def test_the_notice_of_a_temporary_key_survives_what_the_server_says(
    store: CredentialStore, path: Path
) -> None:
    store.save(replace(store.get_or_create(), temp_key_notice_shown=True))
    store.update_from_health(ALLOWED)
    assert json.loads(path.read_text())["temp_key_notice_shown"] is True
