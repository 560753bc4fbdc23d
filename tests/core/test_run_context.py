"""A run as a block, a decorator and the current one."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import current_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from pytest_telemetry.recorder import Recorder

    from telemetry_core import TelemetryClient


def current_id() -> str | None:
    run = current_run()
    return None if run is None else run.run_id


def statuses(recorder: Recorder) -> list[str]:
    return [run.status for run in recorder.runs]


def test_a_block_is_a_run_that_succeeds(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    with telemetry_client.track_run("agent", "job", items_discovered=2) as run:
        assert statuses(telemetry_recorder) == ["running"]
        run.log_event("found", {"n": 1})
        run.set_metrics(items_succeeded=2)
    telemetry_recorder.assert_run("agent", status="success", items_discovered=2, items_succeeded=2)
    assert telemetry_recorder.assert_event("found", n=1).run_id == run.run_id


def test_a_run_may_end_within_its_block_as_what_the_block_cannot_say(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    with telemetry_client.track_run("agent", "job") as run:
        run.end("partial", items_failed=1)
        assert current_run() is None
    telemetry_recorder.assert_run("agent", status="partial", items_failed=1)
    assert telemetry_client.get_stats()["complaints"] == {}


def test_a_failing_block_ends_its_run_and_raises_on(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    with pytest.raises(ZeroDivisionError), telemetry_client.track_run("agent", "job"):
        1 / 0  # noqa: B018
    run = telemetry_recorder.assert_run("agent", status="failure")
    assert run.error_summary == "ZeroDivisionError: division by zero"
    assert "test_run_context.py" in (run.error_details or "")


@pytest.mark.parametrize(
    "unwinding", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]
)
def test_what_only_unwinds_the_program_cancels_the_run_and_passes_on(
    telemetry_client: TelemetryClient,
    telemetry_recorder: Recorder,
    unwinding: type[BaseException],
) -> None:
    with pytest.raises(unwinding), telemetry_client.track_run("agent", "job"):
        raise unwinding
    assert statuses(telemetry_recorder) == ["cancelled"]


def test_nested_runs_know_their_parent(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    with telemetry_client.track_run("outer", "job") as outer:
        with telemetry_client.track_run("inner", "job") as inner:
            by_hand = telemetry_client.start_run("by hand", "job")
        after = telemetry_client.start_run("after", "job")
        told = telemetry_client.start_run("told", "job", parent_run_id="other")
    parents = {run.run_id: run.parent_run_id for run in telemetry_recorder.runs}
    assert parents == {
        outer.run_id: None,
        inner.run_id: outer.run_id,
        by_hand: inner.run_id,
        after: outer.run_id,
        told: "other",
    }


def test_events_of_their_own_belong_to_the_current_run(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    with telemetry_client.track_run("agent", "job") as run:
        telemetry_client.capture("inside")
    telemetry_client.capture("outside")
    assert [event.run_id for event in telemetry_recorder.events] == [run.run_id, None]


def test_a_thread_begins_without_a_current_run(telemetry_client: TelemetryClient) -> None:
    seen: list[Any] = []
    with telemetry_client.track_run("agent", "job"):
        thread = threading.Thread(target=lambda: seen.append(current_run()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_blocks_left_out_of_turn_leave_no_ended_run_current(
    telemetry_client: TelemetryClient,
) -> None:
    first, second = (telemetry_client.track_run("agent", "job") for _ in range(2))
    first.__enter__()
    later = second.__enter__()
    first.__exit__(None, None, None)
    assert current_run() is later
    second.__exit__(None, None, None)
    assert current_run() is None


def test_one_tracker_entered_twice_ends_both_runs(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    tracker = telemetry_client.track_run("agent", "job")
    with suppress(ValueError), tracker, tracker:
        raise ValueError
    assert statuses(telemetry_recorder) == ["failure", "failure"]


def test_a_block_may_be_entered_in_one_thread_and_left_in_another(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    tracker = telemetry_client.track_run("agent", "job")
    tracker.__enter__()
    thread = threading.Thread(target=tracker.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert statuses(telemetry_recorder) == ["success"]
    assert current_run() is None


def test_leaving_what_was_never_entered_is_nothing(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    telemetry_client.track_run("agent", "job").__exit__(None, None, None)
    assert telemetry_recorder.runs == []


# -- decorators


def test_each_call_of_a_function_is_a_run(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    @telemetry_client.track_run("agent", "job")
    def add(one: int, other: int = 0) -> int:
        """Add."""
        return one + other

    assert (add(1), add(1, other=2), add.__name__, add.__doc__) == (1, 3, "add", "Add.")
    with pytest.raises(TypeError):
        add("x", other=1)  # type: ignore[arg-type]
    assert statuses(telemetry_recorder) == ["success", "success", "failure"]


def test_a_recursive_function_is_a_run_in_a_run(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    @telemetry_client.track_run("agent", "job")
    def countdown(n: int) -> None:
        if n:
            countdown(n - 1)

    countdown(2)
    first, second, third = telemetry_recorder.runs
    assert [second.parent_run_id, third.parent_run_id] == [first.run_id, second.run_id]


def test_a_coroutine_is_a_run_of_its_own_task(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    @telemetry_client.track_run("agent", "job")
    async def fetch() -> str | None:
        await asyncio.sleep(0)
        return current_id()

    async def both() -> list[str | None]:
        async with telemetry_client.track_run("outer", "job"):
            return list(await asyncio.gather(fetch(), fetch()))

    fetched = asyncio.run(both())
    outer, *inner = telemetry_recorder.runs
    assert [run.run_id for run in inner] == fetched
    assert {run.parent_run_id for run in inner} == {outer.run_id}
    assert statuses(telemetry_recorder) == ["success"] * 3


def test_a_cancelled_task_cancels_its_run(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    @telemetry_client.track_run("agent", "job")
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(wait(), 0.01))
    assert statuses(telemetry_recorder) == ["cancelled"]


@pytest.fixture
def numbers(telemetry_client: TelemetryClient) -> Callable[[int], Iterator[str | None]]:
    @telemetry_client.track_run("agent", "job")
    def each(count: int) -> Iterator[str | None]:
        for _ in range(count):
            yield current_id()
        raise ValueError

    return each


def test_a_generators_run_lasts_until_its_end_and_is_not_current_outside(
    numbers: Callable[[int], Iterator[str | None]], telemetry_recorder: Recorder
) -> None:
    iterator = numbers(1)
    assert telemetry_recorder.runs == []
    inside = next(iterator)
    assert [run.run_id for run in telemetry_recorder.runs] == [inside]
    assert (statuses(telemetry_recorder), current_run()) == (["running"], None)
    with pytest.raises(ValueError):
        next(iterator)
    assert statuses(telemetry_recorder) == ["failure"]


def test_a_generator_that_is_given_up_cancels_its_run(
    numbers: Callable[[int], Any], telemetry_recorder: Recorder
) -> None:
    with closing(numbers(2)) as iterator:
        next(iterator)
    assert statuses(telemetry_recorder) == ["cancelled"]


def test_generators_in_step_keep_their_runs_apart(
    numbers: Callable[[int], Any], telemetry_recorder: Recorder
) -> None:
    one, other = numbers(2), numbers(2)
    steps = [(next(one), next(other)) for _ in range(2)]
    first, second = telemetry_recorder.runs
    assert steps == [(first.run_id, second.run_id)] * 2


def test_a_generator_is_sent_to_thrown_at_and_returns_as_before(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    @telemetry_client.track_run("agent", "job")
    def echo() -> Any:
        heard = yield "ready"
        try:
            yield heard
        except KeyError:
            yield "caught"
        return "done"

    generator = echo()
    assert [next(generator), generator.send(1), generator.throw(KeyError())] == [
        "ready",
        1,
        "caught",
    ]
    with pytest.raises(StopIteration, match="done"):
        next(generator)
    assert statuses(telemetry_recorder) == ["success"]


def test_an_async_generator_is_a_run_too(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    @telemetry_client.track_run("agent", "job")
    async def echo() -> Any:
        heard = yield current_run()
        try:
            yield heard
        except KeyError:
            yield "caught"

    async def drive() -> list[Any]:
        generator = echo()
        first = await generator.asend(None)
        rest = [await generator.asend(1), await generator.athrow(KeyError())]
        return [first.run_id, current_run(), *rest, *[item async for item in generator]]

    assert asyncio.run(drive())[1:] == [None, 1, "caught"]
    assert statuses(telemetry_recorder) == ["success"]


def test_an_async_generator_that_is_closed_cancels_its_run(
    telemetry_client: TelemetryClient, telemetry_recorder: Recorder
) -> None:
    @telemetry_client.track_run("agent", "job")
    async def forever() -> AsyncIterator[int]:
        while True:
            yield 1

    async def drive() -> None:
        generator: Any = forever()
        await anext(generator)
        await generator.aclose()

    asyncio.run(drive())
    assert statuses(telemetry_recorder) == ["cancelled"]
