"""What the log says now, kept in tables of its own and brought up to date with every event.

One function per kind of event; all run in the transaction that appends the event, so log and projections never
differ. :func:`rebuild` tells the whole log anew to empty tables.

Columns named after an event hold its body as it stands in the log: JSON keeps what SQLite cannot, such as nan, the
undecodable bytes of a log line, or a step beyond 64 bits.
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
    TrialPromoted,
    TrialStarted,
    WarmStarted,
    decode_event,
    encode_json,
)

_TABLES = """
DROP TABLE IF EXISTS measurement;
DROP TABLE IF EXISTS trial;
DROP TABLE IF EXISTS job;
CREATE TABLE job (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    created TEXT NOT NULL,
    created_at REAL NOT NULL,
    warm_start TEXT NOT NULL DEFAULT 'null',
    status TEXT NOT NULL DEFAULT 'InProgress',
    started_at REAL,
    stop_requested INTEGER NOT NULL DEFAULT 0,
    ended TEXT,
    ended_at REAL
);
CREATE TABLE trial (
    number INTEGER PRIMARY KEY,
    suggested TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'InProgress',
    started_at REAL,
    metrics TEXT NOT NULL DEFAULT '{}',
    step TEXT NOT NULL DEFAULT 'null',
    ended TEXT,
    ended_at REAL,
    promoted INTEGER NOT NULL DEFAULT 0,
    resource INTEGER,
    seconds_before REAL NOT NULL DEFAULT 0
);
CREATE TABLE measurement (
    trial INTEGER NOT NULL REFERENCES trial (number),
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    measured TEXT NOT NULL,
    PRIMARY KEY (trial, seq)
) WITHOUT ROWID;
"""

_START_JOB = (
    "UPDATE job SET status = 'InProgress', started_at = coalesce(started_at, ?), stop_requested = 0, ended = NULL,"
    " ended_at = NULL"
)
_START_TRIAL = (
    "UPDATE trial SET status = 'InProgress', started_at = ?, metrics = '{}', step = 'null', ended = NULL,"
    " ended_at = NULL WHERE number = ?"
)
# What it reported before its pause stays, up to where it goes on; see `_measure`.
_RESTART_TRIAL = (
    "UPDATE trial SET status = 'InProgress', started_at = ?, ended = NULL, ended_at = NULL, promoted = ?"
    " WHERE number = ? AND promoted > 0"
)
_PROMOTE_TRIAL = (
    "UPDATE trial SET status = 'InProgress', promoted = ?, resource = ?,"
    " seconds_before = seconds_before + coalesce(max(0.0, ended_at - started_at), 0.0), started_at = NULL, ended = NULL,"
    " ended_at = NULL WHERE number = ?"
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
        sqlite3.IntegrityError: The job, or the trial, is there already.
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


def _create_job(cursor: sqlite3.Cursor, _seq: int, event: JobCreated, body: str) -> None:
    cursor.execute("INSERT INTO job (id, created, created_at) VALUES (1, ?, ?)", (body, event.at))


def _start_warm(cursor: sqlite3.Cursor, _seq: int, event: WarmStarted, _body: str) -> None:
    # What was learned may be long, and only the one who runs the job needs it.
    cursor.execute("UPDATE job SET warm_start = ?", (encode_json({"type": event.type, "parents": event.parents}),))


def _start_job(cursor: sqlite3.Cursor, _seq: int, event: JobStarted, _body: str) -> None:
    cursor.execute(_START_JOB, (event.at,))


def _request_stop(cursor: sqlite3.Cursor, _seq: int, _event: StopRequested, _body: str) -> None:
    cursor.execute("UPDATE job SET stop_requested = 1")


def _end_job(cursor: sqlite3.Cursor, _seq: int, event: JobEnded, body: str) -> None:
    cursor.execute("UPDATE job SET status = ?, ended = ?, ended_at = ?", (event.status, body, event.at))


def _enqueue(_cursor: sqlite3.Cursor, _seq: int, _event: Enqueued, _body: str) -> None:
    """Change nothing: an enqueued configuration shows once it is suggested."""


def _suggest(cursor: sqlite3.Cursor, _seq: int, event: Suggested, body: str) -> None:
    row = (event.number, body, event.resource)
    cursor.execute("INSERT INTO trial (number, suggested, resource) VALUES (?, ?, ?)", row)


def _promote_trial(cursor: sqlite3.Cursor, seq: int, event: TrialPromoted, _body: str) -> None:
    _require(cursor.execute(_PROMOTE_TRIAL, (seq, event.resource, event.number)), event)


def _start_trial(cursor: sqlite3.Cursor, seq: int, event: TrialStarted, _body: str) -> None:
    if cursor.execute(_RESTART_TRIAL, (event.at, seq, event.number)).rowcount == 0:
        _require(cursor.execute(_START_TRIAL, (event.at, event.number)), event)
        cursor.execute("DELETE FROM measurement WHERE trial = ?", (event.number,))


def _measure(cursor: sqlite3.Cursor, seq: int, event: TrialMeasured, body: str) -> None:
    known = cursor.execute("SELECT metrics, step, promoted FROM trial WHERE number = ?", (event.number,)).fetchone()
    if known is None:
        raise _unknown(event)
    if known[2]:
        _go_on(cursor, event, known[2])
    metrics = encode_json({**json.loads(known[0]), **event.metrics})
    step = known[1] if event.step is None else str(event.step)
    cursor.execute("UPDATE trial SET metrics = ?, step = ? WHERE number = ?", (metrics, step, event.number))
    cursor.execute("INSERT INTO measurement VALUES (?, ?, ?, ?)", (event.number, seq, event.at, body))


def _go_on(cursor: sqlite3.Cursor, event: TrialMeasured, started: int) -> None:
    """Drop what the first report since a trial went on comes back to: its code does that part once more."""
    own = (event.number, started)
    if cursor.execute("SELECT 1 FROM measurement WHERE trial = ? AND seq > ? LIMIT 1", own).fetchone() is not None:
        return
    found = cursor.execute("SELECT seq, measured FROM measurement WHERE trial = ?", (event.number,)).fetchall()
    steps = [(seq, json.loads(measured)["step"]) for seq, measured in found]
    again = [seq for seq, step in steps if (step is None if event.step is None else step is None or step >= event.step)]
    cursor.executemany("DELETE FROM measurement WHERE trial = ? AND seq = ?", [(event.number, seq) for seq in again])


def _end_trial(cursor: sqlite3.Cursor, _seq: int, event: TrialEnded, body: str) -> None:
    row = (event.status.value, body, event.at, event.number)
    _require(cursor.execute("UPDATE trial SET status = ?, ended = ?, ended_at = ? WHERE number = ?", row), event)
    if event.metrics is not None:
        cursor.execute("UPDATE trial SET metrics = ? WHERE number = ?", (encode_json(event.metrics), event.number))


def _require(updated: sqlite3.Cursor, event: TrialStarted | TrialPromoted | TrialEnded) -> None:
    if updated.rowcount == 0:
        raise _unknown(event)


def _unknown(event: TrialStarted | TrialPromoted | TrialMeasured | TrialEnded) -> ValueError:
    return ValueError(f"trial {event.number} was never suggested; append Suggested before {type(event).__name__}")


_PROJECT: dict[type[JobEvent], Callable[[sqlite3.Cursor, int, Any, str], None]] = {
    JobCreated: _create_job,
    WarmStarted: _start_warm,
    JobStarted: _start_job,
    StopRequested: _request_stop,
    JobEnded: _end_job,
    Enqueued: _enqueue,
    Suggested: _suggest,
    TrialPromoted: _promote_trial,
    TrialStarted: _start_trial,
    TrialMeasured: _measure,
    TrialEnded: _end_trial,
}
