"""What is kept of an emulator's state, as rows of one SQLite file.

What happens is noted at once and written together by :meth:`Records.commit`, before anybody is told of it. So a job that
changes often costs little, and an emulator that is killed loses only what no client had heard of.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Final

from smtune.errors import StoreError
from smtune.store.filesystem import network_filesystem

Write = Callable[[sqlite3.Cursor], object]
"""Changes rows, when it is time to."""

Row = tuple[Any, ...]

_APPLICATION_ID: Final = 0x736D7465
"""``smte`` in ASCII: tells an emulator's file from other programs' SQLite files."""
_VERSION: Final = 1

_TABLES: Final = """
CREATE TABLE training (id INTEGER PRIMARY KEY, place TEXT NOT NULL, name TEXT NOT NULL, request TEXT NOT NULL,
  arn TEXT NOT NULL, tuning_job TEXT, created_at REAL NOT NULL, state TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX training_name ON training (place, name) WHERE NOT deleted;
CREATE TABLE tuning (id INTEGER PRIMARY KEY, place TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL,
  request TEXT NOT NULL, created_at REAL NOT NULL, state TEXT NOT NULL, UNIQUE (place, name));
CREATE TABLE tags (place TEXT NOT NULL, arn TEXT NOT NULL, tags TEXT NOT NULL, PRIMARY KEY (place, arn));
CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, stream TEXT NOT NULL, at REAL NOT NULL,
  lines TEXT NOT NULL);
CREATE INDEX line_stream ON line (place, stream, at);
CREATE TABLE metric (id INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, training TEXT NOT NULL, name TEXT NOT NULL,
  value REAL NOT NULL, at REAL NOT NULL);
CREATE INDEX metric_training ON metric (place, training);
CREATE TABLE bucket (place TEXT NOT NULL, name TEXT NOT NULL, region TEXT NOT NULL, created_at REAL NOT NULL,
  PRIMARY KEY (place, name));
CREATE TABLE object (place TEXT NOT NULL, bucket TEXT NOT NULL, name BLOB NOT NULL, path TEXT NOT NULL UNIQUE,
  draft TEXT, size INTEGER NOT NULL, etag TEXT NOT NULL, modified_at REAL NOT NULL, members TEXT NOT NULL,
  PRIMARY KEY (place, bucket, name));
