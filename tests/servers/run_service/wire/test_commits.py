"""The commit of a run, and the links that are made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.run_service.wire.telling import detail, path_of, problems

if TYPE_CHECKING:
    from tests.servers.run_service.wire.telling import Api

LONG = {
    "commit_hash": "abc1234567890abcdef",
    "commit_source": "llm",
    "commit_author": "C <c@example.com>",
    "commit_timestamp": "2026-01-02T10:00:00Z",
}


def links(api: Api, **fields: Any) -> tuple[str | None, str | None]:
    """Return the links of a new run, which are the same wherever one asks."""
    run = api.made(**fields)
    path = path_of(run["event_id"])
    commit = api.client.get(f"{path}/commit-url").json()
    repo = api.client.get(f"{path}/repo-url").json()
    assert commit == {"commit_url": run["commit_url"]}
    assert repo == {"repo_url": run["repo_url"]}
    return run["commit_url"], run["repo_url"]


def test_a_commit_is_associated(api: Api, mine: str) -> None:
    api.post(event_id=mine, run_id="the run")

    answer = api.associate(mine, **LONG)

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "event_id": mine,
        "run_id": "the run",
        "commit_hash": LONG["commit_hash"],
    }
    run = api.get(mine)
    assert {name: run[f"git_{name}"] for name in LONG} == LONG


def test_a_commit_replaces_the_one_before_it_in_all(api: Api, mine: str) -> None:
    before = api.made(event_id=mine)
    api.associate(mine, **LONG)

    api.associate(mine, commit_hash="def456789", commit_source="ci")

    run = api.get(mine)
    assert [run[f"git_{name}"] for name in LONG] == ["def456789", "ci", None, None]
    assert run["updated_at"] > before["updated_at"]


@pytest.mark.parametrize("hash", ["abc1234", "f" * 40, "abc123456789manual"])
@pytest.mark.parametrize("source", ["manual", "llm", "ci"])
def test_a_hash_has_7_to_40_characters_of_any_kind(
    api: Api, mine: str, hash: str, source: str
) -> None:
    api.post(event_id=mine)

    assert api.associate(mine, commit_hash=hash, commit_source=source).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"commit_hash": "abc123"}, "commit_hash"),
        ({"commit_hash": "f" * 41}, "commit_hash"),
        ({"commit_hash": None}, "commit_hash"),
        ({"commit_source": "automated"}, "commit_source"),
        ({"commit_source": None}, "commit_source"),
        ({"commit_author": 5}, "commit_author"),
    ],
)
def test_a_commit_that_cannot_be_is_refused(
    api: Api, mine: str, wrong: dict[str, Any], name: str
) -> None:
    api.post(event_id=mine)

    assert problems(api.associate(mine, **(LONG | wrong))) == [("body", name)]
    assert api.get(mine)["git_commit_hash"] is None


def test_a_commit_says_all_that_is_missing(api: Api, mine: str) -> None:
    api.post(event_id=mine)

    assert problems(api.associate(mine)) == [("body", "commit_hash"), ("body", "commit_source")]


@pytest.mark.parametrize("route", ["commit-url", "repo-url"])
def test_the_links_of_an_unknown_run_are_not_found(api: Api, route: str) -> None:
    answer = api.client.get(f"{path_of('no such')}/{route}")

    assert answer.status_code == 404
    assert detail(answer) == "Run not found: no such"


def test_a_commit_of_an_unknown_run_is_not_found(api: Api) -> None:
    answer = api.associate("no such", **LONG)

    assert answer.status_code == 404
    assert detail(answer) == "Run not found: no such"


@pytest.mark.parametrize(
    ("repo", "commit"),
    [
        ("https://github.com/owner/repo", "https://github.com/owner/repo/commit/abc1234"),
        ("https://github.com/owner/repo.git", "https://github.com/owner/repo/commit/abc1234"),
        ("  https://github.com/owner/repo/ ", "https://github.com/owner/repo/commit/abc1234"),
        ("git@github.com:owner/repo.git", "https://github.com/owner/repo/commit/abc1234"),
        ("https://gitlab.com/o/r", "https://gitlab.com/o/r/-/commit/abc1234"),
        ("git@gitlab.com:group/sub/r.git", "https://gitlab.com/group/sub/r/-/commit/abc1234"),
        ("https://bitbucket.org/o/r", "https://bitbucket.org/o/r/commits/abc1234"),
    ],
)
def test_a_link_leads_to_the_commit(api: Api, repo: str, commit: str) -> None:
    found, home = links(api, git_repo=repo, git_commit_hash="abc1234")

    assert found == commit
    assert home is not None
    assert commit.startswith(home + "/")


@pytest.mark.parametrize(
    ("repo", "home"),
    [
        ("https://git.example.com/o/r.git", "https://git.example.com/o/r"),
        ("git@git.example.com:o/r.git", "https://git.example.com/o/r"),
        ("https://example.com/github.com/x", "https://example.com/github.com/x"),
        ("https://github.com.example.com/o/r", "https://github.com.example.com/o/r"),
        ("https://notgithub.com/o/r", "https://notgithub.com/o/r"),
    ],
)
def test_a_host_that_nobody_knows_has_no_link_to_a_commit(api: Api, repo: str, home: str) -> None:
    assert links(api, git_repo=repo, git_commit_hash="abc1234") == (None, home)


@pytest.mark.parametrize(
    "repo",
    [
        *("http://github.com/o/r", "ssh://git@github.com/o/r", "git://github.com/o/r"),
        *("repo", "", None, "HTTPS://github.com/o/r", "javascript:alert(1)", "https://", "\x00"),
    ],
)
def test_what_is_no_address_has_no_links(api: Api, repo: str | None) -> None:
    assert links(api, git_repo=repo, git_commit_hash="abc1234") == (None, None)


def test_a_run_without_a_commit_links_to_its_repository(api: Api) -> None:
    home = "https://github.com/owner/repo"

    assert links(api, git_repo=home) == (None, home)
    assert links(api, git_commit_hash="abc1234") == (None, None)


@pytest.mark.parametrize("who", ["user:ghp_secret@", "ghp_secret@"])
def test_a_link_holds_no_credentials(api: Api, who: str) -> None:
    commit, home = links(
        api, git_repo=f"https://{who}github.com/owner/repo", git_commit_hash="abc1234"
    )

    assert home == "https://github.com/owner/repo"
    assert commit == "https://github.com/owner/repo/commit/abc1234"


@pytest.mark.parametrize("hash", ["a b", "a/../b", "a?b#c", '"><script>'])
def test_a_hash_is_escaped_in_its_link(api: Api, hash: str) -> None:
    commit, _ = links(api, git_repo="https://github.com/owner/repo", git_commit_hash=hash)

    assert commit is not None
    last = commit.removeprefix("https://github.com/owner/repo/commit/")
    assert not set(last) & set(' /?#"<>')
