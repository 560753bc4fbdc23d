from __future__ import annotations

import os
import threading
from collections import OrderedDict, UserDict
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from telemetry_core.plain import CUT, CYCLE, MAX_DEPTH
from telemetry_core.privacy import REDACTED, Redactor

HOME = "/home/ann"
redactor = Redactor(home=HOME)
redact = redactor.redact


@pytest.mark.parametrize(
    "name",
    [
        "password", "DB_PASSWORD", "userPassword", "passwd", "client_secret", "api_key", "apiKey",
        "X-Api-Key", "api key", "Authorization", "Set-Cookie", "csrftoken", "accessToken", "token",
        "private_key", "aws.access.key.id", "credentials", "connectionString", "jwt", "mysql_pwd",
    ],
)  # fmt: skip
def test_what_stands_under_a_name_of_a_secret_goes(name: str) -> None:
    assert redact({name: "s3cret", "n": 1}) == {name: REDACTED, "n": 1}


@pytest.mark.parametrize(
    "name", ["tokenizer", "tokenised_text", "secretary", "cookiecutter", "author", "passed", "key"]
)
def test_a_name_that_only_sounds_like_a_secret_stays(name: str) -> None:
    assert redact({name: "bert"}) == {name: "bert"}


@pytest.mark.parametrize(
    "name",
    ["tokens_used", "token_count", "max_tokens", "maxTokens", "token_ttl", "password_length"],
)
def test_a_number_under_a_name_that_counts_stays(name: str) -> None:
    assert redact({name: 512}) == {name: 512}


@pytest.mark.parametrize("name", ["password", "token", "account_password"])
def test_a_number_that_is_a_secret_goes(name: str) -> None:
    assert redact({name: 1234}) == {name: REDACTED}


def test_a_text_under_a_name_that_counts_goes() -> None:
    assert redact({"tokens": "abc"}) == {"tokens": REDACTED}


@pytest.mark.parametrize("value", [None, True, False])
def test_whether_there_is_a_secret_is_no_secret(value: Any) -> None:
    payload = {"has_password": value}
    assert redact(payload) is payload


def test_whole_containers_go_with_their_name() -> None:
    assert redact({"credentials": {"user": "ann", "keys": [1]}}) == {"credentials": REDACTED}


def test_patterns_of_ones_own_are_added() -> None:
    own = Redactor(["*iban*", "PIN"], home=HOME)
    assert own.redact({"MyIBAN": "DE1", "pin": 1, "password": "x", "spin": 1}) == {
        "MyIBAN": REDACTED,
        "pin": REDACTED,
        "password": REDACTED,
        "spin": 1,
    }


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: {"a": inner},
        lambda inner: [inner],
        lambda inner: (1, inner),
        lambda inner: OrderedDict(a=inner),
        lambda inner: UserDict(a=inner),
        lambda inner: {"a": [{"b": (inner,)}]},
    ],
)
def test_secrets_are_found_at_any_depth(wrap: Any) -> None:
    assert "s3cret" not in str(redact(wrap({"password": "s3cret", "home": f"{HOME}/x"})))


def test_secrets_within_objects_are_found() -> None:
    @define
    class Login:
        user: str
        password: str

    assert redact({"login": Login("ann", "s3cret")}) == {
        "login": {"user": "ann", "password": REDACTED}
    }


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/ann", "~"),
        ("/home/ann/x.py", "~/x.py"),
        ("in /home/ann.", "in ~."),
        ("'/home/ann'", "'~'"),
        ("file:///home/ann/x", "file://~/x"),
        ("cc -I/home/ann/include a:/home/ann", "cc -I~/include a:~"),
        ("/home/anna", "/home/anna"),
        ("/home/ann-old", "/home/ann-old"),
        ("/home/ann.bak/x", "/home/ann.bak/x"),
        ("/data/home/ann/x", "/data/home/ann/x"),
        ("./home/ann", "./home/ann"),
    ],
)
def test_the_home_directory_becomes_a_tilde(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_a_path_object_is_a_text_with_a_home() -> None:
    assert redact({"p": Path(HOME, "x")}) == {"p": "~/x"}


def test_keys_have_homes_too() -> None:
    assert redact({f"{HOME}/x": 1, Path(HOME): 2, 3: 4}) == {"~/x": 1, "~": 2, 3: 4}


@pytest.mark.parametrize("home", ["", "/", "~", "relative"])
def test_without_a_home_no_path_changes(home: str) -> None:
    assert Redactor(home=home).redact("/etc ~ relative/x //") == "/etc ~ relative/x //"


def test_the_home_of_the_user_is_the_default() -> None:
    assert Redactor().redact(os.path.expanduser("~/x")) == "~/x"


def test_a_home_behind_a_link_is_found_by_both_names(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    assert Redactor(home=str(link)).redact(f"{link}/a {real}/b") == "~/a ~/b"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://ann:pw@host/x", "https://host/x"),
        ("a postgres://u:p%40w@db:5432/x b", "a postgres://db:5432/x b"),
        ("https://ghp_abc@github.com/o/r", "https://github.com/o/r"),
        ("https://u:p@ss@host", "https://host"),
        ("https://host/a@b?c=d@e", "https://host/a@b?c=d@e"),
        ("ssh://git@host/r", "ssh://git@host/r"),
        ("mail ann@host or https://host", "mail ann@host or https://host"),
    ],
)
def test_credentials_of_urls_go(text: str, clean: str) -> None:
    assert redact({"u": text}) == {"u": clean}


