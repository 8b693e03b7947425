"""Searching for regexes that may take for ever."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from smtune.metric_lines import searching
from smtune.metric_lines.reading import LONGEST_LINE, as_cloudwatch_shows

_BATCH = 256
"""Lines that a regex gets its time for: each of them may then take a hundredth of a second in the mean."""


@dataclass(frozen=True, slots=True)
class Found:
    """How often a regex was found.

    Attributes:
        matches: Lines in which it was found.
        numbers: Lines in which its first group captured a number.
    """

    matches: int = 0
    numbers: int = 0


class BoundedSearch:
    r"""Searches lines for regexes in a process of its own, and gives up those that take too long.

    Nothing can end a search that backtracks without end but the end of its process; another one then goes on with the
    other regexes.

    >>> with BoundedSearch({"auc": r"auc=(\S+)", "slow": "(a*)*b"}, seconds=0.1) as search:
    ...     search.feed(["auc=0.5 " + "a" * 40])
    ...     search.found["auc"], search.slow
    (Found(matches=1, numbers=1), {'slow': (1, 1)})

    Args:
        sources: Name to a regex that compiles and has a group.
        seconds: Processor time that a regex may take for 256 lines, each as it is and as CloudWatch shows it.
    """

    def __init__(self, sources: Mapping[str, str], *, seconds: float = 1.0) -> None:
        self._sources = dict(sources)
        self._seconds = seconds
        self._fed = 0
        self._process: _SearchProcess | None = None
        self.found = dict.fromkeys(sources, Found())
        """How often each regex was found so far."""
        self.slow: dict[str, tuple[int, int]] = {}
        """The regexes that were given up, with the first and the last of the lines, from 1, that took too long."""

    def feed(self, lines: Sequence[str]) -> None:
        """Search the lines that come next; of each, 65,536 characters are looked at."""
        for start in range(0, len(lines), _BATCH):
            batch = [line[:LONGEST_LINE] for line in lines[start : start + _BATCH]]
            # A carriage return ends a line here, and not on SageMaker: see the reading of lines.
            self._feed([[*dict.fromkeys([*line.split("\r"), as_cloudwatch_shows(line)])] for line in batch])

    def _feed(self, batch: list[list[str]]) -> None:
        first, self._fed = self._fed + 1, self._fed + len(batch)
        known = False  # whether the process has the batch
        for number, name in enumerate(self._sources):
            if name in self.slow:
                continue
            if self._process is None or not known:
                self._send(batch)
                known = True
            self._send(number)
            answer = self._answer()
            if answer is None:
                self.slow[name] = (first, self._fed)
                self.close()
                known = False
            else:
                before = self.found[name]
                self.found[name] = Found(before.matches + answer[0], before.numbers + answer[1])

    def _send(self, message: object) -> None:
        if self._process is None:
            self._process = _SearchProcess(self._seconds, list(self._sources.values()))
        self._process.send(message)

    def _answer(self) -> list[int] | None:
        """Return the answer, or ``None`` if the process gave up."""
        answer = None if self._process is None else self._process.answer()
        return None if answer is None else [int(count) for count in answer]

    def close(self) -> None:
        """End the process. Idempotent."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class BoundedReader:
    r"""Reads the metrics of lines as :func:`find_metrics` does, but for regexes that take too long.

    >>> with BoundedReader(seconds=0.1) as reader:
    ...     reader.read({"auc": r"auc=(\S+)", "slow": "(a*)*b"}, ["auc=0.5 " + "a" * 40, "auc=0.75"])
    ([{'auc': 0.5}, {'auc': 0.75}], {'slow'})

    Args:
        seconds: Processor time that a regex may take for the lines of one call.
    """

    def __init__(self, *, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._process: _SearchProcess | None = None
        self._ended = False

    def read(self, sources: Mapping[str, str], lines: Sequence[str]) -> tuple[list[dict[str, float]], set[str]]:
        """Read the metrics of lines.

        Args:
            sources: Metric name to a regex that compiles and has a group.
            lines: As for :func:`find_metrics`.

        Returns:
            Metric name to value, for each line; and the names of the regexes that took too long, which read nothing.
        """
        found: list[dict[str, float]] = [{} for _ in lines]
        slow: set[str] = set()
        forms = [[*dict.fromkeys([line.removeprefix("\r"), as_cloudwatch_shows(line)])] for line in lines]
        left = dict(sources)
        while left:
            if self._process is None:
                self._process = _SearchProcess(self._seconds, [])
            if self._ended:  # whoever said so may not have seen the process yet
                break
            self._process.send({"regexes": list(left.values()), "lines": forms})
            for name in list(left):
                del left[name]
                values = self._process.answer()
                if values is None:
                    slow.add(name)
                    self.close()
                    break
                for place, value in values:
                    found[place][name] = value
        return found, slow

    def end(self) -> None:
        """Read nothing from now on, and give up what is being read. From any thread."""
        self._ended = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _SearchProcess:
    """The process that searches, and ends if that takes too long.

    Args:
        seconds: Processor time that a search may take.
        sources: Regexes that messages name by their numbers.
    """

    def __init__(self, seconds: float, sources: Sequence[str]) -> None:
        self._link, end = socket.socketpair()
        with end:
            command = [sys.executable, "-I", "-S", "-W", "ignore", searching.__file__, str(seconds)]
            try:
                self._process = subprocess.Popen(command, stdin=end.fileno(), stdout=end.fileno())
            except OSError:
                self._link.close()
                raise
        self._rest = b""
        self.send(list(sources))

    def send(self, message: object) -> None:
        """Ask something; nothing happens if the process has ended."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._link.sendall(json.dumps(message).encode() + b"\n")

    def answer(self) -> Any:
        """Return the next answer, or ``None`` if the process has ended."""
        while b"\n" not in self._rest:
            try:
                part = self._link.recv(1 << 16)
            except OSError:  # it has ended, or was closed by another thread
                return None
            if not part:
                return None
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def kill(self) -> None:
        """End the process; whoever waits for its answer gets none."""
        self._process.kill()

    def close(self) -> None:
        """End the process, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        self._link.close()
