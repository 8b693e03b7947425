"""What the benchmarks share: fresh processes, CPU seconds, peak memory, a calibration loop, tables.

CPU seconds are what is compared, because they hold while other programs use the machine; so do ratios between runs
that took turns. Seconds on the wall do not.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

ROOT = Path(__file__).parents[1]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""For every process of every variant: two trials at a time on two cores is what is compared, not thread pools."""

_CALIBRATION_STEPS = 250_000
_PEAK_UNIT = 2**20 if sys.platform == "darwin" else 2**10  # getrusage counts bytes on macOS, KiB on Linux


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took.

    Attributes:
        cpu: Seconds of this process and of all descendants that have ended and were waited for.
        wall: Seconds that went by.
    """

    cpu: float
    wall: float


class Stopwatch:
    """Takes the cost of a ``with`` block, which is in :attr:`cost` afterwards."""

    def __enter__(self) -> Self:
        self._wall = time.perf_counter()
        self._cpu = cpu_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cost = Cost(cpu_seconds() - self._cpu, time.perf_counter() - self._wall)


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its descendants, as far as they were waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_megabytes() -> float:
    """Return the most memory that this process has held so far.

    Linux counts in what the parent held when it started the process: the parent must be small.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT / 1e6


def calibrate() -> float:
    """Return the CPU seconds of a fixed amount of interpreter's work: how fast this process was."""
    start = time.process_time()
    total = 0
    for step in range(_CALIBRATION_STEPS):
        total += step * step % 7
    return time.process_time() - start


def in_fresh_process(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Run Python with these arguments and return the JSON object in the last line that it prints.

    Args:
        arguments: For the interpreter.
        environment: Variables on top of this process's own.

    Raises:
        RuntimeError: It failed; carries what it printed.
    """
    # Such as not to keep compiled modules: nobody's settings of Python shall be measured.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**inherited, **ONE_THREAD, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


class Subject(Protocol):
    """Something to measure, as far as it may have to be skipped."""

    @property
    def title(self) -> str:
        """What it is, for tables."""

    @property
    def peer(self) -> str | None:
        """The name under which it can be left out, or ``None`` if it always belongs there."""

    @property
    def module(self) -> str | None:
        """What must be installed, or ``None``."""


def choose(subjects: Mapping[str, Subject], peers: Collection[str]) -> list[str]:
    """Return the names of the subjects that are measured; print what is skipped, and why.

    Args:
        subjects: Name to subject.
        peers: Those that are wanted.
    """
    names = []
    for name, subject in subjects.items():
        if subject.peer is not None and subject.peer not in peers:
            print(f"skipped: {subject.title} (not asked for)")
        elif not installed(subject.module):
            print(f"skipped: {subject.title} ({subject.module} is not installed)")
        else:
            names.append(name)
    return names


def installed(module: str | None) -> bool:
    """Return whether a top-level module can be imported; ``None`` needs nothing."""
    return module is None or importlib.util.find_spec(module) is not None


def median(values: Iterable[float]) -> float | None:
    """Return the median, or ``None`` of nothing."""
    known = list(values)
    return statistics.median(known) if known else None


def machine(packages: Sequence[str]) -> str:
    """Return one line on where the figures come from.

    Args:
        packages: Distributions whose versions matter; those that are not installed are left out.
    """
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    python = f"Python {platform.python_version()}"
    return ", ".join([time.strftime("%Y-%m-%d"), f"{platform.system()}, {cores} cores", python, *versions])


def describe_calibration(seconds: Sequence[float]) -> str:
    """Return one line on how even the machine was, from the calibration loops of all processes."""
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    return (
        f"calibration loop in each of {len(seconds)} processes: median {middle * 1e3:.1f} ms CPU, "
        f"range {low * 1e3:.1f} to {high * 1e3:.1f}"
    )


def number(value: float | None, digits: int = 3) -> str:
    """Return a value with this many significant digits and no exponent, or a dash.

    >>> number(0.012345), number(1234.5), number(None)
    ('0.0123', '1,234', '-')
    """
    if value is None:
        return "-"
    if value == 0:
        return "0"
    decimals = max(0, digits - len(f"{abs(value):.0f}")) if abs(value) >= 1 else digits - _exponent(value) - 1
    return f"{value:,.{decimals}f}"


def _exponent(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def verdict(value: float | None, *, at_most: float | None = None, at_least: float | None = None) -> str:
    """Return ``PASS`` or ``MISS``, or a dash if there is no value."""
    if value is None:
        return "-"
    missed = (at_most is not None and value > at_most) or (at_least is not None and value < at_least)
    return "MISS" if missed else "PASS"


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table whose columns line up."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = cells
        padded = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    print(f"\n{title}\n", line(header), f"| {' | '.join(rule)} |", *map(line, rows), sep="\n", flush=True)
