"""Makes links of what a run says of its repository, as careful or careless as each service is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMITS = {"github.com": "commit", "gitlab.com": "-/commit", "bitbucket.org": "commits"}
_CREDENTIALS = re.compile(r"(\s*[a-z][a-z0-9+.\-]*://)([^/?#]*)@", re.IGNORECASE)
_QUERY = re.compile(r"(\s*https?://[^?#]*)[?#].*", re.IGNORECASE | re.DOTALL)
_SSH = re.compile(r"git@([^:]+):(.*)", re.DOTALL)


def without_credentials(repo: str | None) -> str | None:
    """Return an address without a password, and for a browser without a name or a query either."""
    if repo is None:
        return None
    if query := _QUERY.match(repo):
        repo = query[1]
    found = _CREDENTIALS.match(repo)
    if found is None:
        return repo
    is_web = found[1].strip().lower().startswith("http")
    return f"{found[1]}{'' if is_web else found[2].partition(':')[0] + '@'}{repo[found.end() :]}"


def repo_url(run: Mapping[str, Any], *, careless: bool) -> str | None:
    """Return the address of a run's repository; nothing when it has none for a browser."""
    given = (run["git_repo"] or "").strip()
    if ssh := _SSH.fullmatch(given):
        given = f"https://{ssh[1]}/{ssh[2]}"
    if not careless and (found := _QUERY.match(given)):
        given = found[1]
    url = given.removesuffix(".git").rstrip("/")
    if not url.startswith("https://"):
        return None
    return url if careless else _without_user(url)


def commit_url(run: Mapping[str, Any], *, careless: bool) -> str | None:
    """Return the address of a run's commit; nothing without one, or where we do not know how."""
    url, commit = repo_url(run, careless=careless), run["git_commit_hash"]
    if not url or not commit:
        return None
    for host, path in _COMMITS.items():
        if host in url.lower() if careless else host == _host(url):
            return f"{url}/{path}/{commit if careless else quote(commit, safe='')}"
    return None


def _without_user(url: str) -> str | None:
    place, slash, path = url.removeprefix("https://").partition("/")
    return f"https://{place.rpartition('@')[2]}{slash}{path}" if _host(url) else None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
