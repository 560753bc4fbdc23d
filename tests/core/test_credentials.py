"""A secret never shows itself, and one that is missing says where it was looked for."""

from __future__ import annotations

import copy
import json
import os
import pickle
from typing import TYPE_CHECKING

import attrs
import msgspec
import pytest

from telemetry_core.credentials import Environment, Secret, SecretReader
from telemetry_core.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HIDDEN = "hunter2"


@attrs.define
class Holder:
    key: Secret


def a_dictionary(secret: Secret) -> str:
    return str(attrs.asdict(Holder(secret)))


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{:>20}".format,
        "%s".__mod__,
        a_dictionary,
        lambda secret: repr(Holder(secret)),
        lambda secret: json.dumps({"key": secret}, default=str),
    ],
)
def test_a_secret_shows_no_part_of_itself(show: Callable[[Secret], str]) -> None:
    shown = show(Secret(HIDDEN))
    assert HIDDEN not in shown
    assert "<secret>" in shown


@pytest.mark.parametrize("write", [pickle.dumps, json.dumps, msgspec.json.encode])
def test_a_secret_cannot_be_written(write: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        write(Secret(HIDDEN))


def test_a_secret_reveals_itself_on_demand() -> None:
    assert Secret(HIDDEN).reveal() == HIDDEN


def test_secrets_compare_by_what_they_hide() -> None:
    assert Secret(HIDDEN) == Secret(HIDDEN) != Secret("other")
    assert len({Secret(HIDDEN), Secret(HIDDEN)}) == 1
    assert Secret(HIDDEN) != HIDDEN


def test_a_secret_survives_copying() -> None:
    secret = Secret(HIDDEN)
    assert copy.deepcopy(Holder(secret)).key.reveal() == copy.copy(secret).reveal() == HIDDEN


def test_an_empty_secret_is_false() -> None:
    assert Secret(HIDDEN)
    assert not Secret("")


def test_of_takes_a_text_and_a_secret() -> None:
    assert Secret.of(Secret.of(HIDDEN)) == Secret(HIDDEN)


def test_the_environment_is_never_printed() -> None:
    environ = Environment({"KEY": HIDDEN})
    assert HIDDEN not in f"{environ!r} {environ} {pickle.dumps(environ)!r}"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Environment({"A": "", "B": " ", "C": "c"}).text("A", "B", "C") == "c"


@pytest.mark.parametrize("text", ["", "0", "false", "no", "FALSE", "No", " "])
def test_a_switch_is_off_for_the_words_that_say_no(text: str) -> None:
    assert not Environment({"DO_NOT_TRACK": text}).says_yes("DO_NOT_TRACK")


@pytest.mark.parametrize("text", ["1", "true", "yes", "please", "2"])
def test_a_switch_is_on_for_everything_else(text: str) -> None:
    assert Environment({"DO_NOT_TRACK": text}).says_yes("DO_NOT_TRACK")


def reader(folder: Path, *, confined: bool = False, **variables: str) -> SecretReader:
    return SecretReader(Environment(variables), folder, confined=confined)


def test_a_secret_comes_from_a_variable(tmp_path: Path) -> None:
    assert reader(tmp_path, KEY=HIDDEN).read({"env": "KEY"}) == Secret(HIDDEN)


def test_a_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{HIDDEN}\n")
    assert reader(tmp_path).read({"file": "key"}) == Secret(HIDDEN)


def test_a_secret_may_stand_in_the_table(tmp_path: Path) -> None:
    assert reader(tmp_path).read(HIDDEN) == Secret(HIDDEN)


@pytest.mark.parametrize("text", ["", " "])
def test_a_variable_that_is_not_set_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(CredentialError, match="environment variable KEY is not set; export it"):
        reader(tmp_path, KEY=text).read({"env": "KEY"})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff", "not text in UTF-8"),
        (b"x" * 70_000, "larger"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(CredentialError, match=f"the file key .*{problem}"):
        reader(tmp_path).read({"file": "key"})


@pytest.mark.parametrize("name", ["absent", "folder", "a\0b", "x" * 5000])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(CredentialError, match=r"the file .* cannot be read"):
        reader(tmp_path).read({"file": name})


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CredentialError, match="not a regular file"):
        reader(tmp_path).read({"file": "pipe"})


@pytest.mark.parametrize(
    "value", [None, 5, "", [], {}, {"env": 1}, {"env": ""}, {"env": "A", "file": "b"}, {"enw": "A"}]
)
def test_anything_else_is_no_source_of_a_secret(tmp_path: Path, value: object) -> None:
    with pytest.raises(CredentialError, match=r"expected a text, \{ env"):
        reader(tmp_path, A=HIDDEN).read(value)


def test_a_found_configuration_reads_no_file_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "home").write_text(HIDDEN)
    project = tmp_path / "project"
    project.mkdir()
    (project / "link").symlink_to(tmp_path / "home")
    for name in (str(tmp_path / "home"), "../home", "link"):
        with pytest.raises(CredentialError, match="TELEMETRY_CONFIG"):
            reader(project, confined=True).read({"file": name})
        assert reader(project).read({"file": name}) == Secret(HIDDEN)


def test_a_found_configuration_reads_the_files_of_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(HIDDEN)
    assert reader(tmp_path, confined=True).read({"file": "key"}) == Secret(HIDDEN)
