"""The store of one job: its log and what the log says now."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from smtune.errors import JobError
from smtune.store.connection import connect
from smtune.store.creation import create_database
from smtune.store.events import JobCreated, JobEvent, decode_event, encode_body
from smtune.store.home import JobDirectory
from smtune.store.projections import project, rebuild
from smtune.store.records import (
    JOB_COLUMNS,
    MEASUREMENT_COLUMNS,
    TRIAL_COLUMNS,
    JobRecord,
    Row,
    job_of,
    log_tail_of,
    measurement_of,
    trial_of,
)
from smtune.store.trouble import damaged, explained
from smtune.trial import Measurement, Trial, TrialStatus

_INSERT_EVENT = "INSERT INTO event (at, kind, trial, body) VALUES (?, ?, ?, ?)"
_CHUNK = 1000

Made = TypeVar("Made")


class JobStore:
    """Keeps everything that happens to one job, in one SQLite file.

    Events are only ever added. An event that :meth:`append` has returned from survives the death of the process;
    with ``durable`` it survives a power cut too, and so does everything before it. One process writes (see
    :class:`smtune.store.JobLease`), any number read at the same time, each through a store that it opened itself.

    A store belongs to the thread that opened it; another thread that uses it gets a ``RuntimeError``. It
    must not be used after a ``fork``.

    Use :meth:`create` or :meth:`open`, and :meth:`close` it, or use it in a ``with`` statement.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        (self._synchronous,) = connection.execute("PRAGMA synchronous").fetchone()

    @classmethod
    def create(cls, directory: JobDirectory, event: JobCreated, *further: JobEvent) -> Self:
        """Create a job: either it is all there afterwards, or nothing of it.

        Args:
            directory: Where; made if it is missing. What an interrupted creation left there is in nobody's way.
            event: The first event of its log.
            further: Those that follow it at once.

        Returns:
            Its store, open for writing.

        Raises:
            JobExistsError: There is a job of this name, or of one that differs only in case.
            StoreError: The file system does not let it.
        """

        def fill(connection: sqlite3.Connection) -> None:
            with cls(connection, directory.database) as store:
                store.append([event, *further])

        create_database(directory, fill)
        return cls.open(directory)

    @classmethod
    def open(cls, place: JobDirectory | Path, *, read_only: bool = False) -> Self:
        """Open the store of an existing job.

        Args:
            place: The job, or its file.
            read_only: Never write to it; what others write shows in the next call.

        Raises:
            StoreError: There is no such file, it is not a job's, a newer smtune wrote it, or it is damaged.

        Warns:
            StoreWarning: It is opened for writing on a network file system.
        """
        path = (place.database if isinstance(place, JobDirectory) else place).absolute()
        return cls(connect(path, read_only=read_only), path)

    def append(self, events: Sequence[JobEvent], *, durable: bool = False) -> None:
        """Add events to the log, all or none of them.

        Args:
            events: In the order in which they happened.
            durable: Return only when they are on the disk itself. Takes milliseconds: for events that start paid work.

        Raises:
            StoreError: They could not be written, e.g. because the disk is full; the log is as it was before.
            TypeError: An event holds a value that is not plain JSON.
            ValueError: They contradict the log, e.g. measure a trial that was never suggested.
        """
        rows = [(type(event).__name__, getattr(event, "number", None), encode_body(event), event) for event in events]
        if durable:
            self._rows("PRAGMA synchronous = FULL")
        try:
            with self._transaction() as cursor:
                for kind, number, body, event in rows:
                    cursor.execute(_INSERT_EVENT, (event.at, kind, number, body))
                    project(cursor, cursor.lastrowid or 0, event, body)
        finally:
            if durable:
                self._rows(f"PRAGMA synchronous = {self._synchronous}")

    def events(self, *, after: int = 0) -> Iterator[JobEvent]:
        """Yield the log from the first event to the last, also those that are added meanwhile.

        Args:
            after: Leave out this many at the beginning, e.g. those already seen.

        Raises:
            StoreError: The file is damaged.
        """
        while rows := self._rows(
            "SELECT kind, at, trial, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?", after, _CHUNK
        ):
            for row in rows:
                try:
                    event = decode_event(*row)
                except (KeyError, TypeError, ValueError) as error:
                    raise damaged(self._path, f"event {after + 1}: {error!r}") from error
                # Events are never deleted, so their sequence numbers have no gaps.
                after += 1
                yield event

    def rebuild(self) -> None:
        """Make everything that the other methods return anew from the log.

        Raises:
            StoreError: The file cannot be written, or is damaged.
        """
        with self._transaction() as cursor:
            rebuild(cursor)

    def job(self) -> JobRecord:
        """Return the job as it stands."""
        (job,) = self._read(job_of, f"SELECT {JOB_COLUMNS} FROM job")  # noqa: S608 - our own column names
        return job

    def trials(self) -> list[Trial]:
        """Return all trials as they stand, by number.

        The objective is the one that a trial ended with: ``None`` while it runs.
        """
        return self._read(trial_of, f"SELECT {TRIAL_COLUMNS} FROM trial ORDER BY number")  # noqa: S608 - as above

    def trial(self, number: int) -> Trial:
        """Return one trial as it stands.

        Raises:
            JobError: There is no such trial.
        """
        sql = f"SELECT {TRIAL_COLUMNS} FROM trial WHERE number = ?"  # noqa: S608 - as above
        return self._one(trial_of, sql, number)

    def measurements(self, number: int) -> list[Measurement]:
        """Return what a trial reported, in order; after a fresh start, only what it reported since.

        Raises:
            JobError: There is no such trial.
        """
        sql = f"SELECT {MEASUREMENT_COLUMNS} FROM measurement WHERE trial = ? ORDER BY seq"  # noqa: S608 - as above
        found = self._read(measurement_of, sql, number)
        if not found:
            self.trial(number)
        return found

    def log_tail(self, number: int) -> tuple[str, ...]:
        """Return the last log lines of a trial that failed; none of another.

        Raises:
            JobError: There is no such trial.
        """
        return self._one(log_tail_of, "SELECT ended FROM trial WHERE number = ?", number)

    def counts(self) -> dict[TrialStatus, int]:
        """Return the number of trials by status, for every status."""
        found: dict[str, int] = dict(self._rows("SELECT status, count(*) FROM trial GROUP BY status"))
        return {status: found.get(status, 0) for status in TrialStatus}

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<JobStore {str(self._path)!r}>"

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """Commit what is done in the block, or nothing of it."""
        try:
            # Closed at once: a failed statement would keep the file open for as long as somebody keeps its error.
            with contextlib.closing(self._connection.cursor()) as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                cursor.execute("COMMIT")
        except BaseException as error:
            # A full or failing disk may have rolled back already, or may fail here too: the first error counts.
            with contextlib.suppress(sqlite3.Error):
                self._connection.rollback()
            if isinstance(error, sqlite3.Error):
                raise explained(error, self._path) from error
            raise

    def _rows(self, sql: str, *values: object) -> list[Row]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise explained(error, self._path) from error

    def _read(self, make: Callable[[Row], Made], sql: str, *values: object) -> list[Made]:
        rows = self._rows(sql, *values)
        try:
            return [make(row) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(self._path, repr(error)) from error

    def _one(self, make: Callable[[Row], Made], sql: str, number: int) -> Made:
        found = self._read(make, sql, number)
        if found:
            return found[0]
        count = sum(self.counts().values())
        has = f"its trials are 0 to {count - 1}" if count else "it has none yet"
        raise JobError(f"job {self._path.parent.name} has no trial {number}; {has}")
