"""Reads the metrics of all training jobs' lines by their regexes, which may take for ever."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from smtune.metric_lines import BoundedReader

Found = Callable[[Sequence[dict[str, float]], set[str]], object]
"""Told the metrics of each line, and the names of the regexes that were given up."""


class _Search(NamedTuple):
    sources: dict[str, str]
    lines: Sequence[str]
    found: Found


class Scraper:
    """Searches lines in a thread and a process of its own, in the order in which they come.

    A regex that backtracks without end so holds up neither the engine nor the server, and other jobs' metrics for a
    second at most.
    """

    def __init__(self) -> None:
        self._searches: queue.SimpleQueue[_Search | None] = queue.SimpleQueue()
        self._reader = BoundedReader()
        self._thread: threading.Thread | None = None

    def search(self, sources: dict[str, str], lines: Sequence[str], found: Found) -> None:
        """Read metrics from lines. One thread calls this and :meth:`close`.

        Args:
            sources: Metric name to its regex; those that take too long are taken out.
            lines: As they were printed.
            found: Told what was found, in the scraper's thread.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="training-metrics", daemon=True)
            self._thread.start()
        self._searches.put(_Search(sources, lines, found))

    def close(self) -> None:
        """Give up all searches, and wait until that is done."""
        self._reader.end()
        self._searches.put(None)
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        with self._reader:
            while (search := self._searches.get()) is not None:
                found, slow = self._reader.read(search.sources, search.lines)
                for name in slow:
                    del search.sources[name]
                search.found(found, slow)
