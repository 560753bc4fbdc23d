"""The command shows what is stored, compares runs, and says what it does not know."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import main
from benchmarks.figures import Figures
from benchmarks.sheets import SYSTEMS

if TYPE_CHECKING:
    from pathlib import Path


def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[str, str]:
    monkeypatch.setattr(
        "benchmarks.__main__.signal.signal", lambda *_: None
    )  # the tests keep theirs
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    main()
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_what_is_stored_is_shown_as_the_page_shows_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, _ = said(monkeypatch, capsys, "--stored")
    page, *_ = SYSTEMS.pages[0]
    assert shown.strip() in page.read_text(encoding="utf-8")


def test_it_is_printed_as_json_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, _ = said(monkeypatch, capsys, "--stored", "--json", "-")
    assert shown == SYSTEMS.stored.read_text(encoding="utf-8")


def test_a_run_against_itself_has_no_ratio_that_moved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, complained = said(monkeypatch, capsys, "--stored", "--against", str(SYSTEMS.stored))
    assert "ratios compared, 0 moved" in complained


def test_a_ratio_that_moved_is_told_with_what_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    figures = Figures.read(SYSTEMS.stored)
    for repeat in figures.measured["hot_path.posthog"]:
        repeat["burst_p50_us"] *= 2
    other = tmp_path / "other.json"
    other.write_text(figures.text(), encoding="utf-8")
    _, complained = said(monkeypatch, capsys, "--stored", "--against", str(other))
    assert " 1 moved by over 25 %\n  PostHog" in complained


def test_a_section_that_does_not_exist_is_named_beside_those_that_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        said(monkeypatch, capsys, "hot_pat")
    assert "unknown: hot_pat; there are floor, hot_path" in capsys.readouterr().err
