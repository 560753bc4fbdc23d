"""Every wheel is built, opened, and installed by plain pip on an empty machine."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import venv
from configparser import ConfigParser
from email import message_from_bytes
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
ROOT_SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MEMBERS = ROOT_SETTINGS["tool"]["uv"]["workspace"]["members"]
PROJECTS = [ROOT, *sorted(path for member in MEMBERS for path in ROOT.glob(member))]


def _project(folder: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    return table


NAMES = [_project(folder)["name"] for folder in PROJECTS]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build all wheels once for all workers and return them by the name of their distribution."""
    ours = tmp_path_factory.getbasetemp()
    shared = (ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours) / "wheels"
    with FileLock(f"{shared}.lock"):
        if not (shared / "done").exists():
            _build(shared)
    found = {path.name.split("-")[0].replace("_", "-"): path for path in shared.glob("*.whl")}
    assert sorted(found) == sorted(NAMES)
    return found


def _build(to: Path) -> None:
    if shutil.which("uv"):
        commands = [["uv", "build", "--all-packages", "--out-dir", str(to), str(ROOT)]]
    else:
        build = [sys.executable, "-m", "build", "--outdir", str(to)]
        commands = [[*build, str(project)] for project in PROJECTS]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True)
    (to / "done").touch()


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_holds_one_typed_package_and_nothing_else(
    name: str, wheels: dict[str, Path]
) -> None:
    with ZipFile(wheels[name]) as wheel:
        files = [Path(entry) for entry in wheel.namelist()]
    tops = {path.parts[0] for path in files}
    (package,) = {top for top in tops if not top.endswith(".dist-info")}
    assert len(tops) == 2
    assert Path(package, "py.typed") in files
    strays = [
        path
        for path in files
        if path.suffix not in {".py", ".sql", ".typed"} and path.parts[0] == package
    ]
    assert not strays
    assert not [path for path in files if "test" in path.stem and name != "pytest-telemetry"]


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_carries_the_licence(name: str, wheels: dict[str, Path]) -> None:
    with ZipFile(wheels[name]) as wheel:
        (licence,) = [entry for entry in wheel.namelist() if entry.endswith("licenses/LICENSE")]
        assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("folder", PROJECTS, ids=NAMES)
def test_a_wheel_offers_the_entry_points_its_project_names(
    folder: Path, wheels: dict[str, Path]
) -> None:
    project = _project(folder)
    wanted = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    offered = ConfigParser()
    with ZipFile(wheels[project["name"]]) as wheel:
        (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
        offered.read_string(wheel.read(entry).decode())
    assert {name: dict(offered[name]) for name in offered.sections()} == {
        name: points for name, points in wanted.items() if points
    }


def test_all_distributions_carry_one_version_and_ask_for_that_core(wheels: dict[str, Path]) -> None:
    version = _project(ROOT)["version"]
    for name, path in wheels.items():
        with ZipFile(path) as wheel:
            (entry,) = [one for one in wheel.namelist() if one.endswith(".dist-info/METADATA")]
            metadata = message_from_bytes(wheel.read(entry))
        assert metadata["Version"] == version
        needs = [
            need
            for need in metadata.get_all("Requires-Dist", [])
            if need.startswith("telemetry-core")
        ]
        assert name == "telemetry-core" or [need.split("==")[1] for need in needs] == [version]


def test_with_the_wheels_from_plain_pip_the_readme_example_runs_and_packages_elsewhere_are_tested(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    python = _empty_machine(tmp_path)
    install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
    for_tests = wheels["pytest-telemetry"]
    _run([*install, *(path for path in wheels.values() if path != for_tests)], tmp_path)
    _the_readme_example_records(python, tmp_path)
    _run([*install, for_tests], tmp_path)
    _a_package_tests_its_code_and_its_own_sink(python, tmp_path)


def _empty_machine(folder: Path) -> Path:
    """Make a Python that finds nothing but pip, and return it."""
    venv.create(folder / "venv", with_pip=True)
    return folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"


def _the_readme_example_records(python: Path, folder: Path) -> None:
    example = shutil.copy(ROOT / "examples" / "first_run.py", folder)
    _run([python, example], folder, TELEMETRY_BASE_DIR=str(folder / "store"))
    with sqlite3.connect(folder / "store" / "db" / "telemetry.sqlite") as database:
        rows = database.execute("SELECT agent_name, status FROM agent_runs").fetchall()
    database.close()
    assert rows == [("crawler", "success")]


def _a_package_tests_its_code_and_its_own_sink(python: Path, folder: Path) -> None:
    elsewhere = shutil.copytree(ROOT / "examples" / "folder_sink", folder / "elsewhere")
    for name in ("downstream_test.py", "run_service_test.py"):
        shutil.copy(ROOT / "examples" / name, elsewhere)
    tests = ["downstream_test.py", "run_service_test.py", "test_folder_sink.py"]
    pytest: list[str | Path] = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    _run([*pytest, *tests], elsewhere)
    _run(pytest, shutil.copytree(ROOT / "examples" / "downstream_package", folder / "bakery"))


def _run(command: list[str | Path], cwd: Path, **settings: str) -> None:
    ours = ("PYTHONPATH", "PYTEST_", "TELEMETRY_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ = {**inherited, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **settings}
    done = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pip_and_uv_set_up_the_same_workspace() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    editable = {
        ROOT / line.removeprefix("-e ").split("[")[0] for line in lines if line[:3] == "-e "
    }
    tools = [line for line in lines if line and not line.startswith(("#", "-e "))]
    assert editable == set(PROJECTS)
    assert tools == ROOT_SETTINGS["dependency-groups"]["dev"]
