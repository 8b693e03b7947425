"""Tuning jobs of one emulator's directory, made known to another's: those that a warm start builds on."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any, Final

from smtune.emulator.service.data_directory import DataDirectory

_TABLES: Final = {
    "tuning": "place, name, number, request, created_at, state",
    "training": "place, name, request, arn, tuning_job, created_at, state, deleted",
    "tags": "place, arn, tags",
}
"""What is taken over: tables and their columns. Objects, logs and metrics stay where they are."""


def inherit(target: Path, source: Path) -> None:
    """Copy the jobs of a directory into another one, for warm starts: what they are, and what came of them.

    A job that the target knows already stays as it is there. Nothing may be using the target.

    Args:
        target: The directory of the emulator to be; made if it is missing.
        source: The directory of the emulator that ran the jobs.

    Raises:
        SpecError: One is another program's, or the target is in use or cannot be written.
        StoreError: One is damaged, or the disk does not let it.
        OSError: Likewise.
    """
    there = DataDirectory(source, read_only=True)
    try:
        here = DataDirectory(target)
        try:
            _copy(there, here)
        finally:
            here.close()
    finally:
        there.close()


def _copy(there: DataDirectory, here: DataDirectory) -> None:
    known = set(here.records.rows("SELECT place, name FROM tuning"))
    ((last,),) = here.records.rows("SELECT coalesce(max(number), 0) FROM tuning")
    for table, columns in _TABLES.items():
        order = "arn" if table == "tags" else "id"
        for row in there.records.rows(f"SELECT {columns} FROM {table} ORDER BY {order}"):  # noqa: S608 - our own names
            values = list(row)
            if table == "tuning":
                place, name, number = row[:3]
                if (place, name) in known:
                    continue
                last += 1
                values[2] = last
                shutil.copytree(there.searches(place) / str(number), here.searches(place) / str(last))
            here.records.add(partial(_insert, table, columns, values), epoch=here.records.epoch)
    here.records.commit()


def _insert(table: str, columns: str, values: list[Any], cursor: Any) -> None:
    marks = ", ".join("?" for _ in values)
    cursor.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", values)  # noqa: S608 - our own names
