"""Reads the metrics of all training jobs' lines by their regexes, which may take for ever."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from smtune.metric_lines import BoundedReader

Found = Callable[[Sequence[dict[str, float]], set[str], Exception | None], object]
"""Told the metrics of each line, the names of the regexes that were given up, and why nothing could be searched."""


class _Search(NamedTuple):
    lines: Sequence[str]
    found: Found


class _Source:
    """Somebody whose lines are searched.

    Attributes:
        regexes: Metric name to its regex.
        searches: What waits, in its order.
    """

    def __init__(self, regexes: dict[str, str]) -> None:
        self.regexes = regexes
        self.searches: deque[_Search] = deque()


class Scraper:
    """Searches lines in a thread and a process of its own.

    A regex that backtracks without end so holds up neither the engine nor the server. Searches with the same regexes
    are done in their order, and take turns with others: nobody's metrics wait for more than one search of each other
    job.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sources: dict[int, _Source] = {}
        self._reader = BoundedReader()
        self._thread: threading.Thread | None = None
        self._closed = False

    def search(self, regexes: dict[str, str], lines: Sequence[str], found: Found) -> None:
        """Read metrics from lines. One thread calls this and :meth:`close`.

        Args:
            regexes: Metric name to its regex; those that take too long are taken out.
            lines: As they were printed.
            found: Told what was found, in the scraper's thread.
        """
        if self._thread is None:
            thread = threading.Thread(target=self._serve, name="training-metrics", daemon=True)
            thread.start()
            self._thread = thread
        with self._changed:
            self._sources.setdefault(id(regexes), _Source(regexes)).searches.append(_Search(lines, found))
            self._changed.notify()

    def close(self) -> None:
        """Give up all searches, and wait until that is done."""
        self._reader.end()
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        with self._reader:
            while (next_one := self._next()) is not None:
                source, search = next_one
                try:
                    found, slow = self._reader.read(source.regexes, search.lines)
                except Exception as error:  # there may be no room for a process; that must not end the others' searches
                    self._reader.close()
                    search.found([], set(), error)
                    continue
                for name in slow:
                    del source.regexes[name]
                search.found(found, slow, None)

    def _next(self) -> tuple[_Source, _Search] | None:
        """Return whose turn it is, and what for; ``None`` at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._sources or self._closed)
            if self._closed:
                return None
            key = next(iter(self._sources))
            source = self._sources.pop(key)
            search = source.searches.popleft()
            if source.searches:
                self._sources[key] = source  # behind all others
            return source, search
