"""Leads from a run to its repository and its commit, on the hosts whose addresses we know."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_COMMIT_PATHS = {"github.com": "commit", "gitlab.com": "-/commit", "bitbucket.org": "commits"}
_SSH = re.compile(r"git@([^:/]+):(.*)", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_CREDENTIALS = re.compile(r"^(\s*[a-z][a-z0-9+.\-]*://)([^/?#]*)@", re.IGNORECASE)
_QUERY = re.compile(r"^(\s*https?://[^?#]*)[?#].*", re.IGNORECASE | re.DOTALL)
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\]")  # read by some as the end of the host


class Links(NamedTuple):
    """Where one finds the commit and the repository of a run; nothing where that is not known."""

    commit_url: str | None
    repo_url: str | None


_NOWHERE = Links(None, None)


def links_of(repo: str | None, commit_hash: str | None) -> Links:
    """Return the links of a run from what it says of its repository and its commit."""
    if not repo:
        return _NOWHERE
    url, commits = _led_by(repo)
    if commits is None or not commit_hash:
        return Links(None, url)
    plain = commit_hash.isascii() and commit_hash.isalnum()
    return Links(commits + (commit_hash if plain else quote(commit_hash, safe="")), url)


@lru_cache(maxsize=4096)  # runs of one agent share it, and a page has a thousand
def _led_by(repo: str) -> tuple[str | None, str | None]:
    """Return where a repository is, and what a commit's address begins with there."""
    url = _repo_url(repo)
    path = _commit_path(urlsplit(url).hostname or "") if url else None
    return url, f"{url}/{path}/" if path else None


@lru_cache(maxsize=4096)
def without_credentials(repo: str) -> str:
    """Return the address of a repository without the name and the password in it.

    A name alone stays where it is part of how one connects, as in `ssh://git@host/`. A query goes
    as a whole: no repository needs one, and tokens are given in it.
    """
    repo = _QUERY.sub(r"\1", repo)
    found = _CREDENTIALS.match(repo)
    if found is None:
        return repo
    scheme, user = found[1], found[2]
    kept = "" if scheme.strip().lower().startswith("http") else f"{user.partition(':')[0]}@"
    return f"{scheme}{kept}{repo[found.end() :]}"


def _repo_url(repo: str) -> str | None:
    text = repo.strip()
    if found := _SSH.fullmatch(text):
        text = f"https://{found[1]}/{found[2]}"
    if not text.startswith("https://") or _AMBIGUOUS.search(text):
        return None
    text = without_credentials(text).removesuffix(".git").rstrip("/")
    return text if _leads_somewhere(text) else None


def _leads_somewhere(url: str) -> bool:
    """Say whether every reader of this URL finds the same host in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(_HOST.fullmatch(parts.netloc))


def _commit_path(host: str) -> str | None:
    for known, path in _COMMIT_PATHS.items():
        if host == known or host.endswith(f".{known}"):
            return path
    return None
