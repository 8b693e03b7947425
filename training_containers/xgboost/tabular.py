"""Read a data channel: csv files (label first, no header line) or libsvm files."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smtune.container import Environment

_LIBSVM_SUFFIXES = {".libsvm", ".svm", ".svmlight"}
# Between two commas, or a comma and an end of line: XGBoost reads nothing as "missing".
_EMPTY_CELL = re.compile(r"(?:(?<=,)|^)[ \t]*(?=,|$)", re.MULTILINE)


@dataclass(frozen=True)
class Table:
    """Labelled rows.

    Attributes:
        features: Shape ``(rows, columns)``: a numpy array, ``nan`` where missing, or a scipy CSR matrix, which leaves out
            what is missing.
        labels: Shape ``(rows,)``.
    """

    features: Any
    labels: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: np.ndarray[Any, Any]) -> Table:
        """Return the rows with these numbers."""
        return Table(self.features[index], self.labels[index])

    def checksum(self) -> int:
        """Return a number that is the same for the same content."""
        dense = isinstance(self.features, np.ndarray)
        parts = [self.features] if dense else [self.features.data, self.features.indices, self.features.indptr]
        total = 0
        for part in (self.labels, *parts):
            total = zlib.crc32(np.ascontiguousarray(part).data, total)
        return total


def read_channel(environment: Environment, name: str) -> Table:
    """Read all files of a channel, in the order of their names.

    Raises:
        LookupError: There is no such channel.
        ValueError: It holds no rows, or something else than numbers.
    """
    place = environment.channel(name)
    found = [place] if place.is_file() else place.rglob("*")
    files = sorted(file for file in found if _is_data(file, place))
    tables = [_read_file(file, environment.content_type(name)) for file in files]
    if not tables:
        raise ValueError(f"channel {name!r} holds no data: {place} has no file with a row in it")
    return Table(
        _stack([table.features for table in tables], files), np.concatenate([table.labels for table in tables])
    )


def same_width(tables: dict[str, Table]) -> dict[str, Table]:
    """Give all tables the same number of columns.

    libsvm files leave out trailing columns that hold nothing, so these are widened; csv files must agree.

    Raises:
        ValueError: Two csv channels have different numbers of columns.
    """
    widths = {name: table.features.shape[1] for name, table in tables.items()}
    widest = max(widths.values())
    for name, table in tables.items():
        if widths[name] != widest and isinstance(table.features, np.ndarray):
            raise ValueError(
                "channels must have the same columns; these have, label included: "
                + ", ".join(f"{name} {width + 1}" for name, width in widths.items())
            )
        if widths[name] != widest:
            table.features.resize(len(table), widest)
    return tables


def _is_data(file: Path, place: Path) -> bool:
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(place).parts)
    return not hidden and file.is_file() and file.stat().st_size > 0


def _read_file(file: Path, content_type: str | None) -> Table:
    if _is_libsvm(file, content_type):
        # Cold-start time for everybody else.
        from sklearn.datasets import load_svmlight_file

        features, labels = load_svmlight_file(str(file), dtype=np.float32, zero_based=True)
        return Table(features, labels.astype(np.float32))
    rows = _read_csv(file)
    if rows.shape[1] < 2:
        raise ValueError(f"{file}: has one column only; expected a label and at least one feature")
    if np.isnan(rows[:, 0]).any():
        raise ValueError(f"{file}: row {int(np.isnan(rows[:, 0]).argmax()) + 1} has no label (first column)")
    return Table(rows[:, 1:], rows[:, 0])


def _is_libsvm(file: Path, content_type: str | None) -> bool:
    """What the job states counts most, then the name of the file, then its first line."""
    if content_type:
        return "libsvm" in content_type
    if file.suffix in _LIBSVM_SUFFIXES:
        return True
    if file.suffix == ".csv":
        return False
    with file.open(encoding="utf-8", errors="replace") as lines:
        first = next((line for line in lines if line.strip()), "")
    return "," not in first and ":" in first


def _read_csv(file: Path) -> np.ndarray[Any, Any]:
    try:
        return np.loadtxt(file, delimiter=",", dtype=np.float32, ndmin=2, comments=None)
    except ValueError:
        pass
    # The slower way, for files with empty cells.
    try:
        lines = _EMPTY_CELL.sub("nan", file.read_text(encoding="utf-8")).splitlines()
        return np.loadtxt(
            [line for line in lines if line != "nan"], delimiter=",", dtype=np.float32, ndmin=2, comments=None
        )
    except ValueError as error:
        raise ValueError(f"{file}: must hold numbers only, label first, without a header line ({error})") from error


def _stack(parts: Sequence[Any], files: Sequence[Path]) -> Any:
    kinds = {isinstance(part, np.ndarray) for part in parts}
    if len(kinds) > 1:
        raise ValueError(f"csv and libsvm files are mixed in {files[0].parent}")
    if kinds == {True}:
        for part, file in zip(parts, files, strict=True):
            if part.shape[1] != parts[0].shape[1]:
                raise ValueError(f"{file} has {part.shape[1] + 1} columns, but {files[0]} has {parts[0].shape[1] + 1}")
        return np.concatenate(parts)
    from scipy import sparse

    widest = max(part.shape[1] for part in parts)
    for part in parts:
        part.resize(part.shape[0], widest)
    return sparse.vstack(parts, format="csr")
