"""Ties a commit to a run, also after the run has ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry_core.models import RunRecord

SOURCES = ("manual", "llm", "ci")
_HASH = re.compile(r"\S{7,40}")


def associate(
    find: Callable[[str], RunRecord | None],
    update: Callable[[RunRecord, dict[str, Any]], None],
    run_id: str,
    commit: dict[str, str | None],
) -> tuple[bool, str]:
    """Write a commit's hash, source, author and time into a run; say whether that was possible."""
    commit_hash, source = commit["git_commit_hash"], commit["git_commit_source"]
    if not isinstance(commit_hash, str) or not _HASH.fullmatch(commit_hash):
        return False, f"[ERROR] A commit hash has 7 to 40 characters, not {commit_hash!r}"
    if source not in SOURCES:
        return False, f"[ERROR] The commit source is one of {', '.join(SOURCES)}, not {source!r}"
    run = find(run_id)
    if run is None:
        return False, f"[ERROR] Run ID not found: {run_id}"
    update(run, {name: value for name, value in commit.items() if value is not None})
    return True, f"[OK] Commit {commit_hash} associated with {run_id}"
