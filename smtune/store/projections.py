"""What the log says now, kept in tables of its own and brought up to date with every event.

One function per kind of event; all run in the transaction that appends the event, so log and projections never
differ. :func:`rebuild` tells the whole log anew to empty tables.

Columns hold numbers and statuses as they are. Free text and mappings are JSON, which keeps what SQLite cannot: the
undecodable bytes of a log line, a step beyond 64 bits.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from smtune.store.events import (
    Enqueued,
    JobCreated,
    JobEnded,
    JobEvent,
    JobStarted,
    StopRequested,
    Suggested,
    TrialEnded,
    TrialMeasured,
    TrialStarted,
    decode_event,
    encode_json,
)

_TABLES = """
DROP TABLE IF EXISTS measurement;
DROP TABLE IF EXISTS trial;
DROP TABLE IF EXISTS job;
CREATE TABLE job (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    backend TEXT NOT NULL,
    spec TEXT NOT NULL,
    seed TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    stop_requested INTEGER NOT NULL
);
CREATE TABLE trial (
    number INTEGER PRIMARY KEY,
    parameters TEXT NOT NULL,
    origin TEXT NOT NULL,
    repeat INTEGER NOT NULL,
    status TEXT NOT NULL,
    objective REAL,
    metrics TEXT NOT NULL,
    step TEXT,
    started_at REAL,
    ended_at REAL,
    failure_reason TEXT,
    log_tail TEXT NOT NULL
);
CREATE TABLE measurement (
    trial INTEGER NOT NULL REFERENCES trial (number),
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (trial, seq)
) WITHOUT ROWID;
"""

_INSERT_JOB = "INSERT INTO job VALUES (1, ?, ?, ?, ?, 'InProgress', NULL, ?, NULL, NULL, 0)"
_START_JOB = (
    "UPDATE job SET status = 'InProgress', reason = NULL, started_at = coalesce(started_at, ?), ended_at = NULL,"
    " stop_requested = 0"
)
_INSERT_TRIAL = "INSERT INTO trial VALUES (?, ?, ?, ?, 'InProgress', NULL, '{}', NULL, NULL, NULL, NULL, '[]')"
_START_TRIAL = (
    "UPDATE trial SET status = 'InProgress', objective = NULL, metrics = '{}', step = NULL, started_at = ?,"
    " ended_at = NULL, failure_reason = NULL, log_tail = '[]' WHERE number = ?"
)
_MEASURE_TRIAL = "UPDATE trial SET metrics = ?, step = coalesce(?, step) WHERE number = ?"
_END_TRIAL = (
    "UPDATE trial SET status = ?, objective = ?, ended_at = ?, failure_reason = ?, log_tail = ? WHERE number = ?"
)


def project(cursor: sqlite3.Cursor, seq: int, event: JobEvent, body: str) -> None:
    """Bring the projections up to date with one event.

    Args:
        cursor: Inside the transaction that appends the event.
        seq: Its place in the log.
        event: What happened.
        body: The event's body as it stands in the log.

    Raises:
        ValueError: The event speaks of a trial that was never suggested.
        sqlite3.IntegrityError: The job, or the trial, exists already.
    """
    _PROJECT[type(event)](cursor, seq, event, body)


def rebuild(cursor: sqlite3.Cursor) -> None:
    """Make the projections anew and tell them the whole log.

    Args:
        cursor: Inside a transaction.
    """
    for statement in _TABLES.split(";"):
        cursor.execute(statement)
    log = cursor.connection.execute("SELECT at, kind, trial, body, seq FROM event ORDER BY seq")
    for at, kind, trial, body, seq in log:
        project(cursor, seq, decode_event(kind, at, trial, body), body)


def _create_job(cursor: sqlite3.Cursor, _seq: int, event: JobCreated, _body: str) -> None:
    row = (event.name, event.backend, encode_json(event.spec), str(event.seed), event.at)
    cursor.execute(_INSERT_JOB, row)


def _start_job(cursor: sqlite3.Cursor, _seq: int, event: JobStarted, _body: str) -> None:
    cursor.execute(_START_JOB, (event.at,))


def _request_stop(cursor: sqlite3.Cursor, _seq: int, _event: StopRequested, _body: str) -> None:
    cursor.execute("UPDATE job SET stop_requested = 1")


def _end_job(cursor: sqlite3.Cursor, _seq: int, event: JobEnded, _body: str) -> None:
    row = (event.status, encode_json(event.reason), event.at)
    cursor.execute("UPDATE job SET status = ?, reason = ?, ended_at = ?", row)


def _enqueue(_cursor: sqlite3.Cursor, _seq: int, _event: Enqueued, _body: str) -> None:
    """Change nothing: an enqueued configuration shows once it is suggested."""


def _suggest(cursor: sqlite3.Cursor, _seq: int, event: Suggested, _body: str) -> None:
    row = (event.number, encode_json(event.parameters), encode_json(event.origin), event.repeat)
    cursor.execute(_INSERT_TRIAL, row)


def _start_trial(cursor: sqlite3.Cursor, _seq: int, event: TrialStarted, _body: str) -> None:
    _require(cursor.execute(_START_TRIAL, (event.at, event.number)), event)
    cursor.execute("DELETE FROM measurement WHERE trial = ?", (event.number,))


def _measure(cursor: sqlite3.Cursor, seq: int, event: TrialMeasured, body: str) -> None:
    last = cursor.execute("SELECT metrics FROM trial WHERE number = ?", (event.number,)).fetchone()
    metrics = {**json.loads(last[0]), **event.metrics} if last else event.metrics
    step = None if event.step is None else str(event.step)
    _require(cursor.execute(_MEASURE_TRIAL, (encode_json(metrics), step, event.number)), event)
    cursor.execute("INSERT INTO measurement VALUES (?, ?, ?, ?)", (event.number, seq, event.at, body))


def _end_trial(cursor: sqlite3.Cursor, _seq: int, event: TrialEnded, _body: str) -> None:
    # SQLite turns nan into NULL; as text it stays what it is, and float() reads both.
    objective = "NaN" if event.objective != event.objective else event.objective
    row = (
        event.status.value,
        objective,
        event.at,
        encode_json(event.reason),
        encode_json(event.log_tail),
        event.number,
    )
    _require(cursor.execute(_END_TRIAL, row), event)


def _require(updated: sqlite3.Cursor, event: TrialStarted | TrialMeasured | TrialEnded) -> None:
    if updated.rowcount == 0:
        raise ValueError(f"trial {event.number} was never suggested; append Suggested before {type(event).__name__}")


_PROJECT: dict[type[JobEvent], Callable[[sqlite3.Cursor, int, Any, str], None]] = {
    JobCreated: _create_job,
    JobStarted: _start_job,
    StopRequested: _request_stop,
    JobEnded: _end_job,
    Enqueued: _enqueue,
    Suggested: _suggest,
    TrialStarted: _start_trial,
    TrialMeasured: _measure,
    TrialEnded: _end_trial,
}
