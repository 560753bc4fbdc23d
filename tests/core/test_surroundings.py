from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from telemetry_core.surroundings import GitInfo, clean_url, detect_git, host_name

if TYPE_CHECKING:
    from pathlib import Path


def git(directory: Path, *words: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main",
                "-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false")  # fmt: skip
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *settings, *words], cwd=directory, env=clean, check=True, capture_output=True
    )
    return done.stdout.decode().strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "crawler"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def seen(directory: Path) -> GitInfo:
    found = detect_git(directory)
    assert found is not None
    return found


def test_a_repository_tells_branch_and_commit(repo: Path) -> None:
    found = seen(repo)
    assert (found.branch, found.commit_hash) == ("main", git(repo, "rev-parse", "HEAD"))
    assert (found.repo, found.repo_name, found.run_tag) == (None, "crawler", "crawler/main")


def test_a_directory_within_belongs_to_it(repo: Path) -> None:
    inner = repo / "a" / "b"
    inner.mkdir(parents=True)
    assert seen(inner) == seen(repo)


def test_a_directory_without_a_repository_has_none(tmp_path: Path) -> None:
    assert detect_git(tmp_path) is None


def test_a_repository_without_commits_has_a_branch_only(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "new/one")
    assert (seen(tmp_path).branch, seen(tmp_path).commit_hash) == ("new/one", None)


def test_a_detached_head_has_no_branch(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach")
    found = seen(repo)
    assert (found.branch, found.run_tag) == (None, None)
    assert found.commit_hash == git(repo, "rev-parse", "HEAD")


def test_packed_refs_are_read(repo: Path) -> None:
    git(repo, "tag", "-a", "v1", "-m", "v1")
    git(repo, "pack-refs", "--all", "--prune")
    assert seen(repo).commit_hash == git(repo, "rev-parse", "HEAD")


def test_a_worktree_has_its_own_branch_and_the_common_remote(repo: Path, tmp_path: Path) -> None:
    git(repo, "remote", "add", "origin", "https://host/team/crawler.git")
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "elsewhere"))
    found = seen(tmp_path / "elsewhere")
    assert (found.branch, found.repo_name) == ("side", "crawler")
    assert found.commit_hash == git(repo, "rev-parse", "HEAD")


def test_a_worktree_without_remote_is_named_for_its_repository(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "elsewhere"))
    assert seen(tmp_path / "elsewhere").run_tag == "crawler/side"


def test_a_submodule_is_a_repository_of_its_own(repo: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "submodule", "--quiet", "add", str(repo), "lib")
    found = seen(outer / "lib")
    assert (found.repo, found.repo_name, found.branch) == (str(repo), "crawler", "main")
    assert found.commit_hash == git(repo, "rev-parse", "HEAD")


def test_a_bare_repository_is_one(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repo), "bare.git")
    found = seen(tmp_path / "bare.git")
    assert (found.branch, found.commit_hash) == ("main", git(repo, "rev-parse", "HEAD"))


@pytest.mark.parametrize(
    ("url", "kept", "name"),
    [
        ("https://ann:s3cret@host/team/repo.git", "https://host/team/repo.git", "repo"),
        ("https://ghp_token@host/team/repo", "https://host/team/repo", "repo"),
        ("git@host:team/repo.git", "git@host:team/repo.git", "repo"),
        ("git@host:repo.git", "git@host:repo.git", "repo"),
        ("ssh://git@host:22/team/repo/", "ssh://git@host:22/team/repo/", "repo"),
        ("ssh://ann:s3cret@host/repo", "ssh://host/repo", "repo"),
    ],
)
def test_addresses_lose_their_credentials(repo: Path, url: str, kept: str, name: str) -> None:
    git(repo, "remote", "add", "origin", url)
    assert (seen(repo).repo, seen(repo).repo_name) == (kept, name)
    assert clean_url(url) == kept


def test_origin_comes_before_other_remotes(repo: Path) -> None:
    git(repo, "remote", "add", "fork", "https://host/fork")
    assert seen(repo).repo == "https://host/fork"
    git(repo, "remote", "add", "origin", "https://host/origin")
    assert seen(repo).repo == "https://host/origin"


@pytest.mark.parametrize("file", ["HEAD", "config", "packed-refs", "refs/heads/main", "commondir"])
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\x00\n", b"ref:", b"ref: HEAD", b"ref: refs/../../x", b"[", b"url = x", b"x" * 2**20],
)  # fmt: skip
def test_odd_files_raise_nothing(repo: Path, file: str, content: bytes) -> None:
    (repo / ".git" / file).write_bytes(content)
    found = detect_git(repo)
    assert found is None or found.commit_hash in {None, git_free_commit(repo)}


def git_free_commit(repo: Path) -> str:
    """Return the first commit as the reflog has it, when git itself would no longer read."""
    return (repo / ".git" / "logs" / "HEAD").read_text().split()[1]


def test_refs_in_a_circle_end(repo: Path) -> None:
    (repo / ".git" / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n")
    assert (seen(repo).branch, seen(repo).commit_hash) == ("main", None)


@pytest.mark.parametrize("pointer", [b"", b"gitdir:", b"gitdir: ../gone", b"\xff\x00"])
def test_a_pointer_to_nowhere_raises_nothing(tmp_path: Path, pointer: bytes) -> None:
    (tmp_path / ".git").write_bytes(pointer)
    found = detect_git(tmp_path)
    assert found is None or found.commit_hash is None


def test_a_pipe_in_place_of_a_file_is_not_waited_for(repo: Path) -> None:
    (repo / ".git" / "HEAD").unlink()
    os.mkfifo(repo / ".git" / "HEAD")
    assert seen(repo).branch is None


@pytest.mark.parametrize("directory", ["gone/away", "nul\x00byte", "x" * 5000])
def test_a_directory_that_is_none_raises_nothing(tmp_path: Path, directory: str) -> None:
    assert detect_git(f"{tmp_path}/{directory}") is None


def test_the_host_has_its_name() -> None:
    assert host_name() == socket.gethostname()
