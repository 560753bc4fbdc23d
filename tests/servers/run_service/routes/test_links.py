"""A link leads to the host that the repository names, and to no other, and holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from telemetry_run_service.answers.links import Links, links_of, without_credentials

from tests.servers.run_service.asking import RUNS, run

if TYPE_CHECKING:
    from tests.servers.run_service.asking import Asked

HUB = "https://github.com/a/b"


@pytest.mark.parametrize(
    "repo",
    [
        None,
        "",
        "a-name",
        "http://github.com/a/b",
        "ssh://git@github.com/a/b",
        "git://github.com/a/b",
        "HTTPS://github.com/a/b",
        "https://",
        "https:///a",
        "https://github.com\\@evil.test/a",
        "https://git hub.com/a",
        "https://[x/a",
        "javascript:alert(1)",
        "https://github.com/a\nb",
    ],
)
def test_what_leads_nowhere_has_no_links(repo: str | None) -> None:
    assert links_of(repo, "abcdef1") == Links(None, None)


@pytest.mark.parametrize(
    "repo",
    [
        "https://evil.test/github.com/x",
        "https://github.com.evil.test/x",
        "https://notgithub.com/x",
        "https://github.com@evil.test/x",
        "https://evil.test/?github.com",
        "https://evil.test/#gitlab.com",
    ],
)
def test_only_the_host_itself_says_whose_commits_it_shows(repo: str) -> None:
    links = links_of(repo, "abcdef1")
    assert links.commit_url is None
    assert (links.repo_url or "").startswith("https://")


@pytest.mark.parametrize(
    ("repo", "links"),
    [
        (HUB, (f"{HUB}/commit/abcdef1", HUB)),
        (f" {HUB}.git ", (f"{HUB}/commit/abcdef1", HUB)),
        (f"{HUB}//", (f"{HUB}/commit/abcdef1", HUB)),
        (f"{HUB}.git/", (f"{HUB}.git/commit/abcdef1", f"{HUB}.git")),
        ("git@github.com:a/b.git", (f"{HUB}/commit/abcdef1", HUB)),
        ("https://me:secret@github.com/a/b", (f"{HUB}/commit/abcdef1", HUB)),
        ("https://token@github.com/a/b", (f"{HUB}/commit/abcdef1", HUB)),
        (f"{HUB}.git?access_token=secret", (f"{HUB}/commit/abcdef1", HUB)),
        (f"{HUB}#readme", (f"{HUB}/commit/abcdef1", HUB)),
        (
            "https://GitLab.com/a/b",
            ("https://GitLab.com/a/b/-/commit/abcdef1", "https://GitLab.com/a/b"),
        ),
        (
            "git@bitbucket.org:a/b",
            ("https://bitbucket.org/a/b/commits/abcdef1", "https://bitbucket.org/a/b"),
        ),
    ],
)
def test_the_links_of_a_repository(repo: str, links: tuple[str, str]) -> None:
    assert links_of(repo, "abcdef1") == links


def test_a_hash_is_escaped() -> None:
    assert links_of(HUB, "a b/../?x#").commit_url == f"{HUB}/commit/a%20b%2F..%2F%3Fx%23"


def test_without_a_commit_there_is_only_the_repository() -> None:
    assert links_of(HUB, None) == Links(None, HUB)


@pytest.mark.parametrize(
    ("repo", "kept"),
    [
        ("https://me:secret@host/x", "https://host/x"),
        ("https://a@b:c@host/x", "https://host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://git:secret@host/x", "ssh://git@host/x"),
        ("git@host:x", "git@host:x"),
        ("https://host/x?access_token=secret", "https://host/x"),
        ("https://me:secret@host/x?private_token=more#part", "https://host/x"),
        ("https://host/a@b", "https://host/a@b"),
        ("x", "x"),
    ],
)
def test_a_name_and_a_password_are_taken_out(repo: str, kept: str) -> None:
    assert without_credentials(repo) == kept


def test_the_routes_tell_the_links(service: Asked) -> None:
    service.post(RUNS, json=run(git_repo=f"{HUB}.git", git_commit_hash="abcdef1"))
    assert service.get(f"{RUNS}/e1/commit-url").json() == {"commit_url": f"{HUB}/commit/abcdef1"}
    assert service.get(f"{RUNS}/e1/repo-url").json() == {"repo_url": HUB}
    stored = service.stored()
    assert (stored["commit_url"], stored["repo_url"]) == (f"{HUB}/commit/abcdef1", HUB)


@pytest.mark.parametrize("which", ["commit-url", "repo-url"])
def test_the_links_of_a_run_that_is_not_there_are_404(service: Asked, which: str) -> None:
    answer = service.get(f"{RUNS}/none/{which}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Run not found: none"})
