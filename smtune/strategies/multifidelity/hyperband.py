"""Hyperband: brackets of successive halving, in which trials wait for all others of their rung."""

from __future__ import annotations

import math
from collections.abc import Sequence

from smtune.strategies.multifidelity.brackets import Bracket, Rung, halving
from smtune.strategies.multifidelity.scheduler import Promotion, Scheduler


class _Run:
    """A bracket under way: the rung where its trials are, and what they reached there."""

    def __init__(self, bracket: Bracket, eta: int) -> None:
        self._rungs = bracket
        self._eta = eta
        self._rung = 0
        self._members: list[int] = []
        self._losses: dict[int, tuple[float, bool]] = {}
        self._promoted: list[int] = []
        self.admits = bracket[0].size

    @property
    def is_over(self) -> bool:
        """Whether no trial of it goes on any more."""
        return self._rung == len(self._rungs)

    @property
    def rung(self) -> Rung:
        """Where its trials are."""
        return self._rungs[self._rung]

    def admit(self, number: int) -> int:
        """Take in a trial at the lowest rung."""
        self._members.append(number)
        self.admits -= 1
        return self.rung.resource

    def close(self) -> None:
        """Make do with the trials that are there."""
        if self.admits and self._members:
            self.admits = 0
            self._rungs = halving(len(self._members), [rung.resource for rung in self._rungs], self._eta)
            self._decide()

    def record(self, number: int, loss: float | None, *, goes_on: bool) -> None:
        """Take in what a trial reached on the present rung."""
        self._losses[number] = (math.inf if loss is None else loss, goes_on)
        self._decide()

    def promote(self) -> Promotion | None:
        """Return the next of those that go on."""
        return Promotion(self._promoted.pop(0), self.rung.resource) if self._promoted else None

    def _decide(self) -> None:
        """Go to the next rung when all trials of this one are known, and past those where nobody trains."""
        while not self.is_over and not self.admits and len(self._losses) == len(self._members):
            self._climb()

    def _climb(self) -> None:
        ranked = sorted((loss, number) for number, (loss, _) in self._losses.items() if loss < math.inf)
        self._rung += 1
        size = 0 if self.is_over else self.rung.size
        self._members = [number for _, number in ranked[:size]]
        if not self._members:
            self._rung = len(self._rungs)
        ended = {number: entry for number, entry in self._losses.items() if not entry[1]}
        self._losses = {number: ended[number] for number in self._members if number in ended}
        self._promoted = [number for number in self._members if number not in ended]


class Hyperband(Scheduler):
    """Runs brackets one after the other, round after round; opens the next one rather than let a worker wait.

    Li et al. (2018), "Hyperband: a novel bandit-based approach to hyperparameter optimization", algorithm 1. With one
    bracket it is successive halving (Jamieson and Talwalkar, 2016). Promotions come first, those of older brackets
    before those of newer ones.

    >>> from smtune.strategies.multifidelity import hyperband_brackets
    >>> scheduler = Hyperband(hyperband_brackets(1, 3, 3), eta=3)
    >>> [scheduler.admit(number) for number in range(3)]
    [1, 1, 1]
    >>> for number, loss in enumerate([0.7, 0.2, 0.5]):
    ...     scheduler.record(number, loss, goes_on=True)
    >>> scheduler.promote()
    Promotion(number=1, resource=3)

    Args:
        brackets: Of one round.
        eta: Factor between rungs.
    """

    def __init__(self, brackets: Sequence[Bracket], *, eta: int) -> None:
        self._brackets = tuple(brackets)
        self._eta = eta
        self._opened = 0
        self._runs: list[_Run] = []
        self._run_of: dict[int, _Run] = {}

    def admit(self, number: int) -> int:
        """Take in a new trial, in a new bracket if the last one is full."""
        if not self._runs or not self._runs[-1].admits:
            self._runs.append(_Run(self._brackets[self._opened % len(self._brackets)], self._eta))
            self._opened += 1
        self._run_of[number] = self._runs[-1]
        return self._runs[-1].admit(number)

    def promote(self) -> Promotion | None:
        """Return a trial that goes on now."""
        for run in self._runs:
            promotion = run.promote()
            if promotion is not None:
                return promotion
        return None

    def record(self, number: int, loss: float | None, *, goes_on: bool) -> None:
        """Take in what a trial reached with the resource that it was given."""
        run = self._run_of[number]
        run.record(number, loss, goes_on=goes_on)
        if run.is_over:
            self._runs.remove(run)

    def close(self) -> None:
        """Compare the trials of a bracket that is not full."""
        for run in list(self._runs):
            run.close()
            if run.is_over:
                self._runs.remove(run)
