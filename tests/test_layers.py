"""Imports go down only; each kind of line has one home; distributions know each other by public names."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import telemetry_core
from telemetry_core import cli, sending

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CORE = "telemetry_core"

# Top to bottom. A module imports from the rows below its own, never from its own row or above.
LAYERS = (
    ("cli",),
    ("default",),
    ("client",),
    ("recording",),
    ("telling", "telling_once", "run_context", "run_book", "commits"),
    ("decorating",),
    ("delivery.engine",),
    ("delivery.crew", "delivery.sinks", "delivery.takeovers"),
    ("delivery.hears", "delivery.intake", "delivery.worker", "delivery.process", "delivery.report"),
    ("delivery.alarm", "delivery.rest", "delivery.ticket", "delivery.ticks"),
    ("delivery.shipper",),
    ("delivery.blame", "delivery.burial", "delivery.ends", "delivery.gate", "delivery.hand"),
    ("delivery.receipts",),
    ("delivery.retrying", "delivery.spool.purging", "delivery.spool.spool"),
    (
        "delivery.spool.writer",
        "delivery.spool.adoption",
        "delivery.spool.fresh",
        "delivery.spool.outbox",
        "delivery.spool.pace",
        "delivery.spool.survey",
    ),
    (
        "delivery.spool.overflow",
        "delivery.spool.reader",
        "delivery.spool.recovery",
        "delivery.spool.room",
        "delivery.spool.waiting",
    ),
    ("delivery.spool.folder", "delivery.spool.sync"),
    ("delivery.spool.segment", "delivery.spool.cursor", "delivery.spool.owner"),
    ("delivery.spool.frame",),
    ("delivery.memory_spool", "delivery.dead_letters", "delivery.state"),
    ("delivery.retry", "delivery.circuit", "delivery.lock"),
    ("manager",),
    ("building", "mock_sink", "plugin"),
    ("config", "converting"),
    ("config_file", "discovery"),
    ("settings", "installation"),
    ("hookspecs", "sending", "credentials", "codec", "privacy", "tracebacks", "surroundings"),
    ("merging", "api_payload", "source_lines", "carrying", "figures", "handing", "run_filter"),
    ("records", "wire"),
    ("models",),
    ("complaints", "files", "plain"),
    ("errors", "clock", "ids", "locking", "logs", "offers"),
)
HEIGHT = {name: len(LAYERS) - row for row, names in enumerate(LAYERS) for name in names}

# The same for the folders of the run service.
SERVICE = ROOT / "servers/run_service/telemetry_run_service"
SERVICE_LAYERS = (
    ("command",),
    ("process",),
    ("app",),
    ("routes",),
    ("service",),
    ("logs", "requests", "security", "storage"),
    ("answers",),
    ("errors", "settings"),
)
SERVICE_HEIGHT = {
    name: len(SERVICE_LAYERS) - row for row, names in enumerate(SERVICE_LAYERS) for name in names
}

# What only these modules of the core may name: a kind of line has one home.
HOMES = {
    "time.time_ns": {"clock"},
    "time.time": {"clock"},
    "time.monotonic": {"clock"},
    "time.sleep": {"clock"},
    "datetime.now": {"clock"},
    "os.urandom": {"ids"},
    "uuid.uuid4": {"ids"},
    "os.environ": {"credentials", "cli.track"},  # which hands it on to the command
    "os.getenv": set(),
    "fcntl.flock": {"locking"},
    "msvcrt.locking": {"locking"},
    # the second calls what a plugin may never return from, while nothing is delivered
    "threading.Thread": {"delivery.worker", "cli.doctor.limit"},
    "_thread.start_new_thread": {"delivery.process"},  # which has the workers go on after a fork
    "os.register_at_fork": {"delivery.process"},
    "atexit.register": {"delivery.process"},
}

HEAVY = ("httpx", "rich", "click", "sqlite3", "cattrs", "msgspec", "filelock", "platformdirs")


class Import(NamedTuple):
    """One imported name: from where, what, and whether only a type checker follows it."""

    module: str
    name: str
    line: int
    for_types: bool


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imports(path: Path) -> list[Import]:
    return list(_found_imports(_tree(path)))


def _found_imports(tree: ast.Module) -> Iterator[Import]:
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(
                    "." * node.level + (node.module or ""),
                    alias.name,
                    node.lineno,
                    id(node) in for_types,
                )
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", node.lineno, id(node) in for_types)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def _core_modules() -> dict[str, Path]:
    """Return the core's files by their dotted name below `telemetry_core`."""
    base = ROOT / CORE
    dotted = {
        ".".join(path.relative_to(base).with_suffix("").parts): path for path in _python_files(CORE)
    }
    return {
        name.removesuffix(".__init__"): path for name, path in dotted.items() if name != "__init__"
    }


def _height(module: str) -> int | None:
    """Return the row of a module or of the package it lives in, counted from the ground."""
    while module:
        if module in HEIGHT:
            return HEIGHT[module]
        module = module.rpartition(".")[0]
    return None


