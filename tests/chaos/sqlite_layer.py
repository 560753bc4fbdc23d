"""The same layer under SQLite: its own table of functions for files, seen through ctypes."""

from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tests.chaos.file_layer import CREATE, SYNC, SYNC_NAMES, TRUNCATE, UNLINK, WRITE, Change

if TYPE_CHECKING:
    from tests.chaos.file_layer import Layer

_JOURNALS = 0x0800 | 0x4000 | 0x80000  # main and super journal, WAL: new ones sync their folder
_CREATE = 0x0004
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(Structure):
    """The beginning of `sqlite3_vfs`."""

    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("most_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", _OPEN),
        ("delete", _DELETE),
    )


class _Methods(Structure):
    """`sqlite3_io_methods`, of which three change files."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("others", c_void_p * 13),
    )


class _File(Structure):
    """The beginning of `sqlite3_file`."""

    _fields_ = (("methods", POINTER(_Methods)),)


def library() -> Any:
    """Return the SQLite that Python uses, or nothing when its functions cannot be reached."""
    import _sqlite3

    sqlite = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    return sqlite if hasattr(sqlite, "sqlite3_vfs_find") else None


def install_below_sqlite(layer: Layer) -> None:
    """Have SQLite's default table open files whose changes pass the layer."""
    sqlite = library()
    assert sqlite is not None, "SQLite's functions cannot be reached from here"
    sqlite.sqlite3_initialize()
    sqlite.sqlite3_vfs_find.restype = POINTER(_Vfs)
    Below(layer, sqlite.sqlite3_vfs_find(None).contents)


class Below:
    """SQLite's table with our functions in it, and the files that are open through it."""

    _for_ever: ClassVar[list[object]] = []  # SQLite keeps our functions for as long as it lives

    def __init__(self, layer: Layer, vfs: _Vfs) -> None:
        self._layer = layer
        self._files: dict[int, tuple[str, int]] = {}
        self._new_journals: set[int] = set()
        self._tables: dict[int, _Methods] = {}
        self._open, self._delete = _OPEN(_address(vfs.open)), _DELETE(_address(vfs.delete))
        vfs.open, vfs.delete = _OPEN(self.open), _DELETE(self.delete)
        self._for_ever.extend((self, vfs, vfs.open, vfs.delete))

    def open(self, vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        """Open, and have what is done to the file pass the layer."""
        path = ctypes.string_at(name).decode() if name else ""

        def act() -> int:
            return int(self._open(vfs, name, file, flags, out))

        if not self._layer.sees(path):
            return act()
        with self._layer.lock:
            fresh = bool(flags & _CREATE) and not os.path.lexists(path)
            answer = self._layer.change(Change(CREATE, path), act) if fresh else act()
            if answer == 0:
                self._watch(file, path, journal=fresh and bool(flags & _JOURNALS))
        return answer

    def delete(self, vfs: int, name: bytes, sync_names: int) -> int:
        """Delete a journal, and have the disk know that its name is gone, if so wished."""
        path = name.decode()

        def act() -> int:
            return int(self._delete(vfs, name, sync_names))

        if not self._layer.sees(path) or not os.path.lexists(path):
            return act()
        answer = self._layer.change(Change(UNLINK, path), act)
        if sync_names:
            self._layer.change(Change(SYNC_NAMES, os.path.dirname(path)), int)
        return answer

    def _watch(self, file: int, path: str, *, journal: bool) -> None:
        self._files[file] = path, os.stat(path).st_ino
        self._new_journals.discard(file)
        if journal:
            self._new_journals.add(file)
        handle = _File.from_address(file)
        address = _address(handle.methods)
        if address not in self._tables:
            self._tables[address] = self._table(address)
        handle.methods = ctypes.pointer(self._tables[address])

    def _table(self, address: int) -> _Methods:
        """Return a copy of one of SQLite's tables, in which the three functions are ours."""
        real = _Methods.from_address(address)
        write, truncate = _WRITE(_address(real.write)), _TRUNCATE(_address(real.truncate))
        sync = _SYNC(_address(real.sync))
        table = _Methods.from_buffer_copy(real)
        table.write = _WRITE(partial(self._write, write))
        table.truncate = _TRUNCATE(partial(self._truncate, truncate))
        table.sync = _SYNC(partial(self._sync, sync))
        self._for_ever.extend((table, table.write, table.truncate, table.sync))
        return table

    def _write(self, real: Any, file: int, buffer: int, size: int, offset: int) -> int:
        path, number = self._files[file]
        change = Change(WRITE, path, number, offset, ctypes.string_at(buffer, size))
        return self._layer.change(
            change,
            lambda: int(real(file, buffer, size, offset)),
            lambda: real(file, buffer, size // 2, offset),
        )

    def _truncate(self, real: Any, file: int, size: int) -> int:
        path, number = self._files[file]
        change = Change(TRUNCATE, path, number, size)
        return self._layer.change(change, lambda: int(real(file, size)))

    def _sync(self, real: Any, file: int, flags: int) -> int:
        path, number = self._files[file]
        answer = self._layer.change(Change(SYNC, path, number), lambda: int(real(file, flags)))
        if file in self._new_journals:  # SQLite syncs the folder of a new journal with it
            self._new_journals.discard(file)
            self._layer.change(Change(SYNC_NAMES, os.path.dirname(path)), int)
        return answer


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, c_void_p).value or 0
