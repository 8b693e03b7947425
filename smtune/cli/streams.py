"""The standard streams of the command line: results are written or it says so, the rest never does harm."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO, TypeVar, cast

_T = TypeVar("_T")


class CannotWriteError(Exception):
    """A result could not be written to stdout; says why."""


def prepare_streams() -> None:
    """Make stdout and stderr usable, and tell failures to write a result from all others."""
    # In this order, each gets the number of the stream that was closed, so that no file of a job does.
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")  # whoever writes to it is told
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character must not end the job
    sys.stdout = cast("TextIO", _Results(sys.stdout))
    sys.stderr = cast("TextIO", _Diagnostics(sys.stderr))


class _Results:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if self._failure is not None:  # which somebody may have passed over, such as a probe of typer's
            raise _told(self._failure)
        return self._guarded(lambda: self._stream.write(text))

    def flush(self) -> None:
        self._guarded(self._stream.flush)

    def _guarded(self, action: Callable[[], _T]) -> _T:
        try:
            return action()
        except OSError as error:
            # What is still buffered cannot be written either, but would be tried once more at the very end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            self._failure = error
            raise _told(error) from error


class _Diagnostics:
    """Loses what cannot be written, as the progress displays do; those import too much for ``--help``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def _told(error: OSError) -> Exception:
    return error if isinstance(error, BrokenPipeError) else CannotWriteError(error.strerror)
