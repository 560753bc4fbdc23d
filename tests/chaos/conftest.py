"""The stage of each case, the two halves, and the lines that every case ends in."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from benchmarks.sink_server import SinkServer
from tests.chaos.account import line_of, together
from tests.chaos.figures import NAMES, store, summed
from tests.chaos.stage import INSTALLED, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.chaos.account import Account
    from tests.warm import WarmInterpreter

PROPERTY = "chaos"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos", "what breaks, and what became of every record")
    group.addoption("--whole", action="store_true", help="also what takes long")
    group.addoption("--peers", action="store_true", help="also against other SDKs")
    group.addoption("--write", action="store_true", help="store the figures, render the tables")


def pytest_configure(config: pytest.Config) -> None:
    lines = (
        "chaos(sentence, group): a case that ends in an account of every record",
        "whole: only with --whole",
        "peers: only with --peers",
    )
    for line in lines:
        config.addinivalue_line("markers", line)
    if _asked(config, "peers"):
        from tests.chaos.peers import summary

        config.pluginmanager.register(summary)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        wanted = (
            _asked(config, mark) for mark in ("whole", "peers") if item.get_closest_marker(mark)
        )
        (kept if all(wanted) else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say which cases there are, for who wants to know no more."""
    if session.config.option.collectonly:
        for item in session.items:
            for mark in item.iter_markers("chaos"):
                print(f"case: {item.path.name}: {mark.args[0]}")  # noqa: T201


def _asked(config: pytest.Config, option: str) -> bool:
    return bool(config.getoption(option, default=False))


@pytest.fixture
def whole(pytestconfig: pytest.Config) -> bool:
    """Tell whether everything is to be tried, or a few."""
    return _asked(pytestconfig, "whole")


@pytest.fixture
def stages(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    warm: WarmInterpreter | None,
    whole: bool,
) -> Iterator[Callable[..., Stage]]:
    """Return what makes a stage for each try; in the whole no program is forked from a warm one."""
    monkeypatch.syspath_prepend(str(INSTALLED))
    made: list[Stage] = []
    ledger: list[tuple[str, Account]] = []
    numbers = count()

    def make(*sinks: str, settings: str = "") -> Stage:
        stage = Stage(
            tmp_path / f"{next(numbers)}",
            ledger,
            sinks or ("sqlite",),
            settings,
            None if whole else warm,
        )
        made.append(stage)
        return stage

    try:
        yield make
    finally:
        for stage in made:
            stage.end_programs()
        _write_down(request.node, ledger)


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    """Return the one stage of a case."""
    return stages()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()  # which nobody trusts


@pytest.fixture(scope="module")
def running(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SinkServer]:
    certificate = tmp_path_factory.mktemp("tls") / "certificate.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    with SinkServer(certificate) as server:
        yield server


@pytest.fixture
def server(running: SinkServer, monkeypatch: pytest.MonkeyPatch) -> SinkServer:
    monkeypatch.setenv("NO_PROXY", "*")
    running.behave()
    running.forget()
    return running


@pytest.fixture
def remote(stages: Callable[..., Stage], server: SinkServer) -> Callable[..., Stage]:
    """Return what makes a stage on which the server is a destination, behind an installed sink."""

    def make(*sinks: str, scheme: str = "http", more: str = "") -> Stage:
        url = server.url.replace("http", scheme, 1)
        table = f'[plugins.webhook]\nurl = "{url}/"\ntoken = "key"\n{more}'
        stage = stages(*sinks, "webhook", settings=table)
        stage.destinations["webhook"] = server.counts
        return stage

    return make


def _write_down(item: pytest.Item, ledger: list[tuple[str, Account]]) -> None:
    """Add up the accounts of a test, sink by sink, under the sentence of its marker."""
    marker = item.get_closest_marker("chaos")
    sums: dict[str, dict[str, Any]] = {}
    for sink, account in ledger:
        figures = account.figures()
        sums[sink] = together(sums[sink], figures) if sink in sums else figures
    if marker is None or not sums:
        return
    title, group = marker.args
    item.user_properties += [
        (
            PROPERTY,
            {"case": title, "group": group, "sink": sink, "file": item.path.name, **figures},
        )
        for sink, figures in sums.items()
    ]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    said = summed(_said(terminalreporter), NAMES)
    if not said:
        return
    terminalreporter.section("what became of every record")
    for case in said:
        terminalreporter.write_line(f"{case['case']} → {case['sink']}: {line_of(case)}")
    if _asked(config, "write") and not terminalreporter.getreports("failed"):
        store(said, all_of_their_files=_asked(config, "whole"))


def _said(terminalreporter: Any) -> Iterator[dict[str, Any]]:
    """Give what the tests wrote down."""
    for report in terminalreporter.getreports("") + terminalreporter.getreports("error"):
        if report.when == "teardown":
            yield from (said for name, said in report.user_properties if name == PROPERTY)
