"""Whatever a document looks like, an edit changes one key and no other line of it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_core.cli.config.editing import EditError, with_key, without_key

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]

NAMES = {
    "a": "a",
    "b": '"b"',
    "c-1": "'c-1'",
    "d e": '"d e"',
    "é": '"\\u00e9"',
    "x.y": "'x.y'",
    "]#=": '"]#="',
}
VALUES = (
    *("1", "-0.5", "true", '"x # y"', "'[t]'", "1979-05-27T07:32:00Z", "nan", "{}", "[]"),
    *('"""\n[t]\na = 1\n"""', "'''\n# b = 2\n'''''", '"\\"\\\\"', '"""\\"""\\\n  x""""'),
    *("[1,\n  # ] {\n  [2, 'a]'], # x\n]", "{ a = 1, 'b' = [1,\n2] }", "{ a.b = 1 }"),
)
ASIDE = ("", "# prose", "#", "  # a = 9", "# [t.a]", "# b = 'x' # y", "#! = ]", "\t")

FEWER = settings(max_examples=settings().max_examples // 2)  # TOML is slow to read

names = st.sampled_from(sorted(NAMES))
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
new_values = st.recursive(
    st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab. é", max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@define
class Document:
    """Lines of a document that is TOML after every one of them."""

    lines: list[str] = field(factory=list)

    def add(self, line: str) -> None:
        """Take a line, unless the document would be TOML no longer."""
        try:
            tomllib.loads("\n".join([*self.lines, line]))
        except tomllib.TOMLDecodeError:
            return
        self.lines.append(line)


@st.composite
def documents(draw: st.DrawFn) -> str:
    document = Document()
    for kind in draw(st.lists(st.sampled_from("ppppthc"), max_size=12)):
        key = draw(st.sampled_from([".", " . "])).join(NAMES[name] for name in draw(paths))
        end = draw(st.sampled_from(["", " ", "  # x", "\t# y = [1"]))
        margin = draw(st.sampled_from(["", "", "  "]))
        if kind == "p":
            equals = draw(st.sampled_from([" = ", "=", "\t=  "]))
            document.add(f"{margin}{key}{equals}{draw(st.sampled_from(VALUES))}{end}")
        elif kind == "c":
            document.add(draw(st.sampled_from(ASIDE)))
        else:
            document.add(f"{margin}[{key}]{end}" if kind == "t" else f"{margin}[[{key}]]{end}")
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return "\n".join(document.lines).replace("\n", newline) + draw(st.sampled_from(["", newline]))


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif value != {}:
        yield path, repr(value)


def _others(text: str, changed: Path) -> dict[Path, str]:
    """Return what a document says beside one key."""
    told = dict(_leaves(tomllib.loads(text)))
    return {path: value for path, value in told.items() if path[: len(changed)] != changed}


def _value(text: str, path: Path) -> Any:
    found: Any = tomllib.loads(text)
    for key in path:
        found = found[key]
    return found


def _is_there(text: str, path: Path) -> bool:
    try:
        _value(text, path)
    except (KeyError, TypeError):
        return False
    return True


def _ends_of_change(before: str, after: str) -> tuple[str, str]:
    """Return what stands in each text between their common beginning and their common end."""
    most = min(len(before), len(after))
    head = next((at for at in range(most) if before[at] != after[at]), most)
    tail = next((at for at in range(most - head) if before[-1 - at] != after[-1 - at]), most - head)
    return before[head : len(before) - tail], after[head : len(after) - tail]


@FEWER
@given(documents(), paths, new_values)
def test_setting_a_key_changes_that_key_alone(before: str, path: Path, value: Any) -> None:
    try:
        after = with_key(before, path, value)
    except EditError:
        return
    assert repr(_value(after, path)) == repr(value)
    assert _others(after, path) == _others(before, path)
    gone, _ = _ends_of_change(before, after)
    assert not gone or _is_there(before, path)


@FEWER
@given(documents(), paths)
def test_taking_a_key_out_takes_its_lines_alone(before: str, path: Path) -> None:
    try:
        after = without_key(before, path)
    except EditError:
        return
    assert _others(after, path) == _others(before, path)
    assert path not in dict(_leaves(tomllib.loads(after)))
    _, come = _ends_of_change(before, after)
    assert not come


@FEWER
@given(documents(), paths, new_values)
def test_what_was_set_is_taken_out_again(before: str, path: Path, value: Any) -> None:
    try:
        after = without_key(with_key(before, path, value), path)
    except EditError:
        return
    assert _others(after, path) == _others(before, path)


@given(documents())
def test_every_plain_key_of_a_document_can_be_set(before: str) -> None:
    document = tomllib.loads(before)
    plain = [key for key, value in document.items() if not isinstance(value, (dict, list))]
    for key in plain:
        assert _value(with_key(before, (key,), "new"), (key,)) == "new"
    assert _value(with_key(before, ("a new one",), 1), ("a new one",)) == 1
