"""Channels in XGBoost's own form: csv without header, label first; libsvm."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from smtune.sandbox.xgboost_algorithm.errors import UserError

if TYPE_CHECKING:
    import xgboost

_LIBSVM: Final = ("libsvm", "text/libsvm", "text/x-libsvm")
_CSV: Final = ("csv", "text/csv")
_OTHERS: Final = ("parquet", "application/x-parquet", "recordio-protobuf", "application/x-recordio-protobuf")
_DEEPEST = 3


class Source(NamedTuple):
    """A channel.

    Attributes:
        path: Its folder, or its pipe.
        config: What ``inputdataconfig.json`` says of it.
    """

    path: Path
    config: Mapping[str, str]

    @property
    def is_pipe(self) -> bool:
        """Whether it is read once, as it comes."""
        return self.config.get("TrainingInputMode") == "Pipe"


def read_channel(source: Source, *, weights: bool = False) -> xgboost.DMatrix:
    """Read a channel.

    Args:
        source: Where it lies.
        weights: Whether the second column of csv files holds weights.

    Raises:
        UserError: It has another format than it should, or nothing in it.
    """
    content_type = source.config.get("ContentType", "text/libsvm")
    name, _, parameters = (part.strip() for part in content_type.lower().partition(";"))
    if name in _CSV:
        size = re.search(r"label_size\s*=\s*(\S+)", parameters)
        if size and size[1] != "1":
            rule = "Optional parameter label_size must be equal to 1"
            raise UserError(f"{content_type} is not an accepted csv ContentType. {rule}")
        return _read_csv(source, weights=weights)
    if name in _LIBSVM:
        if source.is_pipe:
            raise UserError("Pipe mode not supported for LibSVM.")
        return _read_libsvm(source)
    if name in _OTHERS:
        raise UserError(f"ContentType {content_type} is not emulated here: take text/csv or text/libsvm")
    raise UserError(f"{content_type} is not an accepted ContentType: {', '.join((*_CSV, *_LIBSVM, *_OTHERS))}.")


def _files(source: Source) -> list[Path]:
    """Return the files of a channel with something in them, sorted."""
    if source.is_pipe:
        return [source.path]
    found = []
    for path in source.path.rglob("*"):
        inside = path.relative_to(source.path).parts
        hidden = any(part.startswith((".", "_")) for part in inside)
        if not hidden and len(inside) <= _DEEPEST and path.is_file() and path.stat().st_size:
            found.append(path)
    return sorted(found)


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        yield from (line.rstrip("\r\n") for line in lines if line.strip())


def _read_csv(source: Source, *, weights: bool) -> xgboost.DMatrix:
    import numpy as np
    import xgboost

    try:
        parts = [_read_table(file) for file in _files(source)]
        rows = np.concatenate([part for part in parts if len(part)])
    except ValueError as error:
        if "need at least one array" in str(error):
            raise UserError(f"No data in channel path {source.path}") from None
        raise UserError(f"Failed to load csv data with exception:\n{error}") from None
    if rows.shape[1] < 2 + weights:
        raise UserError(f"Failed to load csv data with exception:\n{rows.shape[1]} columns leave no feature")
    features = rows[:, 1 + weights :]
    return xgboost.DMatrix(features, label=rows[:, 0], weight=rows[:, 1] if weights else None)


def _read_table(file: Path) -> Any:
    import numpy as np

    lines = list(_lines(file))
    if not lines:
        return np.empty((0, 0), np.float32)
    first = lines[0]
    try:
        delimiter = csv.Sniffer().sniff(first, ",;\t| ").delimiter
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line {first[:50]}:\n{error}") from None
    # Nothing between two delimiters is a value that is missing.
    empty = re.compile(rf"(?:^|(?<={re.escape(delimiter)}))(?=\s*$|{re.escape(delimiter)})")
    return np.loadtxt(
        (empty.sub("nan", line) for line in lines), delimiter=delimiter, dtype=np.float32, ndmin=2, comments=None
    )


def _read_libsvm(source: Source) -> xgboost.DMatrix:
    import numpy as np
    import xgboost
    from scipy.sparse import csr_matrix

    labels: list[float] = []
    weights: list[float] = []
    groups: list[int] = []
    values: list[float] = []
    columns: list[int] = []
    ends = [0]
    for file in _files(source):
        for line in _lines(file):
            try:
                label, *features = line.partition("#")[0].split()
                label, _, weight = label.partition(":")
                labels.append(float(label))
                weights += [float(weight)] if weight else []
                if features and features[0].startswith("qid:"):
                    groups.append(int(features.pop(0)[4:]))
                for column, value in _pairs(features):
                    columns.append(column)
                    values.append(value)
            except ValueError:
                text = f"First line '{line[:50]}...' of file '{file.name}' is not 'LIBSVM' format."
                raise UserError(f"{text} Please ensure the file is in 'LIBSVM' format.") from None
            ends.append(len(columns))
    if not labels:
        raise UserError(f"No data in channel path {source.path}")
    if len(weights) not in (0, len(labels)) or len(groups) not in (0, len(labels)):
        raise UserError("Failed to load libsvm data with exception:\nsome lines have a weight or qid, others have none")
    shape = (len(labels), max(columns, default=0) + 1)
    rows = csr_matrix((np.array(values, np.float32), np.array(columns, np.int32), np.array(ends)), shape)
    return xgboost.DMatrix(rows, label=labels, weight=weights or None, qid=groups or None)


def _pairs(features: Iterable[str]) -> Iterator[tuple[int, float]]:
    for feature in features:
        column, _, value = feature.partition(":")
        yield int(column), float(value)
