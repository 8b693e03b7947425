"""Logs of trainings in files, whoever wrote them."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from smtune.errors import Problem, SpecError
from smtune.metric_lines.reading import LONGEST_LINE

LONGEST_LOG = 64 << 20
"""Characters of a log that are kept."""
_FARTHEST = 1 << 30
"""Characters that are read for them, the rests of lines that are too long included."""
_BEGINNING = 1 << 13
"""Bytes by which a binary file is known."""
_TRACEBACK = "Traceback (most recent call last):"
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
        shortened: How many of the lines are longer, and were cut.
        binary: Whether this does not seem to be text at all.
    """

    lines: tuple[str, ...]
    cut: bool = False
    shortened: int = 0
    binary: bool = False


def read_log(path: str | Path, *, most: int = LONGEST_LOG, longest: int = LONGEST_LINE) -> LogFile:
    """Read a log: UTF-8, or what its byte order mark says, compressed with gzip or not; other bytes do not matter.

    Args:
        path: The file.
        most: Characters that are kept, ends of lines included; a line that this divides is left out.
        longest: Characters of a line that are kept; what follows in it is skipped.

    Raises:
        SpecError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            if file.peek(len(_GZIP)).startswith(_GZIP):
                with gzip.open(file) as content:
                    return _read(io.BufferedReader(content), most, longest)
            return _read(file, most, longest)
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        fix = "name a file with what a training printed"
        raise SpecError([Problem("log", str(path), f"cannot be read: {reason}", fix)]) from None


def _read(content: io.BufferedReader, most: int, longest: int) -> LogFile:
    beginning = content.peek(_BEGINNING)[:_BEGINNING]
    encoding = next((name for mark, name in _BYTE_ORDERS if beginning.startswith(mark)), None)
    binary = encoding is None and b"\0" in beginning
    lines: list[str] = []
    kept, shortened, cut, windows = 0, 0, False, True
    with io.TextIOWrapper(content, encoding or "utf-8", "replace", newline="\n") as text:
        for line, rest, behind in _lines(text, longest):
            kept += len(line)
            if kept > most or behind > _FARTHEST:
                cut = True
                break
            lines.append(line.removesuffix("\n"))
            windows &= (line + rest).endswith("\r\n") or not (line + rest).endswith("\n")
            shortened += bool(rest.rstrip("\r\n"))
    if windows:
        lines = [line.removesuffix("\r") for line in lines]
    return LogFile(tuple(lines), cut, shortened, binary)


def _lines(text: io.TextIOWrapper, longest: int) -> Iterator[tuple[str, str, int]]:
    """Yield the beginnings of lines, the last of what was skipped behind each, and how much was read so far."""
    position = 0
    while line := text.readline(longest):
        position += len(line)
        rest = ""
        while not (rest or line).endswith("\n") and position <= _FARTHEST and (more := text.readline(1 << 20)):
            rest = rest[-1:] + more  # "\r\n" may be divided
            position += len(more)
        yield line, rest, position


def without_tracebacks(lines: Iterable[str]) -> list[str]:
    """Return lines with empty ones in place of the code that Python's tracebacks show: it prints no metric there.

    >>> without_tracebacks(["Traceback (most recent call last):", "    print('auc=1')", "NameError: auc"])
    ['Traceback (most recent call last):', '', 'NameError: auc']
    """
    kept: list[str] = []
    within = False
    for line in lines:
        within = (within and line.startswith("  ")) or line.rstrip().endswith(_TRACEBACK)
        kept.append("" if within and line.startswith("  ") else line)
    return kept
