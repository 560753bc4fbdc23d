"""What a key looks like; an error never shows one."""

from __future__ import annotations

import hashlib

import pytest
from telemetry_raxe.credential_store import (
    CredentialError,
    InvalidKeyFormatError,
    validate_key_format,
)
from telemetry_raxe.keys import key_id, masked, new_temporary_key

from tests.plugins.raxe.keys_for_tests import LIVE, NFR, TEMP, TEST

SECRET = "s3cr3t" * 5 + "xy"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no key"),
        (f"raxe_live_{SECRET}\n", "blanks or line ends"),
        (f" raxe_live_{SECRET}", "blanks or line ends"),
        (f"raxe_live_{SECRET}x", "33 characters"),
        (f"raxe_live_{SECRET[:-1]}", "31 characters"),
        (f"raxe_gold_{SECRET}", "its kind is none of live, test, temp and nfr"),
        (f"raxe_LIVE_{SECRET}", "does not begin with raxe_live_"),
        (f"phc_{SECRET}", "does not begin with raxe_live_"),
        (f"raxe_live_{SECRET[:-1]}é", "no letters, digits"),
        (f"raxe_live_{SECRET[:-1]}٣", "no letters, digits"),
    ],
)
def test_what_is_no_key_is_told_without_showing_it(text: str, words: str) -> None:
    with pytest.raises(InvalidKeyFormatError) as refused:
        validate_key_format(text)
    assert words in str(refused.value)
    assert "s3cr3t" not in str(refused.value)
    assert isinstance(refused.value, CredentialError)


@pytest.mark.parametrize(
    ("key", "key_type"), [(LIVE, "live"), (TEST, "test"), (TEMP, "temporary"), (NFR, "nfr")]
)
def test_the_type_of_a_key_is_in_its_prefix(key: str, key_type: str) -> None:
    assert validate_key_format(key) == key_type


def test_a_key_may_hold_dashes_and_underscores() -> None:
    assert validate_key_format(f"raxe_live_{'-_' * 16}") == "live"


def test_the_id_of_a_key_is_what_every_client_computes() -> None:
    assert key_id(LIVE) == "key_" + hashlib.sha256(LIVE.encode()).hexdigest()[:12]


def test_temporary_keys_differ_and_are_keys() -> None:
    made = {new_temporary_key() for _ in range(20)}
    assert len(made) == 20
    assert {validate_key_format(key) for key in made} == {"temporary"}


def test_a_masked_key_shows_its_beginning_and_its_end() -> None:
    assert masked("raxe_live_abcdefghijklmnopqrstuvwxyz012345") == "raxe_live_ab…2345"


def test_of_what_is_too_short_to_be_a_key_nothing_is_shown() -> None:
    assert masked("hunter2") == "…"
