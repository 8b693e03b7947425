"""A search as the log of its job tells it: what was asked for, what was learned, and whether more may come of it.

The loop tells it what happens, once that is logged, and :meth:`Search.replay` tells it a log: both bring it to the
same state, for it knows neither clock nor threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from smtune.errors import StoreError
from smtune.outcomes import ended, fresh, measured
from smtune.results import BASELINE, EARLY_STOPPING, is_result, stopped_early
from smtune.spec import TuningSpec
from smtune.stopping import Budget, CompletionCriteria, Decision, Pauses, build_rule
from smtune.store import (
    Enqueued,
    JobEvent,
    JobStarted,
    StopRequested,
    Suggested,
    TrialEnded,
    TrialMeasured,
    TrialPromoted,
    TrialStarted,
    WarmStarted,
)
from smtune.strategies import Suggestion, strategy_of
from smtune.trial import Trial, TrialStatus

FIRST_FAILURES = 5
"""A job whose first this many trials all fail is given up; SageMaker does the same."""


class Search:
    """Joins a strategy with what stops its trials and itself; a pure function of what it was told, in order.

    Args:
        spec: What to tune.

    Attributes:
        budget: What the job may still take of time and money.
        pauses: Which trials have used their part of a whole training.
        stopping: Whether the job was asked to stop: trials that stop with it start afresh when it goes on.
        succeeded: How many trials have a result.
    """

    def __init__(self, spec: TuningSpec) -> None:
        self.budget = Budget(spec.limits)
        self.pauses = Pauses(spec)
        self.stopping = False
        self.succeeded = 0
        self._spec = spec
        self._metric = spec.objective.metric
        self._rule = build_rule(spec.early_stopping, goal=spec.objective.goal)
        self._completion = CompletionCriteria(spec.completion, goal=spec.objective.goal, repeats=spec.repeats)
        self._suggested = 0
        self._ended = 0
        self._failed = 0
        self._strategy = strategy_of(spec)
        if spec.baseline is not None:
            self._strategy.enqueue(spec.baseline)

    # --- the log of earlier runs ------------------------------------------------------------------------------

    def replay(self, log: Iterable[JobEvent]) -> Sequence[Trial]:
        """Bring a new search to where a log left it.

        Returns:
            The trials that had not ended, ready to start.

        Raises:
            StoreError: The strategy proposes something else than it had.
        """
        open_trials: dict[int, Trial] = {}
        run_start, ran = math.inf, 0.0
        for event in log:
            if isinstance(event, JobStarted):
                self.budget.count_run(ran)
                run_start, self.stopping = event.at, False
            elif isinstance(event, WarmStarted | Enqueued):
                self._prepare(event)
            elif isinstance(event, StopRequested):
                self.stopping = True
            elif isinstance(event, Suggested | TrialPromoted):
                open_trials[event.number] = self._repeat_ask(event)
            elif isinstance(event, TrialStarted | TrialMeasured | TrialEnded):
                self._replay_trial(event, open_trials)
            ran = event.at - run_start
        self.budget.count_run(ran)
        self.stopping = False
        for trial in open_trials.values():
            self.pauses.begin(trial)  # what an attempt reported that never ended does not count
        return [fresh(trial) for _, trial in sorted(open_trials.items())]

    def _prepare(self, event: WarmStarted | Enqueued) -> None:
        """Tell the strategy what it is to know, and what it is to try first."""
        if isinstance(event, Enqueued):
            self._strategy.enqueue(event.configuration)
            return
        self._strategy.warm_start(event.learned)
        for configuration in event.tried_first:
            self._strategy.enqueue(configuration)

    def _replay_trial(self, event: TrialStarted | TrialMeasured | TrialEnded, open_trials: dict[int, Trial]) -> None:
        trial = open_trials[event.number]
        if isinstance(event, TrialStarted):
            self.begin(trial)
            open_trials[event.number] = replace(fresh(trial), started_at=event.at)
        elif isinstance(event, TrialMeasured):
            open_trials[event.number] = trial = measured(trial, event, metric=self._metric)
            self.hear(trial, event)
        else:
            last, trial = trial.metrics, ended(trial, event)
            if not self._interrupted(trial):
                del open_trials[event.number]
            self.end(trial, ran_out=event.ran_out, last=last)

    def _repeat_ask(self, event: Suggested | TrialPromoted) -> Trial:
        suggestions = self._strategy.ask(1)
        trial = self.admit(event)
        again = suggestions[0] if suggestions else None
        if again is None or (again.number, again.resource) != (trial.number, trial.resource):
            same = False
        else:
            same = dict(again.parameters) == dict(trial.parameters)
        if not same:
            raise StoreError(
                f"trial {event.number} cannot be repeated from the log: this version of smtune proposes "
                f"{dict(again.parameters) if again else 'nothing'} where it had proposed {dict(trial.parameters)}. "
                "Its results are kept; finish the job with the version that began it, or start a new one"
            )
        return trial

    # --- trials ------------------------------------------------------------------------------------------------

    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of what the strategy proposes."""
        self._strategy.enqueue(configuration)

    def ask(self, count: int, *, at: float) -> Sequence[Suggested | TrialPromoted]:
        """Return what begins or goes on next, as events for the log; then :meth:`admit` each.

        Args:
            count: How many at most.
            at: The events' time, in seconds since the epoch (UTC).
        """
        return [self._event_of(suggestion, at) for suggestion in self._strategy.ask(count)]

    def _event_of(self, suggestion: Suggestion, at: float) -> Suggested | TrialPromoted:
        if suggestion.number in self.pauses and suggestion.resource is not None:
            return TrialPromoted(number=suggestion.number, resource=suggestion.resource, at=at)
        return Suggested(
            number=suggestion.number,
            parameters=dict(suggestion.parameters),
            origin=self._origin(suggestion),
            repeat=suggestion.repeat,
            resource=suggestion.resource,
            at=at,
        )

    def _origin(self, suggestion: Suggestion) -> str:
        untuned = self._spec.baseline is not None and dict(suggestion.parameters) == self._spec.baseline
        return BASELINE if untuned else suggestion.origin

    def admit(self, event: Suggested | TrialPromoted) -> Trial:
        """Return the trial that begins, or goes on."""
        if isinstance(event, TrialPromoted):
            return self.pauses.promote(event.number, event.resource)
        self._suggested += 1
        return Trial(event.number, event.parameters, origin=event.origin, repeat=event.repeat, resource=event.resource)

    def begin(self, trial: Trial) -> None:
        """Note that the code of a trial begins to run, or goes on."""
        self._rule.begin(trial.number)
        self.pauses.begin(trial)

    def hear(self, trial: Trial, report: TrialMeasured) -> Decision | None:
        """Take in a report, and return whether the rule gives up the trial.

        Args:
            trial: With this report.
            report: What it reported.
        """
        self.pauses.measure(trial, report.metrics, report.step)
        value = report.metrics.get(self._metric)
        reason = None if value is None else self._rule.report(report.number, value, report.step)
        if value is None or reason is None:
            return None
        return Decision(value, trial.metrics, f"{EARLY_STOPPING} {reason}")

    def end(self, trial: Trial, *, ran_out: bool, last: Mapping[str, float]) -> None:
        """Learn from a trial that ended, or paused; from one that will start afresh, only what it took.

        Args:
            trial: With its outcome.
            ran_out: Whether its code had ended by itself when it was to be paused.
            last: Its metrics at its very end.
        """
        self.budget.end(trial)
        if self._interrupted(trial):
            return
        self._ended += 1
        self._failed += trial.status is TrialStatus.Failed
        self.succeeded += is_result(trial)
        self._rule.end(trial)
        self.pauses.end(trial, ran_out=ran_out, last=last)
        if not trial.paused:
            self._completion.end(trial)
        self._strategy.tell(trial)

    def _interrupted(self, trial: Trial) -> bool:
        """Whether a trial ended only because the whole job was asked to stop: it starts afresh on resume."""
        return self.stopping and trial.status is TrialStatus.Stopped and not stopped_early(trial)

    # --- its end ----------------------------------------------------------------------------------------------

    @property
    def failure(self) -> str | None:
        """Why the job cannot come to anything, or ``None``."""
        most = self._spec.limits.max_failures
        if most is not None and self._failed >= most:
            return f"{self._failed} trials failed (limits.max_failures = {most})"
        if most is None and self._failed == self._ended >= FIRST_FAILURES:
            return f"the first {self._failed} trials all failed"
        return self.pauses.verdict or self._strategy.failure

    @property
    def completion(self) -> str | None:
        """Why the job is done before its limits are reached, or ``None``."""
        return self._completion.reason

    @property
    def shortfall(self) -> str | None:
        """Why there are fewer trials than planned, unless races were to decide that, or ``None``."""
        if self._spec.repeats.race or self._suggested >= (self._spec.planned_trials or 0):
            return None
        return f"the search ended by itself after {self._suggested} trials"
