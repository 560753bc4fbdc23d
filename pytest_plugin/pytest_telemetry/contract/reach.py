"""Takes a folder away, as a disk that is gone, also from a user who may write everywhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def out_of_reach(folder: Path) -> Iterator[None]:
    """Put a file in the place of a folder, whether or not it is there, and the folder back."""
    aside = folder.with_name(f"{folder.name}.aside")
    if folder.exists():
        folder.rename(aside)
    folder.write_text("this is no folder")
    try:
        yield
    finally:
        folder.unlink()
        if aside.exists():
            aside.rename(folder)
