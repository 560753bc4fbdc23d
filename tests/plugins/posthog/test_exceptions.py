"""An exception is what PostHog makes an issue of, and has the flat words of older dashboards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from telemetry_posthog import PostHogSink

from telemetry_core import TelemetryClient, TelemetryConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_telemetry import PostHogServer, Story

    from tests.plugins.posthog.conftest import Sent

Told = Any


@pytest.fixture
def told(server: PostHogServer, tmp_path: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """Return what captures an exception and returns the event that PostHog has of it."""
    sink = PostHogSink(api_key="phc_hunter2", host=server.url, state_dir=tmp_path)
    config = TelemetryConfig(active=(), base_dir=tmp_path, on_error="raise", test_mode="live")
    with TelemetryClient(config, plugins=[sink]) as client:

        def tell(error: BaseException, **properties: Any) -> dict[str, Any]:
            client.capture_exception(error, "user-7", properties)
            assert client.flush(30)
            return server.exceptions[-1]

        yield tell


def caught(act: Callable[[], object]) -> BaseException:
    try:
        act()
    except BaseException as error:
        return error
    pytest.fail("nothing was raised")


def fail() -> None:
    raise ValueError("no such plan")


def fail_because() -> None:
    try:
        fail()
    except ValueError as error:
        raise KeyError("plan") from error


class LoudError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_an_exception_becomes_an_issue(told: Told, server: PostHogServer) -> None:
    told(caught(fail))
    (issue,) = server.issues
    assert (issue.type, issue.value, issue.handled) == ("ValueError", "no such plan", True)


def test_the_same_place_is_the_same_issue(told: Told, server: PostHogServer) -> None:
    for _ in range(2):
        told(caught(fail))
    assert [len(issue.events) for issue in server.issues] == [2]


def test_the_flat_words_are_there_too(told: Told) -> None:
    said = told(caught(fail))["properties"]
    assert said["$exception_message"] == "no such plan"
    assert said["$exception_type"] == "ValueError"
    assert said["$exception_person"] == "user-7"
    assert said["$exception_stack_trace"].endswith("ValueError: no such plan")
    assert said["$exception_level"] == "error"


def test_the_callers_words_win(told: Told) -> None:
    mine = {"$exception_message": "mine", "$exception_fingerprint": "f-1", "plan": "pro"}
    said = told(caught(fail), **mine)["properties"]
    assert mine.items() <= said.items()
    assert said["$exception_list"][0]["value"] == "no such plan"


def test_a_fatal_one_was_not_handled(told: Told, server: PostHogServer) -> None:
    told(caught(fail), **{"$exception_level": "fatal"})
    assert not server.issues[0].handled


def test_frames_say_file_function_and_lines(told: Told) -> None:
    (item,) = told(caught(fail))["properties"]["$exception_list"]
    assert (item["module"], item["stacktrace"]["type"]) == (None, "raw")
    frame = item["stacktrace"]["frames"][-1]
    assert (frame["platform"], frame["function"], frame["in_app"]) == ("python", "fail", True)
    assert frame["filename"] == "tests/plugins/posthog/test_exceptions.py"
    assert frame["abs_path"].endswith(frame["filename"])
    assert frame["context_line"] == '    raise ValueError("no such plan")'
    assert (len(frame["pre_context"]), len(frame["post_context"])) == (5, 5)


def test_what_was_caught_comes_first_and_the_root_last(told: Told) -> None:
    items = told(caught(fail_because))["properties"]["$exception_list"]
    assert [item["type"] for item in items] == ["KeyError", "ValueError"]
    first, cause = (item["mechanism"] for item in items)
    assert first == {
        "exception_id": 0,
        "type": "generic",
        "handled": True,
        "synthetic": False,
    }
    assert (cause["parent_id"], cause["type"], cause["source"]) == (0, "chained", "cause")


def test_the_members_of_a_group_come_depth_first(told: Told) -> None:
    inner = ExceptionGroup("inner", [KeyError("b"), KeyError("c")])
    group = ExceptionGroup("all", [inner, ValueError("a")])
    items = told(group)["properties"]["$exception_list"]
    parents = [(item["type"], item["mechanism"].get("parent_id")) for item in items]
    assert parents == [
        ("ExceptionGroup", None),
        ("ExceptionGroup", 0),
        ("KeyError", 1),
        ("KeyError", 1),
        ("ValueError", 0),
    ]
    assert [item["mechanism"].get("is_exception_group") for item in items[:3]] == [True, True, None]


def test_one_never_raised_has_the_stack_of_whoever_tells_of_it(
    told: Told, server: PostHogServer
) -> None:
    (item,) = told(ValueError("new"))["properties"]["$exception_list"]
    assert item["mechanism"]["synthetic"] is True
    assert item["stacktrace"]["frames"][-1]["function"] == "tell"
    assert len(server.issues) == 1


def test_of_very_many_the_first_fifty_are_told(sent: Sent, story: Story) -> None:
    members = [{"type": f"Error{number}"} for number in range(60)]
    described = {"type": "Group", "causes": members}
    items = sent(story.event("exception", payload={"exception": described}))["properties"]
    assert [item["type"] for item in items["$exception_list"]][48:] == ["Error47", "Error48"]


def test_an_error_of_the_system_says_its_number(told: Told) -> None:
    (item,) = told(FileNotFoundError(2, "gone"))["properties"]["$exception_list"]
    assert item["mechanism"]["meta"] == {"errno": {"number": 2}}


def test_one_that_cannot_say_itself_is_an_issue_all_the_same(
    told: Told, server: PostHogServer
) -> None:
    told(LoudError())
    assert (server.issues[0].type, server.issues[0].value) == (
        "LoudError",
        "<unprintable LoudError>",
    )


def test_causes_in_a_circle_end(told: Told, server: PostHogServer) -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    items = told(one)["properties"]["$exception_list"]
    assert [item["value"] for item in items] == ["one", "two"]
    assert len(server.issues) == 1


def test_a_deep_recursion_is_an_issue(told: Told, server: PostHogServer) -> None:
    def forever() -> None:
        forever()

    event = told(caught(forever))
    assert server.issues[0].type == "RecursionError"
    assert len(json.dumps(event)) < 900 * 1024


@pytest.mark.parametrize("exception", ["a text", None, {}, {"type": 7}])
def test_what_the_core_did_not_describe_stays_a_property(
    sent: Sent, story: Story, exception: object
) -> None:
    event = sent(story.event("exception", payload={"exception": exception}))
    assert event["event"] == "$exception"
    assert event["properties"]["exception"] == exception


def test_a_description_with_holes_becomes_an_issue(
    sent: Sent, story: Story, server: PostHogServer
) -> None:
    frames = [{"filename": None, "lineno": -1}, "nonsense", {"function": "f", "module": 7}]
    described = {"type": "", "message": None, "frames": frames, "causes": [None, "x"]}
    sent(story.event("exception", payload={"exception": described}))
    assert len(server.issues) == 1
