"""The rung rule: give up a trial that is not among the best at a rung."""

from __future__ import annotations

import math
from bisect import bisect_left, insort

from smtune.spec import Goal
from smtune.stopping.base import StoppingRule
from smtune.stopping.resources import ResourceMeter
from smtune.trial import Trial


class AshaRule(StoppingRule):
    """Gives up a trial that is not among the best ``1 / eta`` that have come to its rung so far.

    Rungs lie at ``first``, ``first * eta``, ``first * eta**2``, ... steps. A trial is compared there with those that
    came before it, and never again: nobody waits, nobody is taken back. This is the stopping variant of Li et al.
    (2020), "A system for massively parallel hyperparameter tuning" (ASHA), section 3.4 with the decision at once; the
    first ``eta - 1`` trials at a rung go on, as there is no best ``1 / eta`` of fewer.

    Args:
        goal: Which way the objective is optimised.
        first: Steps that every trial trains.
        eta: Reduction factor.
        last: Steps of a whole training, or ``None``. There is no rung there, as what has come so far is done; a trial
            that goes past them is given up.
    """

    def __init__(self, *, goal: Goal, first: int, eta: int, last: int | None = None) -> None:
        self._sign = goal.sign
        self._first = first
        self._eta = eta
        self._last = math.inf if last is None else last
        self._meter = ResourceMeter()
        self._next: dict[int, int] = {}
        self._rungs: dict[int, list[float]] = {}
        self._counted: dict[int, set[int]] = {}

    def begin(self, number: int) -> None:
        """Forget what an earlier attempt of a trial reported, but for its place on the rungs."""
        self._meter.begin(number)
        self._next[number] = self._first

    def report(self, number: int, value: float, step: int | None) -> str | None:
        """Compare a trial with those that came to its rung before."""
        self._meter.report(number, value, step)
        used, rung = self._meter.used(number), self._next.setdefault(number, self._first)
        if used > self._last:
            return f"{used} steps are more than the {self._last} of a whole training"
        if used < rung:
            return None
        while used >= rung * self._eta:
            rung *= self._eta  # sparse reports may pass several rungs at once; the last of them counts
        self._next[number] = rung * self._eta
        return self._compare(number, value, rung) if rung < self._last else None

    def _compare(self, number: int, value: float, rung: int) -> str | None:
        losses = self._rungs.setdefault(rung, [])
        loss = self._sign * value if math.isfinite(value) else math.inf
        counted = self._counted.setdefault(number, set())
        if rung not in counted:
            insort(losses, loss)
            counted.add(rung)
        go_on = len(losses) // self._eta
        place = bisect_left(losses, loss)
        if not go_on or place < go_on:
            return None
        cutoff, used = self._sign * losses[go_on - 1], self._meter.used(number)
        return (
            f"{value:.6g} after {used} step{'s' * (used > 1)} is not among the best {go_on} of {len(losses)} trials, "
            f"which reached {cutoff:.6g}"
        )

    def end(self, trial: Trial) -> None:
        """Forget what is needed for running trials only."""
        self._meter.forget(trial.number)
        self._next.pop(trial.number, None)
        self._counted.pop(trial.number, None)
