"""Logs of trainings in files, whoever wrote them."""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

from smtune.errors import Problem, SpecError

LONGEST_LOG = 64 << 20
"""Bytes of a log that are read."""
_GZIP = b"\x1f\x8b"
_BYTE_ORDERS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class LogFile:
    """The lines of a log.

    Attributes:
        lines: Without the newlines that end them; carriage returns are left in, as they are not SageMaker's ends of
            lines, unless they end all the lines of a file from Windows.
        cut: Whether there is more in the file.
    """

    lines: tuple[str, ...]
    cut: bool = False


def read_log(path: str | Path, *, most: int = LONGEST_LOG) -> LogFile:
    """Read a log: UTF-8, or what its byte order mark says, compressed with gzip or not; other bytes do not matter.

    Args:
        path: The file.
        most: Bytes that are read; a line that this divides is left out.

    Raises:
        SpecError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            compressed = file.read(2) == _GZIP
            file.seek(0)
            if compressed:
                with gzip.open(file) as content:
                    data = content.read(most + 1)
            else:
                data = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        fix = "name a file with what a training printed"
        raise SpecError([Problem("log", str(path), f"cannot be read: {reason}", fix)]) from None
    cut = len(data) > most
    encoding = next((name for mark, name in _BYTE_ORDERS if data.startswith(mark)), "utf-8")
    *ended, last = data[:most].decode(encoding, "replace").split("\n")
    if ended and all(line.endswith("\r") for line in ended):
        ended = [line.removesuffix("\r") for line in ended]
    return LogFile((*ended, *([last] if last and not cut else [])), cut)
