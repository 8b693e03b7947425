"""What training jobs print: as lines for CloudWatch's log, and as metrics."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from smtune.emulator.service.aws import Aws
from smtune.emulator.service.troubles import Abandoned
from smtune.metric_lines import as_cloudwatch_shows

_LONGEST_LINE: Final = 256 * 1024 - 26
"""Bytes of a line that CloudWatch takes; the rest is left out."""
_SEARCHED: Final = 1 << 12
"""Characters of a line that regexes see: some need the square of them in time."""
_MOST_UNREAD: Final = 1 << 18
"""Characters that may wait to be searched before a host has to wait with printing."""
_LONGEST_LOG: Final = 1 << 26
"""Characters of a host's log that are kept; a line counts as 1,000 at least, so that it has 67,108 lines at most."""
_LEAST: Final = 1000
_TAIL: Final = 20

T = TypeVar("T")


class Lines:
    """Cuts what a host prints into lines."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """Take what was printed next; return the lines that are complete now, without empty ones."""
        *ends, rest = data.split(b"\n")
        lines = []
        for end in ends:
            self._extend(end)
            lines.append(self._take())
        self._extend(rest)
        return [line for line in lines if line]

    def finish(self) -> list[str]:
        """Return a last line that was not ended, if there is one."""
        line = self._take()
        return [line] if line else []

    def _extend(self, part: bytes) -> None:
        self._rest += part[: _LONGEST_LINE - len(self._rest)]

    def _take(self) -> str:
        line = self._rest.decode("utf-8", "replace").rstrip()
        self._rest.clear()
        return line


class Journal:
    """Follows one host of a training job.

    Args:
        job: Name of the training job.
        stream: Name of the host's stream in the log.
        sources: Metric name to its regex.
    """

    def __init__(self, job: str, stream: str, sources: Mapping[str, str]) -> None:
        self._job = job
        self._stream = stream
        self.sources = dict(sources)
        """Metric name to its regex, as long as that is searched for."""
        self._lines = Lines()
        self._room = _LONGEST_LOG
        self._log: deque[tuple[float, str]] = deque()
        self._metrics: deque[tuple[str, float, float]] = deque()
        self._writing = threading.Lock()
        self._unread = 0
        self.tail: deque[str] = deque(maxlen=_TAIL)
        """The last lines."""

    @property
    def waits(self) -> int:
        """How many lines and metrics :meth:`write` has not written yet."""
        return len(self._log) + len(self._metrics)

    @property
    def is_behind(self) -> bool:
        """Whether too much waits to be searched for metrics."""
        return self._unread > _MOST_UNREAD

    @property
    def is_read(self) -> bool:
        """Whether nothing waits to be searched for metrics."""
        return self._unread == 0

    def feed(self, data: bytes, at: float) -> list[str]:
        """Take what was printed next; return the lines that are complete now, as far as metrics are read from them."""
        return self._keep_all(self._lines.feed(data), at)

    def finish(self, at: float) -> list[str]:
        """Return a last line that was not ended, if there is one."""
        return self._keep_all(self._lines.finish(), at)

    def searched(
        self, lines: Iterable[str], found: Iterable[Mapping[str, float]], slow: Iterable[str], at: float
    ) -> None:
        """Keep what was found in lines that :meth:`feed` or :meth:`finish` returned at a time.

        Args:
            lines: The lines.
            found: The metrics of each.
            slow: Names of metrics whose regexes took too long.
            at: When the lines came.
        """
        self._unread -= _size(lines)
        for name in slow:
            text = f"the regular expression of the metric {name} takes too long for what is printed here"
            self.remark(f"{text}: it is not searched for any more", at)
        if self._room > 0:
            for metrics in found:
                self._metrics.extend((name, value, at) for name, value in metrics.items() if math.isfinite(value))

    def remark(self, text: str, at: float) -> None:
        """Add a line of the emulator's own."""
        self._log.append((at, f"emulator: {text}"))

    def write(self, aws: Aws) -> None:
        """Write what has come since; may be called from several threads. What cannot be written waits for the next call."""
        with self._writing:
            with _taken(self._log) as lines:
                if lines:
                    aws.log(self._stream, lines)
            with _taken(self._metrics) as metrics:
                while metrics:
                    name, value, at = metrics[0]
                    aws.metric(self._job, name, value, at)
                    metrics.popleft()

    def _keep_all(self, lines: list[str], at: float) -> list[str]:
        for line in lines:
            self.tail.append(line)
            self._keep(as_cloudwatch_shows(line), at)
        if not self.sources:
            return []
        searched = [line[:_SEARCHED] for line in lines]
        self._unread += _size(searched)
        return searched

    def _keep(self, line: str, at: float) -> None:
        if self._room <= 0:
            return
        self._log.append((at, line))
        self._room -= max(_LEAST, len(line))
        if self._room <= 0:
            self.remark("the log ends here: it is too long; metrics are still read", at)


@contextlib.contextmanager
def _taken(queue: deque[T]) -> Iterator[deque[T]]:
    """Take all out of a queue, to which others may add meanwhile; what is left after an error goes back."""
    taken = deque(queue.popleft() for _ in range(len(queue)))
    try:
        yield taken
    except Abandoned:
        raise
    except Exception:
        queue.extendleft(reversed(taken))
        raise


def _size(lines: Iterable[str]) -> int:
    return sum(map(len, lines))
