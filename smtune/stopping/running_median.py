"""The median of numbers that come one by one."""

from __future__ import annotations

import heapq


class RunningMedian:
    """The median of the numbers so far: logarithmic time to add one, constant time to read it.

    >>> median = RunningMedian()
    >>> for value in (3.0, 1.0, 2.0, 10.0):
    ...     median.add(value)
    >>> median.value
    2.5
    """

    __slots__ = ("_lower", "_upper")

    def __init__(self) -> None:
        self._lower: list[float] = []  # the smaller half, negated: the heap's first is its largest
        self._upper: list[float] = []  # the larger half, never the longer one

    def __len__(self) -> int:
        return len(self._lower) + len(self._upper)

    def add(self, value: float) -> None:
        """Add a finite number."""
        heapq.heappush(self._upper, -heapq.heappushpop(self._lower, -value))
        if len(self._upper) > len(self._lower):
            heapq.heappush(self._lower, -heapq.heappop(self._upper))

    @property
    def value(self) -> float:
        """The median; of an even count, the mean of the two in the middle.

        Raises:
            IndexError: There are no numbers yet.
        """
        low = -self._lower[0]
        return low if len(self._lower) > len(self._upper) else low / 2 + self._upper[0] / 2
