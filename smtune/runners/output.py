"""What a trial prints: kept in its log byte by byte, and read line by line for metrics."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from smtune.metric_lines import LONGEST_LINE, NUMBER, Reader, corrected, read_metrics
from smtune.runners.base import Measured
from smtune.runners.evaluation import TAIL_LINES

_LONGEST_TAIL_LINE = 1000
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


class Output:
    """Follows what one trial prints.

    A carriage return ends a line as a newline does, so the metrics of every state of a progress bar are read; in the
    tail, a bar is one line with its last state.

    A log that cannot be written (a full disk) is cut there, and :attr:`tail` says so: the trial goes on, and its
    metrics are read all the same.

    Args:
        number: Trial number.
        log_path: The log file; replaced if it is there.
        patterns: As :func:`compile_patterns` returns them.
        goes_on: Whether to keep what the log says of the trial before its pause.
        read: Reads the metrics of a line.
    """

    def __init__(
        self,
        number: int,
        log_path: Path,
        patterns: Mapping[str, re.Pattern[str]],
        *,
        goes_on: bool = False,
        read: Reader = read_metrics,
    ) -> None:
        self._number = number
        self._patterns = patterns
        self._read_line = read
        self._line = bytearray()
        self._shown = b""
        self._read: set[str] = set()
        self._misread: dict[str, str] = {}
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._log: int | None = None
        self._cut: str | None = None
        try:
            log_path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_APPEND if goes_on else os.O_TRUNC
            self._log = os.open(log_path, os.O_WRONLY | os.O_CREAT | flags | os.O_CLOEXEC, 0o666)
        except OSError as error:
            self._cut_log(error)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines, at most 20, and where the log was cut."""
        lines = [line.decode("utf-8", "replace").rstrip()[:_LONGEST_TAIL_LINE] for line in self._tail]
        if self._cut is not None:
            lines = [*lines[1 - TAIL_LINES :], self._cut]
        return tuple(lines)

    @property
    def cut(self) -> str | None:
        """Where and why the log was cut, or ``None`` if it is complete."""
        return self._cut

    @property
    def remark(self) -> str | None:
        """Why metrics that were never read may be missing: their regexes captured something else than numbers."""
        return "; ".join(text for name, text in self._misread.items() if name not in self._read) or None

    def feed(self, data: bytes) -> list[Measured]:
        """Take what was printed next; return the metrics of the lines that are complete now."""
        self._write(data)
        *ends, rest = data.split(b"\n")
        measured = []
        for end in ends:
            measured += self._follow(end) + self._take_line()
            self._end_tail_line()
        return measured + self._follow(rest)

    def finish(self) -> list[Measured]:
        """Close the log; return the metrics of a last line without a newline."""
        if self._log is not None:
            os.close(self._log)
            self._log = None
        measured = self._take_line()
        if self._shown:
            self._end_tail_line()
        return measured

    def _follow(self, part: bytes) -> list[Measured]:
        """Take what was printed next up to a newline; return the metrics of what carriage returns complete."""
        *states, rest = part.split(b"\r")
        measured = []
        for state in states:
            self._extend(state)
            measured += self._take_line()
            self._line += b"\r"  # kept for regexes that look for it as CloudWatch shows it
        self._extend(rest)
        return measured

    def _extend(self, part: bytes) -> None:
        self._line += part[: LONGEST_LINE - len(self._line)]

    def _take_line(self) -> list[Measured]:
        line = bytes(self._line)
        self._line.clear()
        if not line.strip():
            return []
        self._shown = line.removeprefix(b"\r")[: 4 * _LONGEST_TAIL_LINE]
        found = self._read_line(line.decode("utf-8", "replace"), self._patterns)
        self._read.update(found.metrics)
        for name, match in found.misread.items():
            if name not in self._misread:
                self._misread[name] = _misread(name, match)
        return [Measured(self._number, time.time(), found.metrics, found.step)] if found.metrics else []

    def _end_tail_line(self) -> None:
        self._tail.append(self._shown)
        self._shown = b""

    def _write(self, data: bytes) -> None:
        try:
            while self._log is not None and data:
                data = data[os.write(self._log, data) :]
        except OSError as error:
            self._cut_log(error)

    def _cut_log(self, error: OSError) -> None:
        self._cut = f"[the log of this trial ends early: {error.strerror}]"
        if self._log is not None:
            os.close(self._log)
            self._log = None


def traceback_cause(lines: Sequence[str]) -> str | None:
    """Return the line that names the error below the last traceback, or ``None``.

    >>> traceback_cause(["Traceback (most recent call last):", '  File "a.py", line 1', "ValueError: eta", "bye"])
    'ValueError: eta'
    """
    for end in range(len(lines) - 1, 0, -1):
        if re.match(r"[A-Za-z_][\w.]*(: |$)", lines[end]):
            above = end - 1
            while above >= 0 and lines[above].startswith(" "):
                if lines[above].startswith('  File "'):
                    return lines[end]
                above -= 1
    return None


def error_line(lines: Sequence[str]) -> str | None:
    """Return the last line that speaks of an error, or ``None``.

    >>> error_line(["usage: train.py [--eta ETA]", "train.py: error: unrecognized arguments: --epochs 3"])
    'train.py: error: unrecognized arguments: --epochs 3'
    """
    return next((line.strip() for line in reversed(lines) if "error" in line.lower()), None)


def _misread(name: str, match: re.Match[str]) -> str:
    begin, end = match.span(1)
    line = match.string[max(0, begin - 40) : begin + 40]
    before, after = "..." if begin > 40 else "", "..." if begin + 40 < len(match.string) else ""
    read = match[1] if end - begin <= 40 else match[1][:40] + "..."
    return (
        f"the expression for {name!r} read {_plain(read)!r} from "
        f'"{before}{_plain(line)}{after}", which is no number; {_advice(match)}'
    )


def _advice(match: re.Match[str]) -> str:
    """Return a regex that reads a number from the same line, or how to come by one."""
    source = corrected(match.re.pattern)
    if source is not None:
        # Not every expression survives it, e.g. one that refers back to its groups.
        with contextlib.suppress(re.error, TypeError, ValueError):
            found = re.compile(source, match.re.flags).search(match.string)
            float(found[1] if found else "")
            return f"use {source}"
    return f"let its first group be {NUMBER}"


def _plain(text: str) -> str:
    return _CONTROL_CHARACTER.sub(" ", text).strip()
