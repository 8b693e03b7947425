"""Files that a training has left, which may be anything: a link to elsewhere, or a pipe that nobody writes to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_left(path: Path) -> BinaryIO:
    """Open a regular file to read its bytes; never waits, and follows no link of this name.

    Raises:
        OSError: It is something else, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def beginning_of(path: Path, most: int) -> str:
    """Return the first characters of a text, without white space around them; nothing if there is no such file.

    Args:
        path: The file.
        most: How many characters.
    """
    try:
        with open_left(path) as file:
            content = file.read(4 * most)  # no character of UTF-8 is longer
    except OSError:
        return ""
    return content.decode("utf-8", "replace")[:most].strip()
