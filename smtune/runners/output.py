"""What a trial prints: kept in its log byte by byte, and read line by line for metrics."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from smtune.container.reporting import parse_report
from smtune.errors import Problem, SpecError
from smtune.runners.base import Measured
from smtune.runners.evaluation import TAIL_LINES

_LONGEST_LINE = 1 << 16
"""Bytes of a line that are looked at; the log has them all. CloudWatch cuts lines at 256 KB."""
_LONGEST_TAIL_LINE = 1000
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


class Output:
    """Follows what one trial prints.

    A log that cannot be written (a full disk) is cut there, and :attr:`tail` says so: the trial goes on, and its
    metrics are read all the same.

    Args:
        number: Trial number.
        log_path: The log file; replaced if it is there.
        patterns: As :func:`compile_patterns` returns them.
    """

    def __init__(self, number: int, log_path: Path, patterns: Mapping[str, re.Pattern[str]]) -> None:
        self._number = number
        self._patterns = patterns
        self._line = bytearray()
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self._log: int | None = None
        self._cut: str | None = None
        try:
            log_path.parent.mkdir(parents=True, exist_ok=True)
            self._log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            self._cut_log(error)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines, at most 20, and where the log was cut."""
        lines = [_shown(line) for line in self._tail]
        if self._cut is not None:
            lines = [*lines[1 - TAIL_LINES :], self._cut]
        return tuple(lines)

    @property
    def cut(self) -> str | None:
        """Where and why the log was cut, or ``None`` if it is complete."""
        return self._cut

    def feed(self, data: bytes) -> list[Measured]:
        """Take what was printed next; return the metrics of the lines that are complete now."""
        self._write(data)
        *ends, rest = data.split(b"\n")
        measured = []
        for end in ends:
            self._extend(end)
            measured += self._take_line()
        self._extend(rest)
        return measured

    def finish(self) -> list[Measured]:
        """Close the log; return the metrics of a last line without a newline."""
        if self._log is not None:
            os.close(self._log)
            self._log = None
        return self._take_line() if self._line else []

    def _extend(self, part: bytes) -> None:
        self._line += part[: _LONGEST_LINE - len(self._line)]

    def _take_line(self) -> list[Measured]:
        line = bytes(self._line)
        self._line.clear()
        self._tail.append(line)
        metrics, step = read_metrics(line.decode("utf-8", "replace"), self._patterns)
        return [Measured(self._number, time.time(), metrics, step)] if metrics else []

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


def compile_patterns(metrics: Mapping[str, str | re.Pattern[str]]) -> dict[str, re.Pattern[str]]:
    """Compile the regexes that read metrics from lines.

    Raises:
        SpecError: A regex is wrong, or has no group that captures the value.
    """
    patterns: dict[str, re.Pattern[str]] = {}
    problems: list[Problem] = []
    for name, source in metrics.items():
        try:
            pattern = re.compile(source)
        except re.error as error:
            problems.append(Problem(f"metrics.{name}", source, f"is no regular expression: {error}", "correct it"))
            continue
        if pattern.groups == 0:
            rule = "must capture the value in a group"
            problems.append(Problem(f"metrics.{name}", pattern.pattern, rule, r"for example 'loss: (\S+)'"))
        patterns[name] = pattern
    if problems:
        raise SpecError(problems)
    return patterns


def read_metrics(line: str, patterns: Mapping[str, re.Pattern[str]]) -> tuple[dict[str, float], int | None]:
    r"""Read the metrics of a line, either reported with :func:`smtune.container.report` or found by regexes.

    A regex sees the line as it is and as CloudWatch shows it, which SageMaker's metrics are read from: there a tab is
    ``#011``.

    >>> read_metrics("[3]\ttrain-auc:0.9", compile_patterns({"auc": r"#011train-auc:(\S+)"}))
    ({'auc': 0.9}, None)

    Returns:
        Metric name to value, empty for most lines, and the step, if the script reported one.
    """
    report = parse_report(line)
    if report is not None:
        return report.metrics, report.step
    metrics = {}
    for name, pattern in patterns.items():
        match = pattern.search(line) or pattern.search(_as_cloudwatch_shows(line))
        if match:
            try:
                metrics[name] = float(match[1])
            except (TypeError, ValueError):  # the group took no part, or captured more than a number
                continue
    return metrics, None


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


def _as_cloudwatch_shows(line: str) -> str:
    return _CONTROL_CHARACTER.sub(lambda match: f"#{ord(match[0]):03o}", line)


def _shown(line: bytes) -> str:
    """Return what a terminal would show of a line, in which progress bars overwrite themselves."""
    text = line[-4 * _LONGEST_TAIL_LINE :] if b"\r" in line else line
    return text.decode("utf-8", "replace").rstrip().rsplit("\r", 1)[-1][:_LONGEST_TAIL_LINE]
