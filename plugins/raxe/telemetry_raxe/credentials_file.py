"""The file behind the credentials: private, replaced as a whole, one writer at a time."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from telemetry_core import get_logger, sync_directory
from telemetry_raxe.credentials import Credentials
from telemetry_raxe.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = get_logger("telemetry_core.raxe")

_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LARGEST = 65_536
_LOCKED_WITHIN = 10.0
# Neither a link is followed nor a pipe waited for, where the system knows how.
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_TO_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | _CAREFULLY
_TO_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | _CAREFULLY
_MEND = "put it right, or delete it and run: telemetry auth login"


class _CopiedError(CredentialError):
    """The file cannot be understood, and a copy of it is kept: it may be replaced."""


class CredentialsFile:
    """Reads and writes one file; everything that is wrong with it is a `CredentialError`.

    :param folder_is_ours: the folder holds nothing else: it is made private, whoever made it.
    """

    def __init__(self, path: Path, *, folder_is_ours: bool) -> None:
        self._path = path
        self._folder_is_ours = folder_is_ours

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other processes and threads from writing meanwhile."""
        from filelock import FileLock, Timeout

        lock = FileLock(f"{self._path}.lock", timeout=_LOCKED_WITHIN, mode=_PRIVATE)
        try:
            self._make_folder()
            lock.acquire()
        except Timeout:
            raise CredentialError(
                f"{self._path} is being written by another process for more than"
                f" {_LOCKED_WITHIN:g} s; end that one, and try again"
            ) from None
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            yield
        finally:
            lock.release()

    def read(self) -> Credentials | None:
        """Return what the file holds; nothing where there is none."""
        try:
            content = self._content()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._error("cannot be read", _why(error)) from None
        try:
            return _parsed(content)
        except (ValueError, CredentialError) as error:
            raise self._damaged(content, str(error)) from None

    def write(self, credentials: Credentials) -> None:
        """Replace the file; the caller holds the lock. What nobody can read is kept beside it."""
        said = credentials.to_dict()
        try:
            _ = Credentials.from_dict(said)
        except (ValueError, CredentialError) as error:
            raise CredentialError(f"these credentials cannot be kept: {error}") from None
        with suppress(_CopiedError):
            self.read()
        try:
            self._replace(f"{json.dumps(said, indent=2)}\n".encode())
        except OSError as error:
            raise self._unwritable(error) from None

    def delete(self) -> bool:
        """Delete the file; false where there is none."""
        try:
            os.unlink(self._path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._error("cannot be deleted", _why(error)) from None
        return True

    def _make_folder(self) -> None:
        folder = self._path.parent
        os.makedirs(folder, _PRIVATE_FOLDER, exist_ok=True)
        if self._folder_is_ours and stat.S_IMODE(folder.stat().st_mode) & _OTHERS:
            with suppress(OSError):
                folder.chmod(_PRIVATE_FOLDER)

    def _content(self) -> bytes:
        self._refuse_links()
        descriptor = os.open(self._path, _TO_READ)
        with open(descriptor, "rb") as file:
            self._check(os.fstat(descriptor), descriptor)
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise self._error("is no credentials file", f"it is larger than {_LARGEST:,} bytes")
        return content

    def _refuse_links(self) -> None:
        if self._path.is_symlink():
            raise self._error(
                "is a symbolic link",
                "a key is kept in a file of its own; put the file in its place",
            )
        if self._path.is_dir():
            raise self._error("is a directory", "move it away, or name a file")

    def _check(self, status: os.stat_result, descriptor: int) -> None:
        """Refuse what another user can put there, and take from others what they may see."""
        if not stat.S_ISREG(status.st_mode):
            raise self._error("is no regular file", "move it away, or name another")
        if os.name == "nt":
            return
        if status.st_uid != os.geteuid():
            raise self._error(
                "belongs to another user", "its key is not yours; delete it, or name another file"
            )
        if status.st_mode & _OTHERS:
            _log.warning(
                "%s could be read or written by other users; it is made private now, but replace"
                " the key if you do not trust them",
                self._path,
            )
            with suppress(OSError):
                os.fchmod(descriptor, _PRIVATE)

    def _damaged(self, content: bytes, why: str) -> CredentialError:
        """Return the error for what nobody understands, of which a copy is kept: one, however often."""
        copy = f"{self._path}.corrupt-{hashlib.sha256(content).hexdigest()[:8]}"
        kept = f"a copy is kept as {os.path.basename(copy)}"
        try:
            _write_new(copy, content)
        except FileExistsError:
            pass
        except OSError as error:
            return self._error(
                "cannot be understood", f"{why}; no copy of it can be kept: {_why(error)}"
            )
        said = self._error("cannot be understood", f"{why}; {kept}; {_MEND}")
        return _CopiedError(str(said))

    def _replace(self, content: bytes) -> None:
        beside = f"{self._path}.tmp"
        with suppress(FileNotFoundError):  # of a process that was killed while it wrote
            os.unlink(beside)
        try:
            _write_new(beside, content)
            os.replace(beside, self._path)
        except OSError:
            with suppress(OSError):
                os.unlink(beside)
            raise
        sync_directory(self._path.parent)

    def _unwritable(self, error: OSError) -> CredentialError:
        return self._error("cannot be written", _why(error))

    def _error(self, what: str, more: str) -> CredentialError:
        return CredentialError(f"{self._path} {what}: {more}")


def _parsed(content: bytes) -> Credentials:
    """Return credentials; raises `ValueError` that shows nothing of the content."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON" if content.strip() else "it is empty") from None
    if not isinstance(said, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - what is wrong is a value in a file
    return Credentials.from_dict(said)


def _write_new(path: str, content: bytes) -> None:
    with open(os.open(path, _TO_WRITE, _PRIVATE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
