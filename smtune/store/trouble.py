"""What SQLite's errors mean for somebody who tunes, and what to do about them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from smtune.errors import StoreError

_RULES = (
    ("SQLITE_FULL", "the disk is full; {kept}: free space, then {again}"),
    ("SQLITE_NOTADB", "is not the log of a job; name another file, or restore it from a copy"),
    ("SQLITE_CORRUPT", "is damaged; restore it from a copy, or try to rescue it: sqlite3 {file} .recover"),
    ("SQLITE_READONLY_DBMOVED", "was moved or deleted while it was open; put it back, then {again}"),
    ("SQLITE_READONLY", "may not be written; give yourself write permission on it and on its directory"),
    ("SQLITE_BUSY", "another process has kept it locked for 30 s; end that process, then {again}"),
    ("SQLITE_CANTOPEN", "cannot be opened; check the permissions of it and of its directory"),
    ("SQLITE_PERM", "cannot be opened; check the permissions of it and of its directory"),
    ("SQLITE_IOERR", "the disk failed to read or write it; check disk and quota, then {again}"),
)


def explained(error: sqlite3.Error, path: Path, *, creating: bool = False) -> Exception:
    """Return the error to raise in place of one of SQLite's.

    Args:
        error: As SQLite raised it.
        path: The job's file.
        creating: The job was about to be created, so nothing of it is there to go on with.

    Returns:
        ``StoreError`` if the file or the disk is to blame: it names the file and the fix. ``ValueError`` if an event
        contradicts the log, and ``RuntimeError`` if the store is used in a way that it does not allow.
    """
    if isinstance(error, sqlite3.IntegrityError):
        return ValueError(f"the log of job {path.parent.name} says otherwise: {error}")
    if isinstance(error, (sqlite3.ProgrammingError, sqlite3.InterfaceError)):
        return RuntimeError(f"the store of job {path.parent.name} was used wrongly: {error}")
    code = getattr(error, "sqlite_errorname", None) or type(error).__name__
    advice = next((text for prefix, text in _RULES if code.startswith(prefix)), "cannot be used")
    kept = "the job was not created" if creating else "what was written before is kept"
    again = "start the job again" if creating else f"smtune resume {path.parent.name}"
    return StoreError(f"{path}: {advice.format(file=path, kept=kept, again=again)} ({code}: {error})")


def damaged(path: Path, what: object) -> StoreError:
    """Return the error for a file that SQLite can read and we cannot."""
    return StoreError(
        f"{path}: is damaged ({what}); restore it from a copy, or try to rescue it: sqlite3 {path} .recover"
    )