CREATE TABLE garbage (path TEXT PRIMARY KEY);
"""
"""A place is an account in a region, ``123456789012/eu-west-1``; for S3, which knows no regions, in a partition."""

_EVERYTHING: Final = ("training", "tuning", "tags", "line", "metric", "bucket", "object", "garbage")


class Records:
    """The rows. Every call may come from any thread.

    Args:
        path: The file; made if it is missing.
        read_only: Never write to it; what is noted is dropped.

    Attributes:
        epoch: Counts how often everything was forgotten. Who notes something says in which epoch it happened.

    Raises:
        StoreError: It is not an emulator's, a newer smtune wrote it, it is damaged, or it cannot be opened.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._using = threading.RLock()
        self._noting = threading.Lock()
        self._noted: dict[Hashable, Write] = {}
        self.epoch = 0
        self._connection = _opened(path, read_only=read_only)

    def note(self, what: Hashable, write: Write, *, epoch: int) -> None:
        """Have something written by the next :meth:`commit`, unless it has been forgotten already.

        Args:
            what: What it is about; an earlier note about the same is void.
            write: Writes it as it is then.
            epoch: When it happened.
        """
        with self._noting:
            if epoch == self.epoch and not self._read_only:
                self._noted[what] = write

    def add(self, write: Write, *, epoch: int) -> None:
        """Have something written by the next :meth:`commit`, whatever else is, unless it has been forgotten already."""
        self.note(object(), write, epoch=epoch)

    def commit(self) -> None:
        """Write what was noted: what this returns from survives the death of the process.

        Raises:
            StoreError: The disk does not let it; the next call tries again.
        """
        with self._using:  # another thread may be about to write what this one's client waits for, and may fail
            if not self._noted:
                return
            with self._noting:
                noted, self._noted = self._noted, {}
            try:
                self._write(list(noted.values()))
            except BaseException:
                with self._noting:
                    self._noted = {**noted, **self._noted}
                raise

    def _write(self, writes: list[Write]) -> None:
        try:
            cursor = self._connection.execute("BEGIN IMMEDIATE")
            try:
                for write in writes:
                    write(cursor)
                cursor.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise
        except sqlite3.Error as error:
            raise _explained(error, self._path) from error

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return what a query finds, with everything that was committed.

        Raises:
            StoreError: The file is damaged.
        """
        with self._using:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise _explained(error, self._path) from error

    def clear(self, *garbage: str) -> None:
        """Forget everything.

        Args:
            garbage: Files and folders that are to be removed; noted in the same moment.

        Raises:
            StoreError: The disk does not let it.
        """
        with self._using:
            with self._noting:
                self._noted = {}
                self.epoch += 1
            writes: list[Write] = [_clearing(table) for table in _EVERYTHING]
            self._write([*writes, *(_throwing_away(path) for path in garbage)])

    def throw_away(self, path: str, *, epoch: int) -> None:
        """Have the next :meth:`commit` write that a file or folder is not needed any more; see :meth:`garbage`."""
        self.add(_throwing_away(path), epoch=epoch)

    def garbage(self) -> list[str]:
        """Return what is to be removed."""
        return [path for (path,) in self.rows("SELECT path FROM garbage")]

    def is_gone(self, path: str) -> None:
        """Have the next :meth:`commit` write that something was removed."""
        self.add(lambda cursor: cursor.execute("DELETE FROM garbage WHERE path = ?", (path,)), epoch=self.epoch)

    def close(self) -> None:
        """Close the file, and note nothing any more. Idempotent."""
        with self._using, self._noting:
            self.epoch += 1
            self._noted = {}
            self._connection.close()


def _clearing(table: str) -> Write:
    return lambda cursor: cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names


def _throwing_away(path: str) -> Write:
    return lambda cursor: cursor.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (path,))


def _opened(path: Path, *, read_only: bool) -> sqlite3.Connection:
    try:
        connection = _connected(path, read_only=read_only)
    except sqlite3.Error as error:
        raise _explained(error, path) from error
    try:
        is_new = _is_new(connection, path)
        if not read_only:
            connection.execute(f"PRAGMA journal_mode = {'DELETE' if network_filesystem(path) else 'WAL'}")
            connection.execute("PRAGMA synchronous = NORMAL")
        if is_new:
            marks = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_VERSION};"
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {marks} COMMIT;")
    except sqlite3.Error as error:
        connection.close()
        raise _explained(error, path) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether a file is empty yet.

    Raises:
        StoreError: It is another program's, or a newer smtune wrote it.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != _APPLICATION_ID and (application or version or tables):
        raise StoreError(f"{path}: is another program's, not an emulator's; name another directory")
    if version > _VERSION:
        text = f"written by a newer smtune (format {version}, this one knows {_VERSION})"
        raise StoreError(f"{path}: {text}; pip install -U smtune")
    return not tables


def _connected(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Return a connection in autocommit mode, for all threads."""
    if not read_only:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    uri = path.absolute().as_uri()
    log = path.with_name(f"{path.name}-wal")
    is_whole = not log.exists() or log.stat().st_size == 0
    # On a read-only disk SQLite cannot set up what readers of a write-ahead log share; nobody can be writing there.
    modes = "mode=ro&immutable=1" if is_whole and not os.access(path.parent, os.W_OK) else "mode=ro"
    return sqlite3.connect(f"{uri}?{modes}", uri=True, isolation_level=None, check_same_thread=False)


def _explained(error: sqlite3.Error, path: Path) -> StoreError:
    code = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        advice = f"is damaged; restore it from a copy, or try to rescue it: sqlite3 {path} .recover"
    elif code.startswith("SQLITE_FULL"):
        advice = "the disk is full; free space"
    else:
        advice = "cannot be used; check the permissions of it and of its directory"
    return StoreError(f"{path}: {advice} ({code}: {error})")
