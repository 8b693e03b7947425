"""When a job is done before its limits are reached."""

from __future__ import annotations

from collections import deque

from smtune.moments import mean
from smtune.results import configuration_key, is_result
from smtune.spec import Completion, Goal, Repeats, read_repeats
from smtune.trial import Trial


class CompletionCriteria:
    """Looks at every ended trial, and says when the job is done; a pure function of the trials, in order.

    The three criteria have the meaning of SageMaker's ``TuningJobCompletionCriteria``:

    - ``target``: a trial's objective is as good as wanted, or better.
    - ``not_improving``: that many ended trials in a row were no improvement. SageMaker documents that an improvement
      of 1 % or less is none. An improvement is counted from the objective of the last one, so that small steps add
      up; it is a share of that objective's absolute value.
    - ``on_convergence``: SageMaker documents only that it means an improvement of 1 % or less, found by criteria of
      its own. Here: the best objective of all trials is no improvement on the best before the last
      ``convergence_window`` of them, once there are twice as many trials.

    Trials that failed count as trials without an improvement. With ``repeats``, a configuration counts when its last
    training has ended, with the mean of those that succeeded: a single one may have been lucky. So where configurations
    race, only one that was trained as often as possible is an improvement, or reaches the target.

    Args:
        config: Which criteria.
        goal: Which way the objective is optimised.
        repeats: How many trials train the same configuration.
    """

    def __init__(self, config: Completion, *, goal: Goal, repeats: int | Repeats = 1) -> None:
        self._config = config
        self._sign = goal.sign
        self._share = f"{100 * config.min_improvement:g} %"
        self._repeats = read_repeats(repeats)
        self._open: dict[str, list[Trial]] = {}
        self._ended = 0
        self._best: float | None = None
        self._improved: tuple[float, int] | None = None
        # Ended trials and the best objective so far, from the one that the window begins after.
        self._bests: deque[tuple[int, float | None]] = deque()
        self.reason: str | None = None

    def end(self, trial: Trial) -> None:
        """Take in an ended trial; :attr:`reason` then says whether the job is done, and on what numbers."""
        key = configuration_key(trial)
        group = self._open.setdefault(key, [])
        group.append(trial)
        if len(group) < self._repeats.min:
            return
        self._ended += self._repeats.min if len(group) == self._repeats.min else 1
        values = [one.objective for one in group if is_result(one) and one.objective is not None]
        if len(group) == self._repeats.max:
            del self._open[key]
            if values:
                self._take(mean(values))
        if self.reason is None:
            number = min(one.number for one in group)
            self.reason = self._target_reached(number) or self._not_improving() or self._converged()

    def _take(self, value: float) -> None:
        if self._best is None or self._sign * value < self._sign * self._best:
            self._best = value
        if self._improved is None or self._improves(value, self._improved[0]):
            self._improved = value, self._ended

    def _improves(self, value: float, reference: float) -> bool:
        return self._sign * (reference - value) > self._config.min_improvement * abs(reference)

    def _target_reached(self, number: int) -> str | None:
        target = self._config.target
        if target is None or self._best is None or self._sign * self._best > self._sign * target:
            return None
        return f"trial {number} reached {self._best:.6g} (completion.target = {target:g})"

    def _not_improving(self) -> str | None:
        limit = self._config.not_improving
        if limit is None or self._improved is None or self._best is None:
            return None
        value, since = self._improved
        count = self._ended - since
        if count < limit:
            return None
        trials = "1 trial" if count == 1 else f"{count} trials in a row"
        return (
            f"{trials} did not improve on {value:.6g} by more than {self._share} (completion.not_improving = {limit})"
        )

    def _converged(self) -> str | None:
        """Compare the best of all trials with the best before the window."""
        window = self._config.convergence_window
        if not self._config.on_convergence:
            return None
        self._bests.append((self._ended, self._best))
        while len(self._bests) > 1 and self._bests[1][0] <= self._ended - window:
            self._bests.popleft()
        ended, before = self._bests[0]
        if self._ended < 2 * window or ended > self._ended - window or before is None or self._best is None:
            return None
        if self._improves(self._best, before):
            return None
        return (
            f"the last {self._ended - ended} trials brought the best objective from {before:.6g} to {self._best:.6g}, "
            f"not by more than {self._share} (completion.on_convergence)"
        )
