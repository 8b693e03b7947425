"""Opens the SQLite file of a job: checks that it is one, brings it up to date, and chooses its journal."""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Sequence
from pathlib import Path

from smtune.errors import StoreError
from smtune.store.filesystem import StoreWarning, network_filesystem
from smtune.store.schema import APPLICATION_ID, MIGRATIONS, Migration, upgrade, version_of
from smtune.store.trouble import damaged, explained

_BUSY_SECONDS = 30.0


def connect(path: Path, *, read_only: bool, migrations: Sequence[Migration] = MIGRATIONS) -> sqlite3.Connection:
    """Open the file of a job.

    Args:
        path: The file.
        read_only: Never write to it. One of an older smtune is then brought up to date in memory, as it now stands.
        migrations: Those of this smtune.

    Returns:
        A connection in autocommit mode, for the calling thread only.

    Raises:
        StoreError: There is no such file, it is not a job's, a newer smtune wrote it, or it is damaged.
    """
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file; see `smtune list` for the jobs that are here")
    try:
        connection = _open(path, read_only=read_only)
    except sqlite3.Error as error:
        raise explained(error, path) from error
    try:
        _check(connection, path, len(migrations))
        if not read_only:
            _check_pages(connection, path)
            _choose_journal(connection, path)
            connection.execute("PRAGMA foreign_keys = ON")
        if version_of(connection) < len(migrations):
            if read_only:
                connection = _in_memory(connection)
            upgrade(connection, migrations)
    except sqlite3.Error as error:
        connection.close()
        raise explained(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def create_file(path: Path) -> sqlite3.Connection:
    """Create an empty job file, to be closed, synced and renamed: only then is it worth something.

    Args:
        path: Replaced if it exists.
    """
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # Nobody looks at the file before it is whole, so it needs no journal on disk that could outlive it.
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        upgrade(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    try:
        return _tried(f"{path.as_uri()}?mode={mode}")
    except sqlite3.OperationalError as error:
        # On a read-only disk SQLite cannot set up what readers of a write-ahead log share. Nobody can be writing
        # there either, so the file can be read as it is, unless its last writes are still beside it.
        refused = error.sqlite_errorname.startswith("SQLITE_CANTOPEN") and not os.access(path.parent, os.W_OK)
        if read_only and refused and not _has_unmerged_writes(path):
            return _tried(f"{path.as_uri()}?mode=ro&immutable=1")
        raise


def _has_unmerged_writes(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _tried(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path, known: int) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(f"{path}: is not the log of a job, but empty or another program's; name another file")
    version = version_of(connection)
    if version > known:
        raise StoreError(
            f"{path}: written by a newer smtune (format {version}, this one knows {known}); pip install -U smtune"
        )


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse to add to a damaged file; takes some 10 ms per 10,000 trials."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise damaged(path, verdict)


def _choose_journal(connection: sqlite3.Connection, path: Path) -> None:
    network = network_filesystem(path)
    wanted = "delete" if network else "wal"
    (got,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if got == 'wal' else 'FULL'}")
    if got != "wal":
        where = f"is on a network file system ({network})" if network else "is on a disk without shared memory"
        warnings.warn(
            f"{path} {where}: every event takes milliseconds, and only one machine may run the job; "
            "set SMTUNE_HOME to a local disk",
            StoreWarning,
            stacklevel=4,
        )


def _in_memory(connection: sqlite3.Connection) -> sqlite3.Connection:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    connection.close()
    return copy
