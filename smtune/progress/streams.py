"""Writes to people in a way that never costs the job its result."""

from __future__ import annotations

import contextlib
from typing import Any, TextIO, cast


def forgiving(stream: TextIO) -> TextIO:
    """Return a stream that loses what cannot be written: to a full disk, or to a terminal that is gone."""
    return cast("TextIO", _Forgiving(stream))


class _Forgiving:
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
