"""The plateau rule: give up a trial whose own objective no longer improves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from smtune.spec import Goal
from smtune.stopping.base import Course, StoppingRule
from smtune.trial import Trial


@dataclass(slots=True)
class _Standing:
    """Where a running trial stands.

    Attributes:
        course: How far it has come.
        best: Its value at the last improvement; nan before the first finite one.
        since: Reports since then, or since the first report.
    """

    course: Course = field(default_factory=Course)
    best: float = math.nan
    since: int = 0


class PlateauRule(StoppingRule):
    """Gives up a trial after a number of reports in a row without an improvement of its objective.

    Small steps add up: an improvement is counted from the value of the last one. A value that is not finite is none,
    so that a trial that has diverged is given up as well.

    Args:
        goal: Which way the objective is optimised.
        patience: Reports in a row without an improvement.
        min_change: An improvement is larger than this, in units of the objective.
    """

    def __init__(self, *, goal: Goal, patience: int, min_change: float) -> None:
        self._sign = goal.sign
        self._patience = patience
        self._min_change = min_change
        self._running: dict[int, _Standing] = {}

    def begin(self, number: int) -> None:
        """Forget what an earlier attempt of a trial reported."""
        self._running.pop(number, None)

    def report(self, number: int, value: float, step: int | None) -> str | None:
        """Compare a trial with itself."""
        standing = self._running.setdefault(number, _Standing())
        position = standing.course.advance(step)
        if position is None:
            return None
        if self._improves(value, standing.best):
            standing.best, standing.since = value, 0
            return None
        standing.since += standing.course.reports > 1
        if standing.since < self._patience:
            return None
        where = standing.course.place(position)
        if math.isnan(standing.best):
            return f"{value:.6g} at {where}, and no finite value in {standing.course.reports} reports"
        margin = f" by more than {self._min_change:g}" if self._min_change else ""
        count = f"{standing.since} report{'s' if standing.since > 1 else ''}"
        return f"{value:.6g} at {where}, and no better than {standing.best:.6g}{margin} for {count}"

    def _improves(self, value: float, best: float) -> bool:
        if not math.isfinite(value):
            return False
        return math.isnan(best) or self._sign * (best - value) > self._min_change

    def end(self, trial: Trial) -> None:
        """Forget the trial."""
        self._running.pop(trial.number, None)