def test_a_long_text_takes_no_long_time() -> None:
    text = "://" * 300_000 + "a" * 1_000_000 + "@" + "/home/an" * 100_000
    assert len(redact(text)) <= len(text)


def test_what_does_not_change_is_the_same_object() -> None:
    payload = {"a": 1, "b": "x/y", "c": [1, {"d": None}], "e": (1,), 5: "f"}
    assert redact(payload) is payload


def test_what_changes_is_copied() -> None:
    inner = {"password": "s3cret"}
    payload = {"a": inner, "same": [1]}
    clean = redact(payload)
    assert inner == {"password": "s3cret"}
    assert clean["same"] is payload["same"]


def test_a_name_is_judged_the_same_at_every_sight() -> None:
    fresh = Redactor(home=HOME)
    seen = [fresh.redact({"password": value, "n": value}) for value in (None, "a", 5, "b")]
    assert [entry["password"] for entry in seen] == [None, REDACTED, REDACTED, REDACTED]


def test_ever_new_names_do_not_fill_the_memory() -> None:
    fresh = Redactor(home=HOME)
    for number in range(20_000):
        fresh.redact({f"name{number}": "x", "password": "x"})
    assert max(len(fresh._verdicts), len(fresh._clean_names)) <= 4096
    assert fresh.redact({"password": "x"}) == {"password": REDACTED}


def test_a_cycle_is_cut_where_it_closes() -> None:
    ring: dict[str, Any] = {"password": "s3cret"}
    ring["self"] = [ring, ring]
    assert redact(ring) == {"password": REDACTED, "self": [CYCLE, CYCLE]}


def test_what_lies_too_deep_to_be_looked_at_is_cut() -> None:
    value: Any = {"password": "s3cret"}
    for _ in range(2000):
        value = {"a": value}
    text = str(redact(value))
    assert CUT in text
    assert "s3cret" not in text
    assert text.count("{") <= MAX_DEPTH


def test_a_mapping_that_fights_back_gives_nothing_away() -> None:
    class Fighting(dict[Any, Any]):
        def items(self) -> Any:
            raise RuntimeError("no")

    class Broken(UserDict[str, str]):
        def __getitem__(self, key: str) -> str:
            raise RuntimeError("no")

        def __repr__(self) -> str:
            raise RuntimeError("no")

    clean = redact({"a": Fighting(password="s3cret"), "b": Broken({"password": "s3cret"}), "c": 1})
    assert "s3cret" not in str(clean)
    assert (clean["a"], clean["c"]) == ({"password": REDACTED}, 1)


def test_a_key_that_cannot_be_compared_gives_nothing_away() -> None:
    class Key(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no")

        def __hash__(self) -> int:
            return hash("password")

    redact({"password": "x"})
    assert "s3cret" not in str(redact({Key("password"): "s3cret"}))


def test_a_dict_may_change_while_it_is_looked_at() -> None:
    changing: dict[str, Any] = {"password": "s3cret", "p": Path("p")}
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            changing[f"k{number % 50}"] = f"{HOME}/{number}"
            changing.pop(f"k{number * 7 % 50}", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        seen = str([redact(changing) for _ in range(200)])
    finally:
        stop.set()
        thread.join()
    assert "s3cret" not in seen
    assert HOME not in seen


@pytest.mark.parametrize("name", ["metrics_json", "context_json"])
def test_what_a_run_is_given_as_json_is_looked_into(name: str) -> None:
    for _ in range(2):  # the second time the name is known
        assert redact({name: '{"token": "s3cret"}'}) == {name: '{"token":"[redacted]"}'}
        assert redact({name: {"api_key": "s3cret", "n": 1}}) == {
            name: {"api_key": REDACTED, "n": 1}
        }


@pytest.mark.parametrize(
    "text", ["{}", '{"n": 1}', "[1,", "plain", "", "[" * 100_000, "9" * 5000, '{"v": NaN}']
)
def test_json_with_nothing_to_hide_stays_letter_by_letter(text: str) -> None:
    given = {"metrics_json": text}
    assert redact(given) is given


def test_a_home_in_what_is_no_json_after_all_goes_too() -> None:
    assert redact({"context_json": f"{HOME}/x {{"}) == {"context_json": "~/x {"}


SECRET = "tr0ub4dor"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(Path(HOME)),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | inner.map(lambda value: {"db_password": SECRET, HOME: value})
        | inner.map(lambda value: [value, f"https://u:{SECRET}@h", OrderedDict(token=SECRET)])
    ),
)


@given(VALUES)
def test_no_secret_and_no_home_is_ever_left(value: Any) -> None:
    clean = str(redact(value))
    assert SECRET not in clean
    assert HOME not in clean


@given(VALUES)
def test_to_redact_twice_is_to_redact_once(value: Any) -> None:
    once = redact(value)
    assert str(redact(once)) == str(once)
