"""What the service needs of AWS, from moto's S3, logs and metrics."""

from __future__ import annotations

import mmap
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends
from moto.logs.models import logs_backends
from moto.s3.exceptions import MissingKey
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from smtune.emulator.moto_plugin.kept_objects import KeptBuckets
from smtune.emulator.service.aws import S3Object
from smtune.sandbox.left_files import open_left

if TYPE_CHECKING:
    from smtune.emulator.moto_plugin.kept_telemetry import KeptTelemetry

NAMESPACE: Final = "/aws/sagemaker/TrainingJobs"
"""Of the metrics, and the name of the logs' group."""

DIMENSION: Final = "TrainingJobName"
"""By which a metric belongs to a training job."""

_CHUNK: Final = 16 * 1024 * 1024


class MotoAws:
    """An :class:`~smtune.emulator.service.aws.Aws` on moto's state, of one account and region.

    It keeps the backends that there are when it is made. moto makes new ones when it is reset, so that a training job
    which outlives that by a moment writes into the old ones, where nobody looks. Buckets of other accounts are not seen.

    Args:
        gate: To be held while moto's state is touched.
        account: The number of the account.
        region: The region.
        kept: Keeps logs and metrics for emulators to come; ``None`` keeps nothing.
    """

    def __init__(self, gate: RLock, account: str, region: str, kept: KeptTelemetry | None = None) -> None:
        self._gate = gate
        self._kept = kept
        self._s3 = s3_backends[account][get_partition(region)]
        self._logs = logs_backends[account][region]
        self._cloudwatch = cloudwatch_backends[account][region]

    def bucket_exists(self, name: str) -> bool:
        """Return whether there is a bucket of this name."""
        with self._gate:
            return name in self._s3.buckets

    def objects(self, uri: str) -> Iterator[S3Object]:
        """Yield the objects whose addresses begin like ``uri``, sorted; none if there is no such bucket."""
        bucket, prefix = _split(uri)
        with self._gate:
            found = self._s3.buckets.get(bucket)
            keys = [] if found is None else [(key.name, key) for key in found.keys.values()]
            sizes = {name: key.size for name, key in keys if name.startswith(prefix) and not _is_deleted(key)}
        for name in sorted(sizes):
            yield S3Object(f"s3://{bucket}/{name}", sizes[name])

    def download(self, uri: str, path: Path) -> None:
        """Write an object into a file, whose folder exists; others get to S3 between its parts.

        Raises:
            FileNotFoundError: There is no such object, or no longer.
        """
        bucket, name = _split(uri)
        with self._gate:
            found = self._s3.buckets.get(bucket)
            key = None if found is None else found.keys.get(name)
        if key is None or _is_deleted(key):
            raise FileNotFoundError(uri)
        with path.open("wb") as file:
            while file.tell() < key.size:
                try:
                    with self._gate, key.lock:
                        key._value_buffer.seek(file.tell())  # noqa: SLF001 - `value` would be a copy of the whole
                        chunk = key._value_buffer.read(_CHUNK)  # noqa: SLF001
                except (ValueError, MissingKey):  # it was deleted, or replaced, just now; or its file was
                    raise FileNotFoundError(uri) from None
                file.write(chunk)

    def upload(self, path: Path, uri: str) -> None:
        """Make an object of a file, which may change meanwhile.

        Raises:
            FileNotFoundError: There is no such bucket.
            OSError: It is no regular file.
        """
        bucket, name = _split(uri)
        with TemporaryFile() as copy:  # to read a mapped file that was truncated ends the process (SIGBUS)
            with open_left(path) as file:
                shutil.copyfileobj(file, copy, _CHUNK)
            copy.flush()
            size = copy.tell()
            if size == 0:
                self._put(bucket, name, b"")
                return
            with mmap.mmap(copy.fileno(), size, access=mmap.ACCESS_READ) as content:
                self._put(bucket, name, content)

    def _put(self, bucket: str, name: str, content: Any) -> None:
        with self._gate:
            if bucket not in self._s3.buckets:
                raise FileNotFoundError(f"s3://{bucket}")
            self._s3.put_object(bucket, name, content)
            if isinstance(self._s3.buckets, KeptBuckets):
                self._s3.buckets.write()

    def log(self, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        """Add lines to a stream of the group ``/aws/sagemaker/TrainingJobs``; times are seconds since the epoch."""
        ordered = sorted(lines, key=lambda line: line[0])
        events = [{"timestamp": int(at * 1000), "message": text} for at, text in ordered]
        with self._gate:
            self._logs.ensure_log_group(NAMESPACE)
            self._logs.ensure_log_stream(NAMESPACE, stream)
            if events:
                self._logs.put_log_events(NAMESPACE, stream, events)
        if self._kept is not None:
            self._kept.log(stream, [(int(at * 1000), text) for at, text in ordered])

    def metric(self, training_job: str, name: str, value: float, at: float) -> None:
        """Add a value to a metric of the namespace ``/aws/sagemaker/TrainingJobs``."""
        datum = metric_datum(training_job, name, value, at)
        with self._gate:
            self._cloudwatch.metric_data.append(datum)
        if self._kept is not None:
            self._kept.metric(training_job, name, value, at)


def metric_datum(training_job: str, name: str, value: float, at: float) -> MetricDatum:
    """Return a value of a training job's metric as moto has it; the time is in seconds since the epoch."""
    time = datetime.fromtimestamp(at, UTC)
    return MetricDatum(
        namespace=NAMESPACE,
        name=name,
        value=value,
        dimensions=[{"Name": DIMENSION, "Value": training_job}],
        timestamp=time if _metric_times_have_zones() else time.replace(tzinfo=None),
        unit="None",
    )


@cache
def _metric_times_have_zones() -> bool:
    """Return whether times of metrics have a zone in the moto at hand; they changed, and cannot be compared."""
    datum = MetricDatum(namespace="", name="", value=0.0, dimensions=[], timestamp=None, unit=None)
    return datum.timestamp.tzinfo is not None


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("s3://").partition("/")  # a name may hold ? and #
    return bucket, name


def _is_deleted(key: Any) -> bool:
    """Return whether the newest version of an object is its deletion."""
    return not hasattr(key, "size")
