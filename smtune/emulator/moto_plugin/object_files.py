"""Files as the content of moto's objects, and where they can be."""

from __future__ import annotations

import os
import re
from pathlib import Path
from shutil import copyfileobj
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from moto.s3.exceptions import MissingKey

_PLAIN: Final = re.compile(r"(?!\.{1,2}(/|$))[^/\0]+(/(?!\.{1,2}(/|$))[^/\0]+)*")
"""Keys that can be paths: no part of them is empty, ``.`` or ``..``."""
_LONGEST_PART: Final = 240
"""Bytes of a name that all file systems take."""

_CHUNK: Final = 1024 * 1024


class Content:
    """The content of an object in its file, for moto's objects; the file is open only while it is read.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self._closed = False

    def seek(self, position: int) -> None:
        """Go to a place."""
        self._position = position

    def read(self, size: int = -1) -> bytes:
        """Read on from the place.

        Raises:
            ValueError: The object is gone.
            MissingKey: Somebody has removed the file.
            OSError: The file cannot be read.
        """
        if self._closed:
            raise ValueError("the object was deleted or replaced")
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read(size)
        except FileNotFoundError:
            raise MissingKey(key=str(self._path)) from None
        self._position += len(data)
        return data

    def close(self) -> None:
        """Give it up."""
        self._closed = True


def is_in_file(key: Any) -> bool:
    """Return whether the content of an object is in its file already."""
    return isinstance(key._value_buffer, Content)  # noqa: SLF001 - moto has no other way to it


def put_in_file(key: Any, path: Path) -> None:
    """Let an object have its content in a file."""
    key._value_buffer.close()  # noqa: SLF001
    key._value_buffer = Content(path)  # noqa: SLF001


def copy_content(key: Any, path: Path) -> None:
    """Copy the content of an object into a file.

    Raises:
        OSError: The disk does not let it.
    """
    with key.lock, path.open("wb") as file:
        key._value_buffer.seek(0)  # noqa: SLF001
        copyfileobj(key._value_buffer, file, _CHUNK)  # noqa: SLF001


def take_along(versions: list[Any]) -> None:
    """Have older versions of an object keep their content when its file goes, or becomes another's."""
    for key in versions:
        buffer = getattr(key, "_value_buffer", None)
        if isinstance(buffer, Content) and not key.disposed:
            copy = SpooledTemporaryFile(_CHUNK)  # noqa: SIM115 - the object closes it
            buffer.seek(0)
            copyfileobj(buffer, copy, _CHUNK)
            key._value_buffer = copy  # noqa: SLF001


def is_plain(name: str) -> bool:
    """Return whether a key can be the path of a file."""
    try:
        parts = name.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return _PLAIN.fullmatch(name) is not None and all(len(part) <= _LONGEST_PART for part in parts)


def is_free(root: Path, path: str) -> bool:
    """Return whether a file can be made without being in the way of another: ``a`` may be beside ``a/b``."""
    whole = root / path
    if os.path.lexists(whole):
        return False
    nearest = next(parent for parent in whole.parents if os.path.lexists(parent))
    return nearest.is_dir() and not nearest.is_symlink()
