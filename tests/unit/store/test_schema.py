import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from smtune.errors import StoreError
from smtune.store import JobDirectory, JobStore, Suggested
from smtune.store.connection import connect
from smtune.store.schema import MIGRATIONS, version_of
from tests.unit.store.histories import sql

NEWEST = len(MIGRATIONS) + 1


def rename_origins(cursor: sqlite3.Cursor) -> None:
    """Be the next version of the format: what was ``random`` is now called ``uniform``."""
    cursor.execute("""UPDATE event SET body = replace(body, '"random"', '"uniform"') WHERE kind = 'Suggested'""")


def fail_half_way(cursor: sqlite3.Cursor) -> None:
    rename_origins(cursor)
    cursor.execute("SELECT * FROM no_such_table")


@pytest.fixture
def older_file(store: JobStore, directory: JobDirectory) -> Path:
    store.append([Suggested(0, {"eta": 0.1}, "random", at=1.0)])
    store.close()
    return directory.database


def test_older_file_is_brought_up_to_date(older_file: Path) -> None:
    connection = connect(older_file, read_only=False, migrations=(*MIGRATIONS, rename_origins))
    with JobStore(connection, older_file) as store:
        assert version_of(connection) == NEWEST
        assert store.trial(0).origin == "uniform"
        assert [event.origin for event in store.events() if isinstance(event, Suggested)] == ["uniform"]
    assert sql(older_file, "PRAGMA user_version") == [(NEWEST,)]


def test_older_file_that_is_only_read_is_not_changed(older_file: Path) -> None:
    before = older_file.read_bytes()
    connection = connect(older_file, read_only=True, migrations=(*MIGRATIONS, rename_origins))
    with JobStore(connection, older_file) as store:
        assert store.trial(0).origin == "uniform"
    assert older_file.read_bytes() == before


def test_file_from_before_warm_starts_is_read_and_brought_up_to_date(older_file: Path) -> None:
    sql(older_file, "ALTER TABLE job DROP COLUMN warm_start", "PRAGMA user_version = 1")
    for read_only in (True, False):
        with JobStore.open(older_file, read_only=read_only) as store:
            assert store.job().warm_start is None
            assert store.trial(0).origin == "random"
    assert sql(older_file, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_migration_that_fails_leaves_the_file_as_it_was(older_file: Path) -> None:
    with pytest.raises(StoreError, match="no such table"):
        connect(older_file, read_only=False, migrations=(*MIGRATIONS, fail_half_way))
    with JobStore.open(older_file) as store:
        assert store.trial(0).origin == "random"


def test_file_of_today_is_not_migrated(older_file: Path) -> None:
    with closing(connect(older_file, read_only=False)) as connection:
        changes = connection.total_changes
    assert changes == 0
