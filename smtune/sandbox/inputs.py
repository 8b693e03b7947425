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
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
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


class _Fifo:
    """A named pipe. Where the system has a way to (Linux), it can be opened although its name is gone.

    Args:
        path: Its name; made.

    Raises:
        OSError: It cannot be made, there is something of this name.
    """

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path
        self._handle = os.open(path, os.O_PATH | os.O_NOFOLLOW) if sys.platform == "linux" else None

    def open(self, flags: int) -> int:
        """Open it, and return the descriptor."""
        return os.open(self._path if self._handle is None else f"/proc/self/fd/{self._handle}", flags)

    def remove(self) -> None:
        """Remove its name, if that is still there, and close it."""
        with contextlib.suppress(OSError):  # the program may have made something else of it
            self._path.unlink()
        self.close()

    def close(self) -> None:
        """Open it no more."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class _UnreadableError(Exception):
    """A file cannot be read.

    Args:
        file: The file.
        reason: Why.
    """

    def __init__(self, file: Path, reason: Exception) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason


class Pipe:
    """A channel in mode ``Pipe``: the content of its files, once per epoch, through ``<channel>_<epoch>``.

    A thread writes; it ends when the pipe is closed, and with this process. A file that cannot be read ends its epoch.

    Args:
        folder: ``input/data`` of the job.
        channel: Name of the channel.
        files: Its files, in order.
        compressed: Whether they are gzip files, which the program wants to see unpacked.
        shuffle_seed: Seed for another order of the files in each epoch; ``None`` keeps the order.
        failed: Told of a file that cannot be read, and why, in the pipe's thread and before the program sees an end.

    Raises:
        OSError: There is no such folder.
    """

    def __init__(
        self,
        folder: Path,
        channel: str,
        files: Sequence[Path],
        *,
        compressed: bool = False,
        shuffle_seed: int | None = None,
        failed: Callable[[Path, Exception], object] = lambda _file, _reason: None,
    ) -> None:
        self._folder = folder
        self._channel = channel
        self._files = files
        self._open = gzip.open if compressed else open
        self._seed = shuffle_seed
        self._failed = failed
        self._lock = threading.Lock()
        self._closed = False
        self._fifo = self._next(0)
        self._wakeup, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._write, name=f"pipe of {channel}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread, whatever the program has done to the folder."""
        with self._lock:
            self._closed = True
            try:
                reader = self._fifo.open(os.O_RDONLY | os.O_NONBLOCK)  # a thread that opens it waits for one
            except OSError:  # the thread has ended, or waits for a name that is gone
                reader = None
        self._waker.close()
        if reader is not None:
            self._thread.join()
            os.close(reader)
        self._fifo.close()
        self._wakeup.close()

    def _next(self, epoch: int) -> _Fifo:
        return _Fifo(self._folder / f"{self._channel}_{epoch}")

    def _write(self) -> None:
        for epoch, files in enumerate(self._epochs()):
            fifo = self._fifo
            with os.fdopen(fifo.open(os.O_WRONLY), "wb", buffering=0) as pipe:  # waits for a reader
                with self._lock:
                    if self._closed:
                        return
                    with contextlib.suppress(OSError):
                        self._fifo = self._next(epoch + 1)  # before the end of this one tells the program to go on
                os.set_blocking(pipe.fileno(), False)
                try:
                    if not self._copy(files, pipe.fileno()):
                        return
                except _UnreadableError as error:
                    self._failed(error.file, error.reason)
                except BrokenPipeError:  # the program has read enough
                    pass
            if self._fifo is fifo:  # the program has put something else in the place of the next
                return
            fifo.remove()

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
            try:
                with self._open(file, "rb") as source:
                    while chunk := source.read(_CHUNK):
                        yield chunk
            except (OSError, EOFError, zlib.error) as error:
                raise _UnreadableError(file, error) from error

    def _epochs(self) -> Iterator[Sequence[Path]]:
        if self._seed is None:
            while True:
                yield self._files
        draws = random.Random(self._seed)  # noqa: S311 - an order, no secret
        while True:
            yield draws.sample(self._files, len(self._files))
