"""Asynchronous successive halving: nobody waits for the others of a rung."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import pairwise

from smtune.strategies.multifidelity.scheduler import Promotion, Scheduler


class _Rung:
    """What trials reached with one resource, and who of them has not gone on."""

    def __init__(self, eta: int) -> None:
        self._eta = eta
        self._losses: list[tuple[float, int]] = []
        self._paused: list[tuple[float, int]] = []
        self._over: list[tuple[float, int]] = []

    def record(self, number: int, loss: float, *, goes_on: bool) -> None:
        """Take in a trial."""
        insort(self._losses, (loss, number))
        if loss < math.inf:
            heappush(self._paused if goes_on else self._over, (loss, number))

    def promote(self) -> int | None:
        """Return the best trial that waits to go on, if it is in the best ``1 / eta`` of all."""
        best = self._pop(self._paused)
        return None if best is None else best[1]

    def best(self) -> int | None:
        """Return the best trial that waits to go on, however many are better."""
        return heappop(self._paused)[1] if self._paused else None

    def pass_on(self) -> tuple[float, int] | None:
        """Return loss and number of the best trial that has no more to come, if it is in the best ``1 / eta``."""
        return self._pop(self._over)

    def _pop(self, heap: list[tuple[float, int]]) -> tuple[float, int] | None:
        if not heap or bisect_left(self._losses, heap[0]) >= len(self._losses) // self._eta:
            return None
        return heappop(heap)


class AsynchronousHalving(Scheduler):
    """Promotes a trial as soon as it is in the best ``1 / eta`` of its rung so far; else admits a new one.

    Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar (2020), "A system for massively parallel
    hyperparameter tuning", algorithm 2 (ASHA). Higher rungs come first. When no new trials come any more and none has had
    a whole training, the best one goes on to the end.

    >>> scheduler = AsynchronousHalving((1, 2), eta=2)
    >>> for number, loss in enumerate([0.7, 0.2]):
    ...     resource = scheduler.admit(number)
    ...     scheduler.record(number, loss, goes_on=True)
    >>> scheduler.promote()
    Promotion(number=1, resource=2)

    Args:
        resources: Of the rungs, from the lowest.
        eta: Factor between rungs.
    """

    def __init__(self, resources: Sequence[int], *, eta: int) -> None:
        self._resources = tuple(resources)
        self._rungs = [_Rung(eta) for _ in resources[:-1]]
        self._place: dict[int, int] = {}
        self._training = 0
        self._whole = len(resources) == 1
        self._closed = False

    def admit(self, number: int) -> int:
        """Take in a new trial at the lowest rung."""
        self._place[number] = 0
        self._training += 1
        self._closed = False
        return self._resources[0]

    def promote(self) -> Promotion | None:
        """Return a trial that goes on now."""
        for place in reversed(range(len(self._rungs))):
            number = self._rungs[place].promote()
            if number is not None:
                return self._promotion(number, place + 1)
        return self._last() if self._closed and not self._training and not self._whole else None

    def _last(self) -> Promotion | None:
        """Return the best trial of the highest rung: no new ones come, and none has had a whole training yet."""
        for place in reversed(range(len(self._rungs))):
            number = self._rungs[place].best()
            if number is not None:
                return self._promotion(number, place + 1)
        return None

    def _promotion(self, number: int, place: int) -> Promotion:
        self._place[number] = place
        self._training += 1
        return Promotion(number, self._resources[place])

    def record(self, number: int, loss: float | None, *, goes_on: bool) -> None:
        """Take in what a trial reached with the resource that it was given."""
        place = self._place[number]
        self._training -= 1
        if place == len(self._rungs) or not goes_on:
            self._whole = self._whole or loss is not None
        if place == len(self._rungs):
            return
        self._rungs[place].record(number, math.inf if loss is None else loss, goes_on=goes_on)
        # At once, and not when somebody asks: who goes on must not depend on how often that is.
        for rung, above in pairwise(self._rungs):
            while (known := rung.pass_on()) is not None:
                loss, number = known
                above.record(number, loss, goes_on=False)

    def close(self) -> None:
        """Let the best go on to the end if nobody has got there."""
        self._closed = True
