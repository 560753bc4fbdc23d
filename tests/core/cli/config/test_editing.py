"""One key changes and every other line stays; what cannot be edited safely is refused."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from telemetry_core.cli.config.editing import EditError, line_of, with_key, without_key
from telemetry_core.cli.config.toml_text import path_of
from telemetry_core.cli.init.template import telemetry_toml
from telemetry_core.discovery import Installed

INIT = telemetry_toml("demo", ["sqlite", "ndjson"], ".telemetry", Installed())


def edited(text: str, key: str, value: Any) -> str:
    return with_key(text, path_of(key), value)


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        ("", "a", 1, "a = 1\n"),
        ("a = 1", "a", 2, "a = 2"),
        ("a=1#x", "a", 2, "a=2#x"),
        ("a = 1", "b", 2, "a = 1\nb = 2\n"),
        ("a = 1\r\nc = 3\r\n", "b", 2, "a = 1\r\nc = 3\r\nb = 2\r\n"),
        ("a = [ # one\n 1, # ]\n]  # end\nb = 1\n", "a", [], "a = []  # end\nb = 1\n"),
        ('a = """\n[b]\nb = 1 \\"""\n"""\n', "a", "x", 'a = "x"\n'),
        ("a = '''x'''''\nb = 1\n", "b", 2, "a = '''x'''''\nb = 2\n"),
        ("\"a b\".'c' = 1\n", '"a b".c', 2, "\"a b\".'c' = 2\n"),
        ("a.b = 1\n\nc = 1\n", "a.d", 2, "a.b = 1\na.d = 2\n\nc = 1\n"),
        ("[t]\na.b = 1\n", "t.a.d", 2, "[t]\na.b = 1\na.d = 2\n"),
        (
            "[t]\n  a = 1 # x\n\n# of u\n[u]\n",
            "t.b",
            2,
            "[t]\n  a = 1 # x\n  b = 2\n\n# of u\n[u]\n",
        ),
        ("[ t ] # x\n", "t.b", 2, "[ t ] # x\nb = 2\n"),
        ("[[l]]\na = 1\n", "t.b", 2, "[[l]]\na = 1\n\n[t]\nb = 2\n"),
        ("[t]\na = 1\n", "b", 2, "b = 2\n\n[t]\na = 1\n"),
        ("# licence\n\n[t]\n", "b", 2, "# licence\n\nb = 2\n\n[t]\n"),
        ("# of t\n[t]\n", "b", 2, "b = 2\n\n# of t\n[t]\n"),
        ("[t]\na = 1\n# b = 9\nc = 3\n", "t.b", 2, "[t]\na = 1\n# b = 9\nb = 2\nc = 3\n"),
        (
            "[t]\na = '''\n# b = 9\n'''\nc = 3\n",
            "t.b",
            2,
            "[t]\na = '''\n# b = 9\n'''\nc = 3\nb = 2\n",
        ),
        ("[t]\n# of b: = 9\n", "t.b", 2, "[t]\nb = 2\n# of b: = 9\n"),
        ("# [t]\n# b = 9\n# c = 3\n", "t.b", 2, "# [t]\n[t]\n# b = 9\nb = 2\n# c = 3\n"),
        ("[u]\n# [t]\n# b = 9\nc = 3\n", "t.b", 2, "[u]\n# [t]\n# b = 9\nc = 3\n\n[t]\nb = 2\n"),
        (
            "[p.a]\nx = 1\n\n# of q\n[q]\n",
            "p.b.y",
            2,
            "[p.a]\nx = 1\n\n[p.b]\ny = 2\n\n# of q\n[q]\n",
        ),
    ],
)
def test_a_key_is_set_at_its_place(before: str, key: str, value: Any, after: str) -> None:
    assert edited(before, key, value) == after


@pytest.mark.parametrize(
    ("key", "value", "below"),
    [
        ("on_error", "raise", '# on_error = "log"'),
        ("delivery.linger", 0.5, "# linger = 0.1"),
        ("privacy.redact", ["*iban*"], "# redact = []"),
        ("plugins.sqlite.batch_size", 7, "# batch_size = 500"),
    ],
)
def test_what_init_commented_out_is_set_below_its_comment(key: str, value: Any, below: str) -> None:
    lines = edited(INIT, key, value).splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith(below)]
    assert tomllib.loads(lines[place + 1]) == {path_of(key)[-1]: value}


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ("a = 1 # x\nb = 2\n", "a", "b = 2\n"),
        ("b = 2\na = [\n1,\n]", "a", "b = 2\n"),
        ("[t]\na.b = 1\n", "t.a.b", "[t]\n"),
        ("b = 2", "a", "b = 2"),
        ("b = 2", "t.a", "b = 2"),
    ],
)
def test_a_key_is_taken_out_with_its_lines(before: str, key: str, after: str) -> None:
    assert without_key(before, path_of(key)) == after


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("t = { a = 1 }", "t.a", "t is written as an inline table"),
        ("t = { a = 1 }", "t.b", "t is written as an inline table"),
        ("[[t]]\na = 1", "t.a", "t is a list"),
        ("t = 1", "t.a", "t is no table"),
        ("[t]\na = 1", "t", "it is a table"),
        ("[t.u]\na = 1", "t", "by hand"),
        ("t = [", "t", "this is not TOML"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(text: str, key: str, why: str) -> None:
    with pytest.raises(EditError, match=why):
        edited(text, key, 1)


def test_a_part_of_an_inline_table_is_not_taken_out() -> None:
    with pytest.raises(EditError, match="edit the file by hand"):
        without_key("t = { a = 1 }", ("t", "a"))


def test_a_key_is_found_with_its_line() -> None:
    text = "a = '''\n\n'''\n[t]\nb = { c = 1 }\n"
    found = [line_of(text, path) for path in [("a",), ("t", "b"), ("t", "b", "c"), ("t", "d")]]
    assert found == [1, 5, 5, None]
