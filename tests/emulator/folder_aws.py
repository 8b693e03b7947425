"""AWS's other services, in a folder: a bucket is a folder, an object a file."""

import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from smtune.emulator.service.aws import S3Object


class FolderAws:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self.metrics: list[tuple[str, str, float]] = []
        self._lock = threading.Lock()

    def make_bucket(self, name: str) -> None:
        (self.root / name).mkdir(parents=True)

    def put(self, uri: str, content: bytes) -> None:
        path = self._path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def get(self, uri: str) -> bytes:
        return self._path(uri).read_bytes()

    def lines(self, job: str) -> list[str]:
        return [
            line for stream, lines in sorted(self.logs.items()) if stream.startswith(f"{job}/") for _, line in lines
        ]

    def bucket_exists(self, name: str) -> bool:
        return (self.root / name).is_dir()

    def objects(self, uri: str) -> Iterator[S3Object]:
        bucket = self.root / uri.removeprefix("s3://").partition("/")[0]
        for path in sorted(bucket.rglob("*")):
            address = f"s3://{path.relative_to(self.root)}"
            if path.is_file() and address.startswith(uri):
                yield S3Object(address, path.stat().st_size)

    def download(self, uri: str, path: Path) -> None:
        shutil.copyfile(self._path(uri), path)

    def upload(self, path: Path, uri: str) -> None:
        if not self.bucket_exists(uri.removeprefix("s3://").partition("/")[0]):
            raise FileNotFoundError(uri)
        target = self._path(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

    def log(self, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        with self._lock:
            self.logs[stream] += lines

    def metric(self, training_job: str, name: str, value: float, at: float) -> None:
        with self._lock:
            self.metrics.append((training_job, name, value))

    def _path(self, uri: str) -> Path:
        return self.root / uri.removeprefix("s3://")
