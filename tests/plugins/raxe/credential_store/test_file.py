"""What can be wrong with the file: each is a CredentialError, and nothing is written over a key."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from telemetry_raxe.credential_store import CredentialError, Credentials, CredentialStore

from tests.plugins.raxe.keys_for_tests import LIVE

if TYPE_CHECKING:
    from pathlib import Path

on_posix = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
NEEDED: dict[str, Any] = {
    "api_key": LIVE,
    "key_type": "live",
    "installation_id": "inst_0123456789abcdef",
    "created_at": "2026-01-01T00:00:00Z",
}


def put(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)


def without(name: str) -> str:
    return json.dumps({key: value for key, value in NEEDED.items() if key != name})


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob("credentials.json.corrupt-*"))


DAMAGED = {
    "empty": (b"", "it is empty"),
    "half-written": (json.dumps(NEEDED)[:60].encode(), "it is no JSON"),
    "no text": (b"\xff\xfe\x00", "it is no JSON"),
    "deep": (b"[" * 60_000, "it is no JSON"),
    "null": (b"null", "it is no JSON object"),
    "a list": (json.dumps([NEEDED]).encode(), "it is no JSON object"),
    "no key": (without("api_key").encode(), "api_key is missing"),
    "no installation": (without("installation_id").encode(), "installation_id is missing"),
    "a wrong type": (json.dumps({**NEEDED, "tier": 3}).encode(), "tier is not a text"),
    "a flag in words": (
        json.dumps({**NEEDED, "can_disable_telemetry": "true"}).encode(),
        "can_disable_telemetry is not true or false",
    ),
    "a key with a line end": (json.dumps({**NEEDED, "api_key": f"{LIVE}\n"}).encode(), "no key"),
    "a masked key": (json.dumps({**NEEDED, "api_key": "***"}).encode(), "no key"),
    "another type": (
        json.dumps({**NEEDED, "key_type": "temporary"}).encode(),
        "key_type is not that of the key",
    ),
}


@pytest.mark.parametrize(("content", "words"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_reported_copied_and_never_replaced_by_a_new_key(
    store: CredentialStore, path: Path, content: bytes, words: str
) -> None:
    put(path, content)
    for ask in (store.load, store.get_or_create, lambda: store.update_from_health({"tier": "pro"})):
        with pytest.raises(CredentialError) as refused:
            ask()
    assert words in str(refused.value)
    assert str(path) in str(refused.value)
    assert LIVE not in str(refused.value)
    assert path.read_bytes() == content
    (copy,) = copies(path)
    assert copy.read_bytes() == content
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600 or os.name == "nt"


def test_what_is_saved_over_a_damaged_file_leaves_its_copy(
    store: CredentialStore, path: Path
) -> None:
    put(path, "{")
    store.save(Credentials(**NEEDED, expires_at=None, first_seen_at=None))
    assert [copy.read_text() for copy in copies(path)] == ["{"]
    assert store.load() == Credentials(**NEEDED, expires_at=None, first_seen_at=None)


def test_a_damaged_file_can_be_deleted_to_begin_anew(store: CredentialStore, path: Path) -> None:
    put(path, "{")
    assert store.delete()
    assert store.get_or_create().is_temporary()


def test_a_file_of_an_older_client_gets_the_defaults(store: CredentialStore, path: Path) -> None:
    put(path, json.dumps({**NEEDED, "expires_at": None, "later": {"than": "us"}}))
    kept = store.load()
    assert kept
    assert (kept.tier, kept.can_disable_telemetry, kept.offline_mode) == ("temporary", False, False)
    assert (kept.first_seen_at, kept.temp_key_notice_shown) == (None, False)


def test_a_directory_in_its_place_is_told(store: CredentialStore, path: Path) -> None:
    path.mkdir(parents=True)
    for ask in (store.load, store.get_or_create, store.delete):
        with pytest.raises(CredentialError, match=r"credentials\.json"):
            ask()
    assert path.is_dir()


@on_posix
def test_a_symbolic_link_is_neither_followed_nor_replaced(
    store: CredentialStore, path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere.json"
    put(target, json.dumps(NEEDED))
    path.parent.mkdir()
    path.symlink_to(target)
    kept = Credentials(**NEEDED, expires_at=None, first_seen_at=None)
    for ask in (store.load, store.get_or_create, lambda: store.save(kept)):
        with pytest.raises(CredentialError, match="is a symbolic link"):
            ask()
    assert path.is_symlink()
    assert json.loads(target.read_text()) == NEEDED


@on_posix
def test_a_link_that_leads_nowhere_gets_no_key(store: CredentialStore, path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path.parent / "nowhere")
    with pytest.raises(CredentialError, match="is a symbolic link"):
        store.get_or_create()
    assert not (path.parent / "nowhere").exists()


@on_posix
def test_a_pipe_in_its_place_keeps_nobody_waiting(store: CredentialStore, path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(CredentialError, match="is no regular file"):
        store.load()


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root can give a file to another user"
)
def test_a_file_of_another_user_is_refused_and_left_alone(
    store: CredentialStore, path: Path
) -> None:
    put(path, json.dumps(NEEDED))
    os.chown(path, 12345, 12345)
    for ask in (store.load, store.get_or_create, lambda: store.upgrade_key(LIVE, "live")):
        with pytest.raises(CredentialError, match="belongs to another user"):
            ask()
    assert path.stat().st_uid == 12345


@on_posix
@pytest.mark.parametrize("mode", [0o644, 0o666, 0o640, 0o602])
def test_a_file_that_others_can_see_is_warned_of_and_made_private(
    store: CredentialStore, path: Path, caplog: pytest.LogCaptureFixture, mode: int
) -> None:
    put(path, json.dumps(NEEDED))
    path.chmod(mode)
    kept = store.load()
    assert kept
    assert kept.api_key == LIVE
    assert "could be read or written by other users" in caplog.text
    assert LIVE not in caplog.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_megabytes_is_not_read(store: CredentialStore, path: Path) -> None:
    put(path, b" " * 3_000_000)
    with pytest.raises(CredentialError, match="larger than"):
        store.load()
    assert copies(path) == []


@on_posix
def test_a_new_file_and_its_folder_are_private(store: CredentialStore, path: Path) -> None:
    before = os.umask(0o000)
    try:
        store.get_or_create()
    finally:
        os.umask(before)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}


@on_posix
def test_the_folder_of_a_path_that_is_given_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    CredentialStore(tmp_path / "shared" / "raxe.json").get_or_create()
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755


@on_posix
def test_the_folder_that_another_client_made_is_made_private(
    store: CredentialStore, path: Path
) -> None:
    path.parent.mkdir(mode=0o755)
    store.get_or_create()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_path_may_begin_with_a_tilde(home: Path) -> None:
    CredentialStore("~/raxe/key.json").get_or_create()  # type: ignore[arg-type]
    assert (home / "raxe" / "key.json").is_file()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CredentialError, match="cannot be written"):
        CredentialStore(tmp_path / "file" / "credentials.json").get_or_create()


def test_what_a_killed_writer_left_is_cleared_away(store: CredentialStore, path: Path) -> None:
    path.parent.mkdir()
    (path.parent / "credentials.json.tmp").write_text('{"api_key": "raxe_')
    made = store.get_or_create()
    assert store.load() == made
    assert not (path.parent / "credentials.json.tmp").exists()


def test_a_writer_that_never_ends_is_told_of(
    store: CredentialStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry_raxe.credentials_file._LOCKED_WITHIN", 0.05)
    path.parent.mkdir()
    with (
        FileLock(f"{path}.lock"),
        pytest.raises(CredentialError, match="being written by another process"),
    ):
        store.get_or_create()
    assert store.get_or_create().is_temporary()


def test_threads_that_ask_at_once_get_one_key(store: CredentialStore) -> None:
    found: set[str] = set()
    threads = [
        threading.Thread(target=lambda: found.add(store.get_or_create().api_key)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_processes_that_ask_at_once_get_one_key(path: Path) -> None:
    code = "from telemetry_raxe import CredentialStore; print(CredentialStore().get_or_create().api_key)"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(4)
    ]
    found = {process.communicate()[0] for process in started}
    assert found == {f"{json.loads(path.read_text())['api_key']}\n".encode()}


def test_a_file_is_written_as_other_clients_read_it(store: CredentialStore, path: Path) -> None:
    made = store.get_or_create()
    text = path.read_text(encoding="utf-8")
    assert list(json.loads(text)) == [
        "api_key",
        "key_type",
        "installation_id",
        "created_at",
        "expires_at",
        "first_seen_at",
        "can_disable_telemetry",
        "offline_mode",
        "tier",
        "last_health_check",
        "temp_key_notice_shown",
    ]
    assert text.startswith(f'{{\n  "api_key": "{made.api_key}",\n')


@pytest.mark.parametrize(
    "wrong", [{"api_key": f"{LIVE}\n"}, {"api_key": "***"}, {"key_type": "test"}, {"tier": None}]
)
def test_credentials_that_nobody_could_read_again_are_not_written(
    store: CredentialStore, path: Path, wrong: dict[str, Any]
) -> None:
    kept = {**NEEDED, "expires_at": None, "first_seen_at": None, **wrong}
    with pytest.raises(CredentialError, match="cannot be kept"):
        store.save(Credentials(**kept))
    assert not path.exists()
