"""The lease of a job: whoever holds it runs the job, and nobody else does; and that of any other file.

It is a lock of the kernel on a file, so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from smtune.errors import JobBusyError, StoreError
from smtune.store import descriptors
from smtune.store.home import JobDirectory

_FORK_SECONDS = 5.0
"""How long the child of a process that was killed may take to run its own program; it takes milliseconds."""


class FileHeldError(Exception):
    """A file's lease is another's.

    Attributes:
        pid: The id of the process that holds it.
        host: The name of its machine.
    """

    def __init__(self, pid: int, host: str) -> None:
        super().__init__(f"process {pid} on {host}")
        self.pid = pid
        self.host = host


class FileLease:
    """The lock on a file; taken on construction, and given back by :meth:`release` or a ``with`` statement.

    Two leases of one file exclude each other also within one process. Forked children do not inherit it.

    Args:
        path: The file; made if it is missing.

    Raises:
        FileHeldError: Somebody else holds it.
        StoreError: The file system does not let it be locked.
    """

    def __init__(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _lock_error(path, error) from error
        self._descriptor: int | None = descriptors.keep_from_children(descriptor)
        try:
            _lock(descriptor, path)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
        except OSError as error:
            self.release()
            raise _lock_error(path, error) from error
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the lease back. Idempotent."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            descriptors.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


class JobLease(FileLease):
    """The right to run a job.

    Args:
        directory: The job.

    Raises:
        JobBusyError: Somebody else runs it.
        StoreError: The file system does not let it be locked.
    """

    def __init__(self, directory: JobDirectory) -> None:
        try:
            super().__init__(directory.lock)
        except FileHeldError as held:
            name = directory.name
            raise JobBusyError(
                f"job {name} is being run by {held}; "
                f"watch it with `smtune watch {name}`, or stop it with `smtune stop {name}`"
            ) from None


def is_running(directory: JobDirectory) -> int | None:
    """Return the id of the process that runs a job, or ``None`` if none does.

    On a network file system it may be a process of another machine.

    Raises:
        StoreError: The lock cannot be looked at.
    """
    holder = _holder(directory.lock)
    return None if holder is None or holder.is_gone else holder.pid


def await_trials(directory: JobDirectory, *, patience_seconds: float = 30.0) -> None:
    """Wait until no process of a job's trials is left: they end a moment after a process that was killed.

    Args:
        directory: The job, whose lease the caller holds.
        patience_seconds: How long; milliseconds are enough for all but a process that the kernel cannot end.

    Raises:
        JobBusyError: Some are still there.
    """
    if not _is_unlocked_within(patience_seconds, directory.launcher_log):
        raise JobBusyError(
            f"trials of job {directory.name}, whose process was killed, do not end; see `ps` for them, and end them"
        )


def _is_unlocked_within(seconds: float, path: Path) -> bool:
    unlocked = threading.Event()
    # `flock` knows no timeout, so another thread waits for it.
    threading.Thread(target=_await_unlocked, args=(path, unlocked), daemon=True).start()
    return unlocked.wait(seconds)


def _await_unlocked(path: Path, done: threading.Event) -> None:
    import fcntl

    with contextlib.suppress(OSError):  # there is no such file, or it cannot be locked: nobody holds it
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)
    done.set()


@dataclass(frozen=True, slots=True)
class _Holder:
    pid: int
    host: str

    @property
    def is_gone(self) -> bool:
        """Whether it was killed: a child that it had just forked holds the lock until it runs its own program."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def _lock(descriptor: int, path: Path) -> None:
    """Lock a file, or say who has."""
    import fcntl

    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Either a process holds it, or one has just looked whether one does, which takes microseconds.
            holder = _holder(path)
            if holder is not None and not (holder.is_gone and _is_unlocked_within(_FORK_SECONDS, path)):
                raise FileHeldError(holder.pid, holder.host) from None
        else:
            return


def _holder(path: Path) -> _Holder | None:
    """Return who holds the lease.

    A shared lock is refused if and only if somebody holds the exclusive one.
    """
    import fcntl

    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _lock_error(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            words = os.pread(descriptor, 1000, 0).decode(errors="replace").split()
            if len(words) == 2 and words[0].isdigit():
                return _Holder(int(words[0]), words[1])
            # Otherwise its holder is between locking it and writing its name there: look again.
        except OSError as error:
            raise _lock_error(path, error) from error
        else:
            return None
        finally:
            os.close(descriptor)


def _lock_error(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot be locked: {error.strerror}; make room and access, or set SMTUNE_HOME to a local disk"
    )
