"""Waits until files change, without asking over and over.

Linux tells by inotify. Elsewhere, and on network file systems, which tell nothing of other machines' writes, the
files are looked at twice a second.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import math
import os
import select
import struct
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from smtune.store.filesystem import network_filesystem

_LOOK_SECONDS = 0.5


class FileWatch:
    """Wakes its caller when one of some files changes; to be closed, or used in a ``with`` statement.

    Args:
        paths: Files, or directories for whatever happens to the files in them. They need not exist yet.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = [path.resolve() for path in paths]
        self._watch = _best_watch(self._paths)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until a file was created, written or replaced since the last call, or since construction.

        Args:
            timeout: Seconds; ``None`` waits for as long as it takes.

        Returns:
            ``False`` if the time is over. ``True`` may come once too often, never too rarely.
        """
        try:
            return self._watch.wait(timeout)
        except OSError:
            # The kernel has no watch to spare for a directory that is new.
            self._watch.close()
            self._watch = Looking(self._paths)
            return True

    def close(self) -> None:
        """Watch no more. Idempotent."""
        self._watch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Watch(Protocol):
    def wait(self, timeout: float | None) -> bool: ...

    def close(self) -> None: ...


def _best_watch(paths: list[Path]) -> _Watch:
    if sys.platform == "linux" and not any(network_filesystem(path) for path in paths):
        try:
            return Notified(paths)
        except OSError:  # no watches left for this user
            pass
    return Looking(paths)


class Looking:
    """Compares size and time of the files twice a second; works everywhere."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._seen = self._look()
        self._never = threading.Event()

    def wait(self, timeout: float | None) -> bool:
        """Block until a file differs from the last look."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            now = self._look()
            if now != self._seen:
                self._seen = now
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._never.wait(min(_LOOK_SECONDS, left))

    def close(self) -> None:
        """Nothing is held."""

    def _look(self) -> list[tuple[str, int, int, int]]:
        seen = []
        for path in self._paths:
            with contextlib.suppress(OSError):
                for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                    with contextlib.suppress(OSError):
                        status = file.stat()
                        seen.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
        return seen


class Notified:
    """Linux's inotify, on the directories of the files; on the nearest one above where a directory is yet to come."""

    _MODIFY, _MOVED_TO, _CREATE = 0x2, 0x80, 0x100
    _OVERFLOW, _IGNORED = 0x4000, 0x8000
    _HEADER = struct.Struct("iIII")

    def __init__(self, paths: list[Path]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._paths = paths
        self._directories: dict[int, Path] = {}
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        try:
            self._arm()
        except OSError:
            self.close()
            raise

    def wait(self, timeout: float | None) -> bool:
        """Block until the kernel tells of one of the files."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._poll.poll(None if left is None else math.ceil(left * 1000)):
                return False
            # Both, always: what has just appeared may be a directory on the way to a file.
            concerned = self._read()
            if self._arm() or concerned:
                return True

    def close(self) -> None:
        """Close the kernel's queue. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> bool:
        """Return whether what the kernel has to tell concerns one of the files."""
        told = os.read(self._descriptor, 65536)
        concerned, position = False, 0
        while position < len(told):
            watch, mask, _, length = self._HEADER.unpack_from(told, position)
            position += self._HEADER.size
            name = os.fsdecode(told[position : position + length].rstrip(b"\0"))
            position += length
            if mask & (self._OVERFLOW | self._IGNORED):
                self._directories.pop(watch, None)
                concerned = True
            else:
                directory = self._directories.get(watch)
                concerned |= directory is not None and (directory in self._paths or directory / name in self._paths)
        return concerned

    def _arm(self) -> bool:
        """Watch the directory nearest to each file; return whether there is one that was not watched before."""
        before = set(self._directories)
        for path in self._paths:
            nearest = None
            # A directory may appear between the look and the watch.
            while nearest != (nearest := _nearest_directory(path)):
                mask = self._MODIFY | self._MOVED_TO | self._CREATE
                watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(nearest), mask)
                if watch < 0 and ctypes.get_errno() == errno.ENOENT:
                    nearest = None
                else:
                    self._directories[self._checked(watch)] = nearest
        return not before.issuperset(self._directories)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result


def _nearest_directory(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.is_dir())
