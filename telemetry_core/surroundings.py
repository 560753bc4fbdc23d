"""Looks at where a program runs: its machine, its surroundings, the git repository it lies in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define

from telemetry_core.plain import clean_text

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from telemetry_core.config import TelemetryConfig

_LARGEST_SMALL_FILE = 64 * 1024
_LARGEST_PACKED_REFS = 16 * 1024 * 1024
_MOST_SYMBOLIC_REFS = 5
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_URL_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#]*@")
_HEADS = "refs/heads/"
_HEAD_OF_A_REFTABLE = "refs/heads/.invalid"


@define
class GitInfo:
    """The git repository that a directory belongs to, as far as it could be read."""

    repo: str | None = None
    repo_name: str | None = None
    branch: str | None = None
    commit_hash: str | None = None

    @property
    def run_tag(self) -> str | None:
        """`repository/branch`, when both are known."""
        return f"{self.repo_name}/{self.branch}" if self.repo_name and self.branch else None


def scene(config: TelemetryConfig) -> dict[str, Any]:
    """Return what every run of this program shares: host, owner, environment, repository."""
    fields: dict[str, Any] = {
        "host": host_name(),
        "agent_owner": config.agent_owner,
        "environment": config.environment,
        "parent_run_id": config.parent_run_id,
    }
    git = detect_git()
    if git is not None:
        fields |= {
            "git_repo": git.repo or git.repo_name,
            "git_branch": git.branch,
            "git_run_tag": git.run_tag,
            "git_commit_hash": git.commit_hash,
        }
    return {name: value for name, value in fields.items() if value is not None}


def host_name() -> str | None:
    """Return the machine's name, or nothing when it has none."""
    import socket

    try:
        return clean_text(socket.gethostname()) or None
    except OSError:
        return None


def detect_git(directory: str | os.PathLike[str] | None = None) -> GitInfo | None:
    """Return the repository that a directory (without one, the working directory) lies in.

    Reads git's own files and starts no process; never raises. Nothing when there is none.
    """
    try:
        start = Path.cwd() if directory is None else Path(directory).absolute()
        found = next(_git_folders(start), None)
        return None if found is None else _read_git(*found)
    except (OSError, ValueError, RuntimeError, TypeError):
        return None


def _git_folders(start: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the work tree and the git folder, from the nearest directory upwards."""
    for place in (start, *start.parents):
        pointer = place / ".git"
        if pointer.is_dir():
            yield place, pointer
        elif pointer.is_file():  # a worktree or a submodule keeps its folder elsewhere
            text = _read(pointer)
            if text.startswith("gitdir:"):
                yield place, place / text.removeprefix("gitdir:").strip()
        elif (place / "HEAD").is_file() and (place / "objects").is_dir():
            yield place, place


def _read_git(tree: Path, folder: Path) -> GitInfo:
    pointer = _read(folder / "commondir").strip()
    common = (folder / pointer).resolve() if pointer else folder
    branch, commit = _head(folder, common)
    repo = _remote_url(common / "config")
    return GitInfo(repo, _repo_name(repo, tree, common), branch, commit)


def _head(folder: Path, common: Path) -> tuple[str | None, str | None]:
    """Return branch and commit; no branch when HEAD is detached, no commit before the first."""
    value = _read(folder / "HEAD").strip()
    branch = None
    if value.startswith("ref:"):
        name = value.removeprefix("ref:").strip()
        if name.startswith(_HEADS) and name != _HEAD_OF_A_REFTABLE:
            branch = clean_text(name.removeprefix(_HEADS))
    for _ in range(_MOST_SYMBOLIC_REFS):
        if not value.startswith("ref:"):
            break
        value = _ref(value.removeprefix("ref:").strip(), folder, common)
    return branch, value if _COMMIT.fullmatch(value) else None


def _ref(name: str, folder: Path, common: Path) -> str:
    if not name.startswith("refs/") or ".." in name:
        return ""
    loose = _read(folder / name).strip() or _read(common / name).strip()
    if loose:
        return loose
    ending = f" {name}"
    packed = _read(common / "packed-refs", _LARGEST_PACKED_REFS).splitlines()
    return next((line.split(" ")[0] for line in packed if line.endswith(ending)), "")


def _remote_url(config: Path) -> str | None:
    """Return the address of `origin`, else of the first remote, without credentials."""
    import configparser

    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    lines = (line.strip() for line in _read(config).splitlines())
    try:
        parser.read_string("\n".join(lines))
    except configparser.Error:
        return None
    remotes = [name for name in parser.sections() if name.startswith('remote "')]
    for name in sorted(remotes, key=lambda name: name != 'remote "origin"'):
        url = parser.get(name, "url", fallback=None)
        if url:
            return clean_url(url.strip().strip('"'))
    return None


def clean_url(url: str) -> str:
    """Return an address without user and password; `git@host:path` names no secret and stays.

    Redaction comes too late for this one: the repository's name is taken from the address.
    """
    return url if url.startswith("ssh://git@") else _URL_CREDENTIALS.sub("", url)


def _repo_name(repo: str | None, tree: Path, common: Path) -> str | None:
    last = re.split(r"[/\\:]", repo.rstrip("/\\"))[-1] if repo else ""
    fallback = tree.name if common.name != ".git" or common.parent == tree else common.parent.name
    return (last or fallback).removesuffix(".git") or None


def _read(path: Path, largest: int = _LARGEST_SMALL_FILE) -> str:
    """Return a regular file's text, or nothing when it is missing, odd or too large."""
    try:
        if not path.is_file() or path.stat().st_size > largest:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
