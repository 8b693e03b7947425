"""What a job, and each of its trials, may take of time and money."""

from __future__ import annotations

import math

from smtune.results import RAN_TOO_LONG
from smtune.spec import Limits
from smtune.trial import Trial


class Budget:
    """Knows when time or money is over; a pure function of what it was told, in order.

    Time and money of earlier runs of the job count: what came between them, and the pauses of a trial, do not. Every
    ``now`` is in seconds of the monotonic clock.

    Args:
        limits: What may be taken.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._used_seconds = 0.0
        self._paid_seconds = 0.0
        self._job_deadline: float | None = None
        self._began: dict[int, float] = {}
        self._trial_deadlines: dict[int, float] = {}

    def count_run(self, seconds: float) -> None:
        """Count what an earlier run of the job took, by a clock that may have been set back."""
        self._used_seconds += max(0.0, seconds)

    def begin_run(self, now: float) -> None:
        """Note that the job runs, for the first time or again."""
        if self._limits.max_runtime_seconds is not None:
            self._job_deadline = now + self._limits.max_runtime_seconds - self._used_seconds

    def begin(self, trial: Trial, now: float) -> None:
        """Note that the code of a trial begins to run, or goes on."""
        self._began[trial.number] = now
        if self._limits.max_trial_seconds is not None:
            self._trial_deadlines[trial.number] = now + self._limits.max_trial_seconds - trial.seconds_before

    def end(self, trial: Trial) -> None:
        """Count what a trial took since it began or went on; it need not have begun in this run of the job."""
        self._began.pop(trial.number, None)
        self._trial_deadlines.pop(trial.number, None)
        self._paid_seconds += (trial.seconds or 0.0) - trial.seconds_before

    def spent(self, now: float) -> str | None:
        """Return which limit of the job is reached, or ``None``."""
        if self._job_deadline is not None and now >= self._job_deadline:
            return f"limits.max_runtime_seconds = {self._limits.max_runtime_seconds:g} reached"
        money_deadline = self._money_deadline
        if money_deadline is not None and now >= money_deadline:
            return f"limits.max_cost_usd = {self._limits.max_cost_usd:g} spent"
        return None

    def take_late(self, now: float) -> dict[int, str]:
        """Return the running trials whose time is over, each once, and why they are to stop."""
        limit = self._limits.max_trial_seconds
        if limit is None:
            return {}
        late = [number for number, deadline in self._trial_deadlines.items() if now >= deadline]
        for number in late:
            del self._trial_deadlines[number]
        return dict.fromkeys(late, f"{RAN_TOO_LONG} limits.max_trial_seconds = {limit:g}")

    def seconds_left(self, now: float, *, of_job: bool) -> float | None:
        """Return seconds until the next limit is reached, or ``None`` if there is none.

        Args:
            now: The time.
            of_job: Whether the limits of the job count, too.
        """
        deadlines = list(self._trial_deadlines.values())
        if of_job:
            deadlines += [one for one in (self._job_deadline, self._money_deadline) if one is not None]
        return max(0.0, min(deadlines) - now) if deadlines else None

    @property
    def _money_deadline(self) -> float | None:
        """When the money will be spent if the running trials go on, in seconds of the monotonic clock."""
        hours = self._limits.max_trial_hours
        if hours is None:
            return None
        left = 3600 * hours - self._paid_seconds
        if left <= 0:
            return -math.inf
        return (left + sum(self._began.values())) / len(self._began) if self._began else None
