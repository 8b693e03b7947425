"""Makes the file of a new job: all of it or nothing, and only one job per name."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from smtune.errors import JobExistsError, StoreError
from smtune.store.connection import connect, create_file
from smtune.store.home import JobDirectory, namesake
from smtune.store.trouble import explained


def create_database(directory: JobDirectory, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Create the file of a job under another name, and rename it when it is complete.

    Where that fails, a directory without anything in it is removed again.

    Args:
        directory: Where; made if it is missing. What an interrupted creation left there is replaced.
        fill: Writes what the file shall hold from the first moment on, and closes the connection.

    Raises:
        JobExistsError: There is a job of this name, or of one that differs only in case.
        StoreError: The file system does not let it.
    """
    directory.make()
    draft = directory.database.with_name(directory.database.name + ".new")
    try:
        with _only_one(directory), _gone_if_empty(directory.path):
            directory.make()  # a failed creation may have removed it before this one's turn
            taken = namesake(directory.name, directory.root)
            if taken is not None:
                raise _exists(taken)
            try:
                fill(create_file(draft))
                _sync(draft)
                draft.replace(directory.database)
            finally:
                draft.unlink(missing_ok=True)
            _sync(directory.path)  # the rename itself
    except sqlite3.Error as error:
        raise explained(error, directory.database, creating=True) from error
    except StoreError as error:
        if isinstance(error.__cause__, sqlite3.Error):  # `fill` took it for the trouble of a job that is there
            raise explained(error.__cause__, directory.database, creating=True) from error.__cause__
        raise
    except OSError as error:
        raise StoreError(
            f"{directory.database}: cannot be created: {error.strerror}; "
            "make room and access, or set SMTUNE_HOME to another disk"
        ) from error


def _exists(taken: JobDirectory) -> JobExistsError:
    status = _status(taken)
    fix = "take another name"
    if status in ("InProgress", "Stopped"):
        fix += f", or go on with it: smtune resume {taken.name}"
    known = "" if status is None else f" ({status})"
    return JobExistsError(f'there is a job "{taken.name}" already{known}, in {taken.path}; {fix}')


def _status(job: JobDirectory) -> str | None:
    """Return the status of an existing job, or ``None`` if its file cannot be read."""
    try:
        with closing(connect(job.database, read_only=True)) as connection:
            (status,) = connection.execute("SELECT status FROM job").fetchone()
            return str(status)
    except (StoreError, sqlite3.Error, TypeError):
        return None


@contextlib.contextmanager
def _gone_if_empty(path: Path) -> Iterator[None]:
    """Remove a directory if the block fails and leaves nothing in it."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # not empty, most often
            path.rmdir()
        raise


@contextlib.contextmanager
def _only_one(directory: JobDirectory) -> Iterator[None]:
    """Let one process at a time look whether a name is free and take it; the kernel lets go of a dead one's lock."""
    import fcntl

    descriptor = os.open(directory.path.parent / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    """Have a file or a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
