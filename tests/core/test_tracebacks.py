from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core.tracebacks import error_summary, exception_payload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def caught(act: Callable[[], object]) -> BaseException:
    try:
        act()
    except BaseException as exception:
        return exception
    pytest.fail("nothing was raised")


def fail(message: str = "broken") -> None:
    raise ValueError(message)


def fail_because() -> None:
    try:
        fail("first")
    except ValueError as error:
        raise KeyError("second") from error


def fail_while_handling() -> None:
    try:
        fail("first")
    except ValueError:
        raise KeyError("second")  # noqa: B904 - without "from" is the point


def fail_from_none() -> None:
    try:
        fail("first")
    except ValueError:
        raise KeyError("second") from None


class LoudError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_payload_says_what_and_where() -> None:
    payload = exception_payload(caught(fail))
    assert (payload["type"], payload["module"]) == ("ValueError", "builtins")
    assert (payload["message"], payload["causes"]) == ("broken", [])
    assert payload["stack_trace"].endswith("ValueError: broken")


def test_the_last_frame_is_where_it_was_raised() -> None:
    frame = exception_payload(caught(fail))["frames"][-1]
    before, after = frame.pop("pre_context"), frame.pop("post_context")
    assert (before[-1], after[-1]) == (
        'def fail(message: str = "broken") -> None:',
        '        fail("first")',
    )
    assert (len(before), len(after)) == (5, 5)
    assert frame == {
        "filename": __file__,
        "function": "fail",
        "lineno": fail.__code__.co_firstlineno + 1,
        "module": __name__,
        "in_app": True,
        "context_line": "    raise ValueError(message)",
    }


def test_frames_of_libraries_are_not_the_programs() -> None:
    frames = exception_payload(caught(lambda: json.loads("{")))["frames"]
    assert [frame["in_app"] for frame in frames][:2] == [True, True]
    assert frames[-1]["in_app"] is False


@pytest.mark.parametrize(
    ("act", "relations"),
    [
        (fail_because, [("cause", "first")]),
        (fail_while_handling, [("context", "first")]),
        (fail_from_none, []),
    ],
)
def test_what_came_before_is_told_with_its_relation(act: Any, relations: Any) -> None:
    causes = exception_payload(caught(act))["causes"]
    assert [(cause["relation"], cause["message"]) for cause in causes] == relations


def test_members_of_a_group_are_told() -> None:
    group = ExceptionGroup("all", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
    causes = exception_payload(group)["causes"]
    assert [(cause["relation"], cause["type"]) for cause in causes] == [
        ("member", "ValueError"),
        ("member", "ExceptionGroup"),
    ]
    assert causes[1]["causes"][0]["message"] == "'b'"


def test_one_never_raised_has_the_frames_of_whoever_tells_of_it() -> None:
    payload = exception_payload(ValueError("new"))
    last = payload["frames"][-1]
    assert (payload["synthetic"], last["function"]) == (True, sys._getframe().f_code.co_name)
    assert payload["stack_trace"].endswith("ValueError: new")


def test_who_tells_of_it_may_be_left_out() -> None:
    def tell() -> dict[str, Any]:
        __tracebackhide__ = True
        return exception_payload(ValueError("new"))

    assert tell()["frames"][-1]["function"] == sys._getframe().f_code.co_name


def test_one_that_was_raised_is_not_synthetic() -> None:
    assert "synthetic" not in exception_payload(caught(fail))


def test_a_cause_never_raised_has_no_frames() -> None:
    error = caught(fail)
    error.__cause__ = KeyError("never")
    (cause,) = exception_payload(error)["causes"]
    assert cause["frames"] == []
    assert "synthetic" not in cause


def test_a_group_and_an_error_of_the_system_say_so() -> None:
    payload = exception_payload(ExceptionGroup("all", [FileNotFoundError(2, "gone")]))
    assert payload["is_group"] is True
    assert payload["causes"][0]["errno"] == 2


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('password = "hunter2"', 'password = "[redacted]"'),
        ("login(password='hunter2', user='me')", "login(password='[redacted]', user='me')"),
        ('d = {"password": "hunter2"}', 'd = {"password": "[redacted]"}'),
        ('d["password"] = rb"hunter2"', 'd["password"] = rb"[redacted]"'),
        ('password: str = "hunter2"  # x', 'password: str = "[redacted]"  # x'),
        ('password = """hunter2', 'password = """[redacted]"""'),
        ("password = read()", "password = read()"),
        ('name = "me"', 'name = "me"'),
    ],
)
def test_a_secret_in_the_source_is_not_shown(tmp_path: Path, line: str, shown: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(f"1/0\n{line}\n")
    code = compile("1/0", str(path), "exec")
    error = caught(lambda: exec(code))
    frame = exception_payload(error, lambda name: name == "password")["frames"][-1]
    assert frame["post_context"] == [shown]


def test_lines_around_are_bounded_in_all(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("\n".join(["def f(n): f(n - 1) if n else 1/0"] + ["#" * 290] * 10))
    space: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), space)
    group = BaseExceptionGroup("all", [caught(lambda: space["f"](90)) for _ in range(15)])
    assert len(json.dumps(exception_payload(group))) < 800_000


