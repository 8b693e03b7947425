"""How the data of a channel reaches a host: which objects, and as files or through pipes.

Not done: records of pipes wrapped as RecordIO, and augmented manifests, which need them.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import selectors
import socket
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from smtune.errors import Problem, SpecError

_AUGMENTED: Final = "AugmentedManifestFile"
_CHUNK: Final = 1 << 20


def channel_problems(*, data_type: str, mode: str, record_wrapper: str) -> list[Problem]:
    """Return what keeps a channel from being read, by SageMaker's own rules or because it is not emulated.

    Args:
        data_type: ``S3DataType`` of its source.
        mode: Its ``TrainingInputMode``.
        record_wrapper: Its ``RecordWrapperType``.
    """
    if data_type == _AUGMENTED and mode != "Pipe":
        rule = f"can only be used if the channel's input mode is Pipe, and this one's is {mode}"
        return [Problem("S3DataType", data_type, rule, "take Pipe, or S3DataType ManifestFile")]
    if data_type == _AUGMENTED:
        return [Problem("S3DataType", data_type, "is not emulated", "take S3Prefix or ManifestFile")]
    if record_wrapper != "None":
        return [Problem("RecordWrapperType", record_wrapper, "is not emulated", "take None")]
    return []


def shard(keys: Iterable[str], host: int, hosts: int) -> list[str]:
    """Return the keys that one host gets of a channel that is ``ShardedByS3Key``.

    >>> shard(["b", "c", "a"], 0, 2), shard(["b", "c", "a"], 1, 2)
    (['a', 'c'], ['b'])

    Args:
        keys: The keys of all objects.
        host: Number of the host, from 0.
        hosts: How many there are.
    """
    return sorted(keys)[host::hosts]


def read_manifest(text: str, uri: str) -> list[str]:
    """Return the addresses that a manifest lists.

    >>> read_manifest('[{"prefix": "s3://bucket/data/"}, "a.csv", "b/c.csv"]', "s3://bucket/manifest")
    ['s3://bucket/data/a.csv', 's3://bucket/data/b/c.csv']

    Args:
        text: Content of the manifest.
        uri: Where it lies, for the message.

    Raises:
        SpecError: It is none.
    """
    try:
        entries = json.loads(text)
        prefix = entries[0]["prefix"]
        addresses = [prefix + name for name in entries[1:]]
    except (ValueError, LookupError, TypeError):
        rule = 'must be a JSON list of {"prefix": "s3://..."} and of what follows the prefix'
        raise SpecError([Problem("S3Uri", uri, rule, "correct the manifest")]) from None
    if not addresses or not prefix.startswith("s3://"):
        rule = "lists nothing" if prefix.startswith("s3://") else "has a prefix that does not begin with s3://"
        raise SpecError([Problem("S3Uri", uri, rule, "correct the manifest")])
    return addresses


def protect(folder: Path) -> None:
    """Make the files of a channel read-only, where there is no namespace that does it. Root writes all the same."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


class Pipe:
    """A channel in mode ``Pipe``: the content of its files, once per epoch, through ``<channel>_<epoch>``.

    A thread writes; it ends when the pipe is closed, and with this process.

    Args:
        folder: ``input/data`` of the job.
        channel: Name of the channel.
        files: Its files, in order.
        compressed: Whether they are gzip files, which the program wants to see unpacked.
        shuffle_seed: Seed for another order of the files in each epoch; ``None`` keeps the order.
    """

    def __init__(
        self,
        folder: Path,
        channel: str,
        files: Sequence[Path],
        *,
        compressed: bool = False,
        shuffle_seed: int | None = None,
    ) -> None:
        self._folder = folder
        self._channel = channel
        self._files = files
        self._open = gzip.open if compressed else open
        self._seed = shuffle_seed
        self._lock = threading.Lock()
        self._closed = False
        self._wakeup, self._waker = socket.socketpair()
        self._fifo = self._next(0)
        self._thread = threading.Thread(target=self._write, name=f"pipe of {channel}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread. The folder must still be there."""
        with self._lock:
            self._closed = True
            reader = os.open(self._fifo, os.O_RDONLY | os.O_NONBLOCK)  # a thread that opens it waits for one
        self._waker.close()
        self._thread.join()
        os.close(reader)
        self._wakeup.close()

    def _next(self, epoch: int) -> Path:
        fifo = self._folder / f"{self._channel}_{epoch}"
        os.mkfifo(fifo)
        return fifo

    def _write(self) -> None:
        for epoch, files in enumerate(self._epochs()):
            fifo = self._fifo
            with fifo.open("wb", buffering=0) as pipe:  # waits for a reader
                with self._lock:
                    if self._closed:
                        return
                    self._fifo = self._next(epoch + 1)  # before the end of this one tells the program to go on
                os.set_blocking(pipe.fileno(), False)
                with contextlib.suppress(BrokenPipeError):  # the program has read enough
                    if not self._copy(files, pipe.fileno()):
                        return
            fifo.unlink()

    def _copy(self, files: Iterable[Path], pipe: int) -> bool:
        """Write the content of files; return false if the channel was closed meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup, selectors.EVENT_READ)
            selector.register(pipe, selectors.EVENT_WRITE)
            for chunk in self._chunks(files):
                left = memoryview(chunk)
                while left:
                    if any(key.fileobj is self._wakeup for key, _ in selector.select()):
                        return False
                    left = left[os.write(pipe, left) :]
        return True

    def _chunks(self, files: Iterable[Path]) -> Iterator[bytes]:
        for file in files:
            with self._open(file, "rb") as source:
                while chunk := source.read(_CHUNK):
                    yield chunk

    def _epochs(self) -> Iterator[Sequence[Path]]:
        if self._seed is None:
            while True:
                yield self._files
        draws = random.Random(self._seed)  # noqa: S311 - an order, no secret
        while True:
            yield draws.sample(self._files, len(self._files))
