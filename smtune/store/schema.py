"""The versions of a job's file, and how a file of an older smtune becomes one of today."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from smtune.store.projections import rebuild

APPLICATION_ID = 0x736D7475
"""``smtu`` in ASCII: tells a job's file from other programs' SQLite files."""

Migration = Callable[[sqlite3.Cursor], None]
"""Brings the log, and only the log, from one version to the next; projections are told anew from it."""


def _create_log(cursor: sqlite3.Cursor) -> None:
    cursor.execute(
        "CREATE TABLE event (seq INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, trial INTEGER,"
        " body TEXT NOT NULL)"
    )


def _know_of_warm_starts(_cursor: sqlite3.Cursor) -> None:
    """Change nothing: the log has one more kind of event, and its projections a place for it."""


def _know_of_settings(_cursor: sqlite3.Cursor) -> None:
    """Change nothing: the first event of a log may tell more."""


MIGRATIONS: Sequence[Migration] = (_create_log, _know_of_warm_starts, _know_of_settings)
"""The n-th brings a file from version n to n + 1."""


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a file; 0 for an empty one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def upgrade(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a file to the latest version, all or nothing.

    Args:
        connection: In autocommit mode.
        migrations: Those of this smtune.
    """
    cursor = connection.execute("BEGIN IMMEDIATE")
    try:
        # Read inside the transaction: another process may have been faster.
        outstanding = migrations[version_of(connection) :]
        for migrate in outstanding:
            migrate(cursor)
        if outstanding:
            rebuild(cursor)
            cursor.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            cursor.execute(f"PRAGMA user_version = {len(migrations)}")
        cursor.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