def test_causes_in_a_circle_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    payload = exception_payload(one)
    assert payload["causes"][0]["causes"] == []


def test_a_long_chain_is_bounded() -> None:
    last = first = ValueError("0")
    for number in range(1000):
        last.__cause__ = last = ValueError(str(number))
    assert json.dumps(exception_payload(first)).count('"relation"') == 19


def test_a_large_group_is_bounded() -> None:
    group = ExceptionGroup("many", [ValueError(str(number)) for number in range(1000)])
    assert len(exception_payload(group)["causes"]) == 19


def test_many_frames_keep_both_ends() -> None:
    def deeper(left: int) -> None:
        fail("deep") if left == 0 else deeper(left - 1)

    frames = exception_payload(caught(lambda: deeper(300)))["frames"]
    assert len(frames) == 50
    assert (frames[0]["function"], frames[-1]["function"]) == ("caught", "fail")


def test_a_stack_overflow_can_be_told() -> None:
    def forever() -> None:
        forever()

    payload = exception_payload(caught(forever))
    assert (payload["type"], len(payload["frames"])) == ("RecursionError", 50)


def test_a_long_message_is_bounded_in_the_middle() -> None:
    payload = exception_payload(ValueError("a" * 3_000_000 + "end"))
    assert len(payload["message"]) <= 4_000
    assert payload["message"].endswith("end")


def test_an_exception_that_cannot_say_itself_is_told_by_its_type() -> None:
    payload = exception_payload(LoudError())
    assert (payload["type"], payload["message"]) == ("LoudError", "<unprintable LoudError>")


def test_an_exception_that_hides_its_traceback_is_told_without() -> None:
    class HidingError(Exception):
        @property
        def __traceback__(self) -> Any:  # type: ignore[override]
            raise RuntimeError("no")

        @property
        def __cause__(self) -> Any:  # type: ignore[override]
            raise RuntimeError("no")

    assert exception_payload(HidingError("x")) == {
        "type": "HidingError",
        "module": __name__,
        "message": "x",
        "stack_trace": "",
        "frames": [],
        "causes": [],
    }


def test_half_surrogates_do_not_get_out() -> None:
    json.dumps(exception_payload(caught(lambda: fail("\ud800"))), ensure_ascii=False).encode()


@pytest.mark.parametrize("filename", ["<string>", "\x00", "gone.py", "x" * 5000, "\udcff"])
def test_code_without_a_file_has_no_source_line(filename: str) -> None:
    code = compile("1/0", filename.replace("\x00", "nul"), "exec")
    frame = exception_payload(caught(lambda: exec(code)))["frames"][-1]
    assert "context_line" not in frame


def test_a_huge_source_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.py"
    path.write_text("1/0\n" + "#" * 2_000_000)
    code = compile("1/0", str(path), "exec")
    frame = exception_payload(caught(lambda: exec(code)))["frames"][-1]
    assert (frame["filename"], "context_line" in frame) == (str(path), False)


@pytest.mark.parametrize(
    ("exception", "summary"),
    [
        (ValueError("broken"), "ValueError: broken"),
        (ValueError(), "ValueError"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (LoudError(), "LoudError: <unprintable LoudError>"),
    ],
    ids=["text", "empty", "lines", "interrupt", "loud"],
)
def test_a_summary_is_one_line(exception: BaseException, summary: str) -> None:
    assert error_summary(exception) == summary


def test_a_summary_is_bounded() -> None:
    assert len(error_summary(ValueError("a" * sys.maxunicode))) == 500
