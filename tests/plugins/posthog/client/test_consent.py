"""`telemetry.yaml`: two keys that another program writes too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from telemetry_posthog import Consent, _get_telemetry_client

from telemetry_core import ConfigError

if TYPE_CHECKING:
    from pytest_telemetry import PostHogServer

    from tests.plugins.posthog.client.conftest import Build

ID = "0190a0a0-0000-4000-8000-000000000001"
PATH = Path("tool", "telemetry.yaml")


def write(text: str | bytes) -> bytes:
    PATH.parent.mkdir(exist_ok=True)
    content = text.encode() if isinstance(text, str) else text
    PATH.write_bytes(content)
    return content


def test_the_first_look_agrees_under_a_new_id_and_stores_that() -> None:
    first = Consent.stored(PATH)
    assert (first.telemetry, first) == (True, Consent.stored(PATH))
    assert PATH.read_bytes() == f"id: {first.id}\ntelemetry: true\n".encode()
    assert PATH.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in PATH.parent.iterdir()] == ["telemetry.yaml"]


@pytest.mark.parametrize(
    ("text", "telemetry"),
    [
        (f"id: {ID}\ntelemetry: true\n", True),
        (f"telemetry: false\nid: {ID}\n", False),
        (f'---\r\n# mine\r\nid: "{ID}"  # me\r\ntelemetry: True\r\n', True),
        (f"\ufeffid: '{ID}'\ntelemetry: FALSE", False),
        (f"id: {ID}\ntelemetry: true\nsince: 2026-01-02\n", True),
    ],
)
def test_what_the_other_writer_writes_is_understood(text: str, telemetry: bool) -> None:
    content = write(text)
    assert Consent.stored(PATH) == Consent(telemetry, ID)
    assert PATH.read_bytes() == content


@pytest.mark.parametrize(
    "text",
    [
        "",
        "telemetry",
        "telemetry:\n",
        "telemetry: maybe\n",
        "telemetry: 'true'\n",
        "telemetry:true\n",
        f"id: {ID}\n",
        "id: nobody\ntelemetry: true\n",
        "telemetry: true\ntelemetry: true\n",
        "telemetry: true\n  nested: 1\n",
        "{telemetry: true}",
        b"\xff\xfetelemetry: true\n",
        "telemetry: true\n#" + "x" * 5000,
    ],
)
def test_what_is_damaged_never_agrees_and_is_left_as_it_is(text: str | bytes) -> None:
    content = write(text)
    assert Consent.stored(PATH) == Consent(telemetry=False)
    with pytest.raises(ConfigError, match="damaged"):
        Consent.store(PATH, telemetry=True)
    assert PATH.read_bytes() == content


def test_where_nothing_can_be_stored_nobody_has_agreed() -> None:
    Path("tool").write_text("a file, not a folder")
    assert Consent.stored(PATH) == Consent(telemetry=False)


def test_a_choice_is_stored_under_the_id_that_is_there() -> None:
    write(f"telemetry: true\nid: {ID}\n")
    assert Consent.store(PATH, telemetry=False) == Consent(telemetry=False, id=ID)
    assert PATH.read_text() == f"id: {ID}\ntelemetry: false\n"


# -- what follows from it


def test_who_has_not_agreed_has_a_disabled_client(build: Build, server: PostHogServer) -> None:
    write(f"id: {ID}\ntelemetry: false\n")
    client = build(consent=PATH)
    client.disabled = False
    assert client.disabled
    assert client.capture("signed_up") is None
    assert server.requests == []


def test_a_choice_named_in_settings_is_found_from_below_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(f"id: {ID}\ntelemetry: false\n")
    settings = f'[plugins.posthog]\napi_key = "phc_a"\nconsent = "{PATH}"\n'
    Path("telemetry.toml").write_text(settings, "utf-8")
    Path("below").mkdir()
    monkeypatch.chdir("below")
    client = _get_telemetry_client()
    client.disabled = False
    assert client.disabled
    assert os.listdir() == []


def test_who_has_agreed_is_known_by_the_stored_id(build: Build, server: PostHogServer) -> None:
    client = build(consent=PATH)
    client.capture("signed_up")
    assert client.flush(20)
    assert server.events[0]["distinct_id"] == Consent.stored(PATH).id


@pytest.mark.parametrize("text", ["", "telemetry: true\n  nested: 1\n", f"id: {ID}\n"])
def test_what_is_damaged_meanwhile_agrees_to_nothing_more(
    text: str, build: Build, server: PostHogServer
) -> None:
    client = build(consent=PATH)
    client.capture("before")
    assert client.flush(20)
    content = write(text)
    client.capture("after")
    assert client.flush(20)
    assert [event["event"] for event in server.events] == ["before"]
    assert PATH.read_bytes() == content


def test_who_takes_it_back_meanwhile_has_nothing_sent(build: Build, server: PostHogServer) -> None:
    client = build(consent=PATH)
    client.capture("before")
    assert client.flush(20)
    Consent.store(PATH, telemetry=False)
    client.capture("after")
    assert client.flush(20)
    assert [event["event"] for event in server.events] == ["before"]
