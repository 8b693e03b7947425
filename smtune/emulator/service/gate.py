"""AWS's other services, until the emulator is reset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from smtune.emulator.service.aws import Aws, S3Object
from smtune.emulator.service.troubles import Abandoned


class Gate:
    """Passes calls on until it is closed: what comes later from jobs of before must change nothing.

    Every method raises :class:`Abandoned` then.

    Args:
        aws: Where they go.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.closed = False
        """Whether nobody wants to hear of these jobs any more."""

    def close(self) -> None:
        """Pass nothing on any more."""
        self.closed = True

    def bucket_exists(self, name: str) -> bool:
        """As :meth:`Aws.bucket_exists`."""
        return self._open().bucket_exists(name)

    def objects(self, uri: str) -> Iterator[S3Object]:
        """As :meth:`Aws.objects`."""
        return self._open().objects(uri)

    def download(self, uri: str, path: Path) -> None:
        """As :meth:`Aws.download`."""
        self._open().download(uri, path)

    def upload(self, path: Path, uri: str) -> None:
        """As :meth:`Aws.upload`."""
        self._open().upload(path, uri)

    def log(self, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        """As :meth:`Aws.log`."""
        self._open().log(stream, lines)

    def metric(self, training_job: str, name: str, value: float, at: float) -> None:
        """As :meth:`Aws.metric`."""
        self._open().metric(training_job, name, value, at)

    def _open(self) -> Aws:
        if self.closed:
            raise Abandoned
        return self._aws
