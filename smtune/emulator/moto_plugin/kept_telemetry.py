"""What training jobs said, their lines and metrics, kept in an emulator's directory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, SupportsIndex

from moto.cloudwatch.models import CloudWatchBackend
from moto.logs.models import LogEvent, LogsBackend

from smtune.emulator.moto_plugin.aws import NAMESPACE, metric_datum
from smtune.emulator.service.data_directory import DataDirectory
from smtune.errors import StoreError

_DAMAGED: Final = "restore the directory from a copy"


class LateList(list[Any]):
    """A list that begins with what is read only when somebody looks.

    Args:
        read: Returns that.
    """

    def __init__(self, read: Callable[[], list[Any]]) -> None:
        super().__init__()
        self._read: Callable[[], list[Any]] | None = read

    def _complete(self) -> None:
        if self._read is not None:
            read, self._read = self._read, None
            self[:0] = read()

    def __iter__(self) -> Iterator[Any]:
        self._complete()
        return super().__iter__()

    def __len__(self) -> int:
        self._complete()
        return super().__len__()

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        self._complete()
        return super().__getitem__(place)

    def __add__(self, other: list[Any]) -> list[Any]:
        self._complete()
        return super().__add__(other)


class KeptTelemetry:
    """The logs and metrics of an account in a region.

    Args:
        directory: Where they are kept.
        account: Number of the account.
        region: The region.
    """

    def __init__(self, directory: DataDirectory, account: str, region: str) -> None:
        self._directory = directory
        self._records = directory.records
        self._epoch = directory.records.epoch
        self._place = f"{account}/{region}"
        self._last_line, self._last_metric = (
            self._records.rows(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0]  # noqa: S608 - our own names
            for table in ("line", "metric")
        )

    def log(self, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        """Keep lines of a stream, and what was noted before.

        Args:
            stream: Its name.
            lines: Times in milliseconds since the epoch, and texts.

        Raises:
            StoreError: The disk does not let it.
        """
        sql = "INSERT INTO line (place, stream, at, lines) VALUES (?, ?, ?, ?)"
        values = (self._place, stream, time.time(), json.dumps(lines))
        self._records.add(lambda cursor: cursor.execute(sql, values), epoch=self._epoch)
        self._records.commit()

    def metric(self, training: str, name: str, value: float, at: float) -> None:
        """Note a value of a metric."""
        sql = "INSERT INTO metric (place, training, name, value, at) VALUES (?, ?, ?, ?, ?)"
        values = (self._place, training, json.dumps(name), value, at)
        self._records.add(lambda cursor: cursor.execute(sql, values), epoch=self._epoch)

    def load_logs(self, backend: LogsBackend) -> None:
        """Give moto the streams that were kept; their lines are read when somebody looks."""
        sql = "SELECT stream, min(at), max(at), count(*) FROM line WHERE place = ? GROUP BY stream"
        for stream, first, last, count in self._records.rows(sql, self._place):
            backend.ensure_log_group(NAMESPACE)
            backend.ensure_log_stream(NAMESPACE, stream)
            kept = backend.groups[NAMESPACE].streams[stream]
            kept.events = LateList(partial(self._events, stream))
            like = kept.creation_time
            kept.creation_time, kept.last_ingestion_time = _time_like(like, first), _time_like(like, last)
            kept.upload_sequence_token = count

    def _events(self, stream: str) -> list[LogEvent]:
        sql = "SELECT at, lines FROM line WHERE place = ? AND stream = ? AND id <= ? ORDER BY id"
        try:
            return [
                LogEvent(int(at * 1000), {"timestamp": timestamp, "message": message})
                for at, lines in self._records.rows(sql, self._place, stream, self._last_line)
                for timestamp, message in json.loads(lines)
            ]
        except (TypeError, ValueError) as error:
            raise StoreError(f"{self._directory.path}: the log {stream} is damaged ({error!r}); {_DAMAGED}") from error

    def load_metrics(self, backend: CloudWatchBackend) -> None:
        """Give moto the metrics that were kept, to be read when somebody looks."""
        before, backend.metric_data = backend.metric_data, LateList(self._metrics)
        backend.metric_data.extend(before)

    def _metrics(self) -> list[Any]:
        self._records.commit()
        sql = "SELECT training, name, value, at FROM metric WHERE place = ? AND id <= ? ORDER BY id"
        try:
            return [
                metric_datum(training, json.loads(name), value, at)
                for training, name, value, at in self._records.rows(sql, self._place, self._last_metric)
            ]
        except (TypeError, ValueError) as error:
            raise StoreError(f"{self._directory.path}: its metrics are damaged ({error!r}); {_DAMAGED}") from error


def _time_like(like: Any, at: float) -> Any:
    """Return a time as the moto at hand has it."""
    if isinstance(like, datetime):
        return datetime.fromtimestamp(at, UTC).replace(tzinfo=like.tzinfo)
    return int(at * 1000)
