"""Systems stand side by side, the others as multiples of ours."""

from __future__ import annotations

from benchmarks.comparison import Column, Comparison

TABLE = Comparison(
    "Calls",
    {"ours": "ours_remote", "theirs": "posthog", "nobody": "unknown"},
    (
        Column("p50", "hot_path", "us"),
        Column("lost", "end_to_end", "lost", multiple=False),
    ),
)
MEASURED = {
    "hot_path.ours_remote": [{"us": 4.0}, {"us": 5.0}, {"us": 4.5}],
    "hot_path.posthog": [{"us": 90.0}],
    "end_to_end.posthog": [{"lost": 17.0}],
}


def test_a_line_has_a_cell_for_each_figure_and_none_where_nothing_was_measured() -> None:
    assert TABLE.markdown(MEASURED).splitlines()[2:] == [
        "| ours | 4.50 (4 to 5) |  |",
        "| theirs | 90, 20x | 17 |",
    ]


def test_what_failed_is_said_in_its_cells() -> None:
    failed = {"hot_path.unknown"}
    assert TABLE.markdown(MEASURED, failed).splitlines()[-1] == "| nobody | failed |  |"


def test_without_spreads_only_medians_are_shown() -> None:
    assert "| ours | 4.50 |  |" in TABLE.markdown(MEASURED, spreads=False)


def test_the_multiples_of_ours_are_what_a_second_run_is_compared_by() -> None:
    assert dict(TABLE.multiples(MEASURED)) == {"theirs: hot_path.us": 20.0}


def test_what_differs_from_round_to_round_cannot_be_said_to_have_moved() -> None:
    ours = MEASURED["hot_path.ours_remote"]
    agreeing = {"hot_path.ours_remote": ours, "hot_path.posthog": [{"us": 90.0}, {"us": 99.0}]}
    assert dict(TABLE.multiples(agreeing, settled=True)) == {"theirs: hot_path.us": 21.0}
    apart = {"hot_path.ours_remote": ours, "hot_path.posthog": [{"us": 90.0}, {"us": 120.0}]}
    assert dict(TABLE.multiples(apart, settled=True)) == {}
    once = MEASURED
    assert dict(TABLE.multiples(once, settled=True)) == {}