def _target(found: Import, modules: dict[str, Path]) -> str | None:
    """Return the module of the core that an import reaches, if it reaches one."""
    if found.module != CORE and not found.module.startswith(f"{CORE}."):
        return None
    inside = f"{found.module.removeprefix(CORE).lstrip('.')}.{found.name}".strip(".")
    return inside if inside in modules else inside.removesuffix(f".{found.name}")


MODULES = _core_modules()
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"} - HEIGHT.keys()


def test_a_module_imports_only_from_below() -> None:
    assert [wrong for module in MODULES.keys() - PACKAGES for wrong in _not_below(module)] == []


def _not_below(module: str) -> Iterator[str]:
    own = _height(module)
    if own is None:
        yield f"{module} has no place in LAYERS; give it one"
        return
    for found in _imports(MODULES[module]):
        target = _target(found, MODULES)
        if target is None or found.for_types or _same_package(module, target):
            continue
        if found.name == "__version__":
            continue
        below = _height(target)
        if below is None:
            yield f"{module}:{found.line} imports {target or CORE}, which has no place in LAYERS"
        elif below >= own:
            yield f"{module}:{found.line} imports {target}, which is not below it"


def _same_package(module: str, target: str) -> bool:
    """Tell whether both live in one package that stands in LAYERS as a whole, like `cli`."""
    return any(
        f"{module}.".startswith(f"{name}.") and f"{target}.".startswith(f"{name}.")
        for name in HEIGHT
    )


def test_a_folder_of_the_run_service_imports_only_from_below() -> None:
    paths = [*SERVICE.glob("[!_]*/**/*.py"), *SERVICE.glob("[!_]*.py")]
    assert [wrong for path in paths for wrong in _above_its_folder(path)] == []


def _above_its_folder(path: Path) -> Iterator[str]:
    own = path.relative_to(SERVICE).parts[0].removesuffix(".py")
    for found in _imports(path):
        package, _, inside = found.module.partition(".")
        folder = inside.split(".")[0]
        if package != SERVICE.name or folder == own or found.for_types:
            continue
        if SERVICE_HEIGHT[folder] >= SERVICE_HEIGHT[own]:
            yield f"{_name(path)}:{found.line} imports {folder}, which is not below it"


def test_a_package_itself_imports_nothing_of_ours() -> None:
    found = [(package, each) for package in PACKAGES for each in _imports(MODULES[package])]
    assert [one for one in found if one[1].module.startswith(CORE)] == []


def test_no_import_is_relative() -> None:
    paths = _python_files(CORE, "plugins", "servers", "pytest_plugin")
    assert [_name(p) for p in paths if any(i.module.startswith(".") for i in _imports(p))] == []


def test_no_import_goes_in_a_circle() -> None:
    graph = {
        module: {
            target
            for found in _imports(path)
            if not found.for_types and (target := _target(found, MODULES)) in MODULES
        }
        for module, path in MODULES.items()
    }
    done: set[str] = set()
    while ready := {module for module, needs in graph.items() if needs <= done} - done:
        done |= ready
    assert graph.keys() - done == set()


def test_a_kind_of_line_stands_only_in_its_home() -> None:
    kinds = {(module, line) for module in MODULES for line in _named(module) & HOMES.keys()}
    assert {(module, line) for module, line in kinds if module not in HOMES[line]} == set()


def _named(module: str) -> set[str]:
    """Return every attribute that a module names, as it is written, and what it imports."""
    nodes = ast.walk(_tree(MODULES[module]))
    named = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    return named | {f"{found.module}.{found.name}" for found in _imports(MODULES[module])}


def test_threading_is_never_imported_by_name_at_module_level() -> None:
    at_top = [(module, node) for module, path in MODULES.items() for node in _tree(path).body]
    by_name = [(module, node) for module, node in at_top if isinstance(node, ast.ImportFrom)]
    assert [module for module, node in by_name if node.module == "threading"] == []


PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
NEIGHBOURS = {f"telemetry_{name}" for name in PLUGINS} | {
    "telemetry_run_service",
    "telemetry_ingest",
}


def test_a_distribution_imports_public_names_of_the_core_only() -> None:
    public = {module.__name__: module.__all__ for module in (telemetry_core, cli, sending)}
    private = [
        f"{_name(path)}:{found.line} imports {found.name} from {found.module}"
        for path in _python_files("plugins", "servers", "pytest_plugin")
        for found in _imports(path)
        if found.module.split(".")[0] == CORE and found.name not in public.get(found.module, ())
    ]
    assert private == []


def test_plugins_and_fakes_know_no_plugin_but_themselves() -> None:
    known = {path: _known_neighbours(path) for path in _python_files("plugins", "pytest_plugin")}
    assert {_name(path): others for path, others in known.items() if others} == {}


def _known_neighbours(path: Path) -> set[str]:
    distribution, _, *package = path.relative_to(ROOT).parts
    own = package[0] if distribution == "plugins" else ""
    return {found.module.split(".")[0] for found in _imports(path)} & NEIGHBOURS - {own}


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import sys, telemetry_core; print(*(set({HEAVY!r}) & sys.modules.keys()))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
