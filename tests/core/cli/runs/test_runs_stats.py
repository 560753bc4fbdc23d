"""`runs stats` counts, and draws in whatever room and with whatever characters there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from telemetry_core import TelemetryClient, iso8601, load_config

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3_600_000_000_000
TEN = 1_767_261_600_000_000_000  # 2026-01-01T10:00:00Z
WINDOW = ("--since", "2026-01-01T10:00Z", "--until", "2026-01-01T15:59Z")
ENDINGS = ("success", "success", "success", "failure", "cancelled")


@pytest.fixture
def history() -> None:
    """Record five runs in each of four hours, and one that is still running."""
    with TelemetryClient(load_config()) as client:
        for hour in range(4):
            for number, status in enumerate(ENDINGS):
                start = iso8601(TEN + hour * HOUR)
                run = client.start_run(f"agent-{number}", f"job-{number % 2}", start_time=start)
                client.end_run(run, status)


def test_figures_say_how_many_how_well_and_how_long(ask: Any, history: None) -> None:
    found = ask("runs", "stats", *WINDOW)
    assert (found["runs"], found["success_rate"]) == (20, 0.6)
    assert found["by_status"] == {"success": 12, "failure": 4, "cancelled": 4}
    assert [row["agent"] for row in found["by_agent"]] == [f"agent-{n}" for n in range(5)]
    assert found["by_job"][0]["job"] == "job-0"
    assert 0 <= found["by_job"][0]["p50_ms"] <= found["by_job"][0]["p95_ms"]
    assert [entry["hour"][11:13] for entry in found["by_hour"]] == ["10", "11", "12", "13"]


def test_filters_narrow_the_figures(ask: Any, history: None) -> None:
    assert ask("runs", "stats", *WINDOW, "--agent", "agent-3")["by_status"] == {"failure": 4}
    assert ask("runs", "stats", *WINDOW, "--status", "failed", "--job", "job-0")["runs"] == 0
    assert (
        ask("runs", "stats", "--since", "2026-01-01T13:00Z", "--until", "2026-01-02")["runs"] == 5
    )


def test_running_runs_do_not_count_as_ended(ask: Any) -> None:
    with TelemetryClient(load_config()) as client:
        client.start_run("agent", "job")
        client.flush()
        found = ask("runs", "stats")
    assert (found["runs"], found["success_rate"]) == (1, None)
    assert found["by_job"][0]["p50_ms"] is None


def test_the_drawing_shows_what_failed(call: Callable[..., Any], history: None) -> None:
    shown = call("runs", "stats", *WINDOW, env={"COLUMNS": "40"}).stdout
    assert "20 runs, 60.0 % succeeded" in shown
    bars = [line for line in shown.splitlines() if "│" in line]
    assert len(bars) == 8
    assert bars[0].strip() == "5 │xxx xxx xxx xxx"
    assert bars[-1].strip() == "0 │███ ███ ███ ███"
    assert "█ success 12" in shown
    assert "x failure 4" in shown


@pytest.mark.parametrize("columns", [20, 33, 80, 200])
@pytest.mark.parametrize("since", ["2026-01-01", "2025-12-25", "2020-01-01"])
def test_the_drawing_fits(
    call: Callable[..., Any], history: None, columns: int, since: str
) -> None:
    shown = call("runs", "stats", "--since", since, env={"COLUMNS": str(columns)}).stdout
    drawing = shown.split("\n\n")[1].splitlines()
    assert max(map(len, drawing)) <= columns
    assert any("x" in line.partition("│")[2] for line in drawing)


@pytest.mark.parametrize(
    ("environ", "bar"),
    [
        ({"PYTHONIOENCODING": "ascii"}, "#"),
        ({"PYTHONIOENCODING": "utf-8"}, "█"),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, "#"),
    ],
)
def test_the_drawing_takes_the_characters_there_are(
    child: Any, history: None, environ: dict[str, str], bar: str
) -> None:
    done = child("runs", "stats", *WINDOW, **{"PYTHONIOENCODING": "utf-8", **environ})
    assert f"{bar} success 12" in done.stdout.decode()


def test_in_colour_every_bar_is_solid(child: Any, history: None) -> None:
    done = child("runs", "stats", *WINDOW, FORCE_COLOR="1", TERM="xterm", PYTHONUTF8="1")
    assert "\x1b[31m█\x1b[0m failure 4" in done.stdout.decode()


def test_no_runs_are_said_to_be_none(call: Callable[..., Any], ask: Any) -> None:
    shown = call("runs", "stats")
    assert (shown.exit_code, shown.stdout.splitlines()[0]) == (0, "No runs")
    assert ask("runs", "stats")["by_hour"] == []
