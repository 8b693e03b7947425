"""The median rule: give up a trial that is worse than half of the earlier ones were at its step."""

from __future__ import annotations

import math

from smtune.spec import Goal
from smtune.stopping.base import Course, StoppingRule
from smtune.stopping.running_median import RunningMedian
from smtune.trial import Trial, TrialStatus


class _Curve:
    """What one attempt of a trial reported.

    Attributes:
        course: How far it has come.
        averages: Step, or the count of reports where there are no steps, to the mean of the finite values up to there.
    """

    __slots__ = ("_count", "_mean", "averages", "course")

    def __init__(self) -> None:
        self.course = Course()
        self.averages: dict[int, float] = {}
        self._count = 0
        self._mean = 0.0

    def add(self, value: float, step: int | None) -> int | None:
        """Take in a report, and return its place, if it is a point of the course."""
        position = self.course.advance(step)
        if position is not None and math.isfinite(value):
            self._count += 1
            self._mean += (value - self._mean) / self._count  # equal values have exactly their own mean
            self.averages[position] = self._mean
        return position


class MedianRule(StoppingRule):
    """Gives up a trial whose objective at a step is worse than a median of the earlier trials up to that step.

    The median is that of the running averages: for every earlier trial, the mean of what it reported up to the step.
    The rule is that of Golovin et al. (2017), "Google Vizier: a service for black-box optimization", section 3.2.2,
    with the variation that SageMaker documents for ``TrainingJobEarlyStoppingType = Auto``: the trial's present
    value is compared, where Golovin et al. take its best value so far. "Worse" is strict.

    Not documented by SageMaker, and chosen here: earlier trials are those that completed, as Golovin et al. have it
    (stopped ones would drag the median towards the bad), and reported the objective at this very step; there must be
    ``min_trials`` of them; a trial is not stopped before its report number ``min_reports``, nor at the last step that any completed trial
    reached: it is about to end, and may be saving its model. Values that are not
    finite take no part: they neither enter an average nor stop a trial.

    Args:
        goal: Which way the objective is optimised.
        min_trials: Completed trials that must have reported at a step before any trial is stopped there.
        min_reports: Reports of the objective from which on a trial can be stopped; at least 2.
    """

    def __init__(self, *, goal: Goal, min_trials: int, min_reports: int) -> None:
        self._sign = goal.sign
        self._min_trials = min_trials
        self._min_reports = min_reports
        self._running: dict[int, _Curve] = {}
        self._medians: dict[int, RunningMedian] = {}
        self._last = -math.inf

    def begin(self, number: int) -> None:
        """Forget what an earlier attempt of a trial reported."""
        self._running.pop(number, None)

    def report(self, number: int, value: float, step: int | None) -> str | None:
        """Compare a trial with the completed ones at its step."""
        curve = self._running.setdefault(number, _Curve())
        position = curve.add(value, step)
        median = None if position is None else self._medians.get(position)
        if position is None or median is None or position >= self._last:
            return None
        if len(median) < self._min_trials or curve.course.reports < self._min_reports:
            return None
        if not math.isfinite(value) or self._sign * value <= self._sign * median.value:
            return None
        trials = f"{len(median)} trial{'s' if len(median) > 1 else ''}"
        return f"{value:.6g} at {curve.course.place(position)} is worse than the median {median.value:.6g} of {trials}"

    def end(self, trial: Trial) -> None:
        """Take a completed trial into the medians of its steps."""
        curve = self._running.pop(trial.number, None)
        if curve is None or trial.status is not TrialStatus.Completed:
            return
        for position, average in curve.averages.items():
            if math.isfinite(average):  # values near the largest float can overflow
                self._medians.setdefault(position, RunningMedian()).add(average)
                self._last = max(self._last, position)
