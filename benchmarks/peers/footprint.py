"""Builds what is installed of ours, and weighs what an environment holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LIMIT = 120.0
_INSTALLERS = ("pip", "setuptools", "wheel")
_COMPILED = "__pycache__"
_WHERE = "import sysconfig; print(sysconfig.get_path('purelib'))"


def built(place: str, to: Path) -> str:
    """Build the wheel of a distribution of this clone; return its path."""
    uv = shutil.which("uv")
    build = [uv, "build", "--quiet"] if uv else [sys.executable, "-m", "build"]
    into = "--out-dir" if uv else "--outdir"
    command = [*build, "--wheel", into, str(to), str(ROOT / place)]
    subprocess.run(command, check=True, capture_output=True, timeout=_LIMIT)
    (wheel,) = to.glob("*.whl")
    return str(wheel)


def footprint(python: str) -> dict[str, float]:
    """Return the megabytes and the distributions that the environment of an interpreter holds."""
    said = subprocess.run([python, "-c", _WHERE], check=True, stdout=subprocess.PIPE, text=True)
    return weigh(Path(said.stdout.strip()))


def weigh(packages: Path) -> dict[str, float]:
    """Return the megabytes and the distributions of a folder of installed packages."""
    found = [path for path in packages.iterdir() if not _is_installer(path)]
    files = (
        path
        for top in found
        for path in ((top,) if top.is_file() else top.rglob("*"))
        if path.is_file() and _COMPILED not in path.parts
    )
    return {
        "installed_mb": sum(path.stat().st_size for path in files) / 1e6,
        "distributions": sum(path.suffix == ".dist-info" for path in found),
    }


def _is_installer(path: Path) -> bool:
    return path.name.partition("-")[0] in _INSTALLERS
