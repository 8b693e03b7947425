"""What the service needs of AWS's other services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class S3Object(NamedTuple):
    """An object of S3.

    Attributes:
        uri: Its address.
        size: Its bytes.
    """

    uri: str
    size: int


class Aws(Protocol):
    """S3, CloudWatch's logs and metrics. Every call may come from any thread."""

    def bucket_exists(self, name: str) -> bool:
        """Return whether there is a bucket of this name."""

    def objects(self, uri: str) -> Iterator[S3Object]:
        """Yield the objects whose addresses begin like ``uri``, sorted; none if there is no such bucket."""

    def download(self, uri: str, path: Path) -> None:
        """Write an object into a file, whose folder exists.

        Raises:
            FileNotFoundError: There is no such object.
        """

    def upload(self, path: Path, uri: str) -> None:
        """Make an object of a file.

        Raises:
            FileNotFoundError: There is no such bucket.
        """

    def log(self, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        """Add lines to a stream of the group ``/aws/sagemaker/TrainingJobs``; times are seconds since the epoch."""

    def metric(self, training_job: str, name: str, value: float, at: float) -> None:
        """Add a value to a metric of the namespace ``/aws/sagemaker/TrainingJobs``."""
