"""Read a data channel: csv files of numbers, label first, no header line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smtune.container import Environment

# Between two commas, or a comma and an end of line: a missing value.
_EMPTY_CELL = re.compile(r"(?:(?<=,)|^)[ \t]*(?=,|$)", re.MULTILINE)


@dataclass(frozen=True)
class Table:
    """Rows with their labels.

    Attributes:
        features: Shape ``(rows, columns)``, ``nan`` where missing.
        labels: Shape ``(rows,)``; all zero where there are none.
    """

    features: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: np.ndarray[Any, Any]) -> Table:
        """Return the rows with these numbers."""
        return Table(self.features[index], self.labels[index])


def read_channel(environment: Environment, name: str, *, has_label: bool) -> Table:
    """Read all files of a channel, in the order of their names.

    Raises:
        LookupError: There is no such channel.
        ValueError: It holds no rows, or something else than numbers.
    """
    place = environment.channel(name)
    found = [place] if place.is_file() else place.rglob("*")
    files = sorted(file for file in found if _is_data(file, place))
    parts = [_read_csv(file) for file in files]
    if not parts:
        raise ValueError(f"channel {name!r} holds no data: {place} has no file with a row in it")
    for file, part in zip(files, parts, strict=True):
        if part.shape[1] != parts[0].shape[1]:
            raise ValueError(f"{file} has {part.shape[1]} columns, but {files[0]} has {parts[0].shape[1]}")
        if has_label and part.shape[1] < 2:
            raise ValueError(f"{file}: has one column only; expected a label and at least one feature")
    rows = np.concatenate(parts)
    if not has_label:
        return Table(rows, np.zeros(len(rows)))
    if np.isnan(rows[:, 0]).any():
        raise ValueError(f"channel {name!r}: row {int(np.isnan(rows[:, 0]).argmax()) + 1} has no label (first column)")
    return Table(rows[:, 1:], rows[:, 0])


def make_folds(table: Table, count: int, seed: int) -> list[tuple[Table, Table]]:
    """Split rows for cross-validation into pairs of rows to learn from and rows to validate on.

    Rows are shuffled, sorted by label and dealt out like cards: each fold has its share of every class, and the folds of a
    regression have like ranges too.

    Args:
        table: The rows.
        count: The hyperparameter ``cv_folds``.
        seed: The same seed makes the same folds.

    Raises:
        ValueError: There are fewer rows than folds.
    """
    if len(table) < count:
        raise ValueError(f"hyperparameter cv_folds = {count}: channel train has {len(table)} rows only")
    order = np.random.default_rng(seed).permutation(len(table))
    order = order[np.argsort(table.labels[order], kind="stable")]
    folds = []
    for number in range(count):
        held_out = np.sort(order[number::count])
        folds.append((table.rows(np.setdiff1d(order, held_out)), table.rows(held_out)))
    return folds


def _is_data(file: Path, place: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(place).parts)
    return not hidden and file.is_file() and file.stat().st_size > 0


def _read_csv(file: Path) -> np.ndarray[Any, Any]:
    try:
        return np.loadtxt(file, delimiter=",", ndmin=2, comments=None)
    except ValueError:
        pass
    # The slower way, for files with empty cells.
    try:
        lines = _EMPTY_CELL.sub("nan", file.read_text(encoding="utf-8")).splitlines()
        return np.loadtxt([line for line in lines if line != "nan"], delimiter=",", ndmin=2, comments=None)
    except ValueError as error:
        raise ValueError(f"{file}: must hold numbers only, label first, without a header line ({error})") from error
