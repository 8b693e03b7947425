"""The tuning loop: joins a strategy, a runner and a store.

Every event is in the store before it is acted on, so that a job killed at any moment goes on as if it had not been:
the strategy is built anew, the log is replayed to it, and the trials that were under way start afresh under their
numbers. One that had been paused starts from its pause.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from smtune.errors import StoreError
from smtune.outcomes import ended, fresh, judge, measured
from smtune.results import BASELINE, EARLY_STOPPING, JOB_STOPPED, KILLED, JobStatus, is_result, stopped_early
from smtune.runners.base import Ended, Event, Measured, Runner, Started
from smtune.spec import TuningSpec
from smtune.stopping import Budget, CompletionCriteria, Decision, Pauses, build_rule
from smtune.store import (
    Enqueued,
    JobEnded,
    JobEvent,
    JobStarted,
    JobStore,
    StopRequested,
    Suggested,
    TrialEnded,
    TrialMeasured,
    TrialPromoted,
    TrialStarted,
    WarmStarted,
)
from smtune.strategies import Strategy, Suggestion, strategy_of
from smtune.trial import Trial, TrialStatus

FIRST_FAILURES = 5
"""A job whose first this many trials all fail is given up; SageMaker does the same."""

Listener = Callable[[Trial], None]
"""Told of every change of a trial, in the loop's own thread."""


@dataclass
class _Running:
    """A trial under way.

    Attributes:
        trial: As it stands.
        decision: Set once it is to stop, because a rule gave it up or because it has used what it was given.
        stop_reason: Why it was asked to stop.
    """

    trial: Trial
    decision: Decision | None = None
    stop_reason: str | None = None


class TuningLoop:
    """Runs one job to its end, or until it is asked to stop.

    Everything but :meth:`request_stop`, :meth:`kill` and :meth:`enqueue` happens in the thread that calls
    :meth:`run`.

    Args:
        spec: What to tune.
        runner: Evaluates the trials; closed at the end.
        store: Keeps every event; what it already holds is replayed first.
        listener: Told of every change of a trial.
    """

    def __init__(self, spec: TuningSpec, *, runner: Runner, store: JobStore, listener: Listener | None = None) -> None:
        self._spec = spec
        self._metric = spec.objective.metric
        self._runner = runner
        self._store = store
        self._listener = listener or (lambda _trial: None)
        self._strategy = _strategy(spec)
        self._rule = build_rule(spec.early_stopping, goal=spec.objective.goal)
        self._completion = CompletionCriteria(spec.completion, goal=spec.objective.goal, repeats=spec.repeats)
        self._pauses = Pauses(spec)
        self._budget = Budget(spec.limits)
        self._running: dict[int, _Running] = {}
        self._unstarted: deque[Trial] = deque()
        self._suggested = 0
        self._ended = 0
        self._failed = 0
        self._succeeded = 0
        self._verdict: tuple[JobStatus, str | None] | None = None
        self._stop_requested = threading.Event()
        self._stop_logged = False
        self._killed = threading.Event()
        self._enqueued: deque[Mapping[str, object]] = deque()

    def request_stop(self) -> None:
        """Start no new trials and ask the running ones to stop. From any thread, or a signal handler."""
        self._stop_requested.set()
        self._runner.wake()

    def kill(self) -> None:
        """End the running trials by force. From any thread, or a signal handler."""
        self._killed.set()
        self.request_stop()

    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a legal configuration ahead of what the strategy proposes. From any thread."""
        self._enqueued.append(dict(self._spec.parameters.validate(configuration)))
        self._runner.wake()

    def run(self, *, begun: Callable[[], None] | None = None) -> JobStatus:
        """Run the job.

        Args:
            begun: Called once the log says that the job runs; from here on it can be followed.

        Returns:
            ``Completed``, ``Failed`` or ``Stopped``.

        Raises:
            StoreError: An event could not be kept; the running trials were ended, and the job can be resumed.
        """
        try:
            self._replay()
            self._store.append([JobStarted(pid=os.getpid(), host=socket.gethostname(), at=time.time())])
            self._budget.begin_run(time.monotonic())
            if begun is not None:
                begun()
            while True:
                self._take_enqueued()
                self._check_limits()
                self._heed_stop()
                self._fill()
                if not self._running or self._killed.is_set():
                    break
                self._absorb(self._runner.wait(self._seconds_left()))
                self._stop_late_trials()
            return self._finish()
        finally:
            self._runner.close()

    # --- before the first trial -------------------------------------------------------------------------------

    def _replay(self) -> None:
        """Bring strategy and counters to where the log left them."""
        open_trials: dict[int, Trial] = {}
        run_start, ran = math.inf, 0.0
        for event in self._store.events():
            if isinstance(event, JobStarted):
                self._budget.count_run(ran)
                run_start, self._stop_logged = event.at, False
            elif isinstance(event, WarmStarted | Enqueued):
                self._prepare(event)
            elif isinstance(event, StopRequested):
                self._stop_logged = True
            elif isinstance(event, Suggested | TrialPromoted):
                open_trials[event.number] = self._repeat_ask(event)
            elif isinstance(event, TrialStarted | TrialMeasured | TrialEnded):
                self._replay_trial(event, open_trials)
            ran = event.at - run_start
        self._budget.count_run(ran)
        self._stop_logged = False
        for _, trial in sorted(open_trials.items()):
            self._pauses.begin(trial)  # what an attempt reported that never ended does not count
            self._unstarted.append(fresh(trial))

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
            self._rule.begin(event.number)
            self._pauses.begin(trial)
            open_trials[event.number] = replace(fresh(trial), started_at=event.at)
        elif isinstance(event, TrialMeasured):
            trial = measured(trial, event, metric=self._metric)
            open_trials[event.number] = trial
            self._hear(trial, event)
        else:
            last, trial = trial.metrics, ended(trial, event)
            self._budget.end(trial)
            if not self._interrupted(trial):
                del open_trials[event.number]
                self._learn(trial, ran_out=event.ran_out, last=last)

    def _repeat_ask(self, event: Suggested | TrialPromoted) -> Trial:
        suggestions = self._strategy.ask(1)
        trial = self._trial_of(event)
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

    # --- the parts of a turn ----------------------------------------------------------------------------------

    def _take_enqueued(self) -> None:
        while self._enqueued:
            configuration = self._enqueued.popleft()
            self._store.append([Enqueued(configuration=dict(configuration), at=time.time())])  # type: ignore[arg-type]
            self._strategy.enqueue(configuration)

    def _check_limits(self) -> None:
        """Give the job a verdict if a limit was reached; running trials are then stopped."""
        if self._verdict is not None:
            return
        failure = self._failure()
        reason = failure or self._budget.spent(time.monotonic()) or self._completion.reason
        if reason is None:
            return
        self._verdict = (JobStatus.Completed if failure is None else JobStatus.Failed, reason)
        for number in self._running:
            self._stop_trial(number, f"the job ended: {reason}")

    def _failure(self) -> str | None:
        """Return why the job cannot come to anything, or ``None``."""
        most = self._spec.limits.max_failures
        if most is not None and self._failed >= most:
            return f"{self._failed} trials failed (limits.max_failures = {most})"
        if most is None and self._failed == self._ended >= FIRST_FAILURES:
            return f"the first {self._failed} trials all failed"
        return self._pauses.verdict or self._strategy.failure

    def _heed_stop(self) -> None:
        if self._stop_requested.is_set() and not self._stop_logged:
            self._store.append([StopRequested(at=time.time())])
            self._stop_logged = True
            for number in self._running:
                self._stop_trial(number, JOB_STOPPED)

    def _fill(self) -> None:
        """Start trials while there are free slots."""
        if self._verdict is not None or self._stop_logged:
            return
        while self._verdict is None and (free := self._spec.limits.max_parallel - self._runner.busy()) > 0:
            starting = [self._unstarted.popleft() for _ in range(min(free, len(self._unstarted)))]
            starting = starting or self._ask(free)
            if not starting:
                return
            for trial in starting:
                if not self._settle(trial):
                    self._running[trial.number] = _Running(trial)
                    self._runner.start(trial)
            self._check_limits()  # those that were settled may have reached one

    def _ask(self, free: int) -> list[Trial]:
        now = time.time()
        events = [self._event_of(suggestion, now) for suggestion in self._strategy.ask(free)]
        if events:
            self._store.append(events)
        return [self._trial_of(event) for event in events]

    def _event_of(self, suggestion: Suggestion, now: float) -> Suggested | TrialPromoted:
        if suggestion.number in self._pauses and suggestion.resource is not None:
            return TrialPromoted(number=suggestion.number, resource=suggestion.resource, at=now)
        return Suggested(
            number=suggestion.number,
            parameters=dict(suggestion.parameters),
            origin=self._origin(suggestion.origin, suggestion.parameters),
            repeat=suggestion.repeat,
            resource=suggestion.resource,
            at=now,
        )

    def _trial_of(self, event: Suggested | TrialPromoted) -> Trial:
        """Return the trial that begins, or goes on."""
        if isinstance(event, TrialPromoted):
            return self._pauses.promote(event.number, event.resource)
        self._suggested += 1
        return Trial(event.number, event.parameters, origin=event.origin, repeat=event.repeat, resource=event.resource)

    def _settle(self, trial: Trial) -> bool:
        """End a trial that is about to start if it is known what it will reach.

        It ran ahead of the stop that was to pause it, or to its end; on a slower machine it would not have.
        """
        used_up, ran_out = self._pauses.used_up(trial), self._pauses.ran_out(trial)
        if used_up is None and not ran_out:
            return False
        status = TrialStatus.Completed if ran_out else TrialStatus.Stopped
        outcome = judge(trial, Ended(trial.number, time.time(), status), metric=self._metric, decision=used_up)
        if used_up is None:  # the log knows of the metrics at its last pause only
            outcome = replace(outcome, metrics=dict(trial.metrics))
        self._store.append([outcome])
        settled = ended(trial, outcome)
        self._learn(settled, ran_out=outcome.ran_out, last=trial.metrics)
        self._listener(settled)
        return True

    def _origin(self, origin: str, parameters: Mapping[str, object]) -> str:
        return BASELINE if self._spec.baseline is not None and dict(parameters) == self._spec.baseline else origin

    def _seconds_left(self) -> float | None:
        """Return seconds until the next deadline, or ``None`` if there is none."""
        return self._budget.seconds_left(time.monotonic(), of_job=self._verdict is None)

    def _absorb(self, happened: Iterable[Event]) -> None:
        """Keep what happened, then act on it: up to the end of a trial at a time, from which others may learn."""
        part: list[Event] = []
        for event in happened:
            part.append(event)
            if isinstance(event, Ended):
                self._absorb_part(part)
                part = []
        if part:
            self._absorb_part(part)

    def _absorb_part(self, happened: Sequence[Event]) -> None:
        records: list[TrialStarted | TrialMeasured | TrialEnded] = []
        changed: list[Trial] = []
        last: Mapping[str, float] = {}
        for event in happened:
            running = self._running[event.number]
            if isinstance(event, Started):
                records.append(self._start(running, event))
            elif isinstance(event, Measured):
                records.append(self._measure(running, event))
            else:
                last = running.trial.metrics
                records.append(self._end(running, event))
            changed.append(running.trial)
        self._store.append(records)
        for record, trial in zip(records, changed, strict=True):
            running = self._running[trial.number]
            if isinstance(record, TrialEnded):
                del self._running[trial.number]
                self._budget.end(trial)
                if not self._interrupted(trial):
                    self._learn(trial, ran_out=record.ran_out, last=last)
            elif running.decision is not None and not running.trial.status.ended:
                self._stop_trial(trial.number, running.decision.reason)
            self._listener(trial)

    def _start(self, running: _Running, event: Started) -> TrialStarted:
        self._rule.begin(event.number)
        self._pauses.begin(running.trial)
        running.trial = replace(running.trial, started_at=event.at)
        self._budget.begin(running.trial, time.monotonic())
        return TrialStarted(number=event.number, at=event.at)

    def _measure(self, running: _Running, event: Measured) -> TrialMeasured:
        """Take in a report, and decide whether the trial is to stop: its end may be known already."""
        record = TrialMeasured(number=event.number, metrics=dict(event.metrics), step=event.step, at=event.at)
        running.trial = trial = measured(running.trial, event, metric=self._metric)
        reason = self._hear(trial, record)
        if running.decision is None and running.stop_reason is None and reason is not None:
            objective = record.metrics[self._metric]
            running.decision = Decision(objective, trial.metrics, f"{EARLY_STOPPING} {reason}")
        running.decision = running.decision or self._pauses.used_up(trial)
        return record

    def _end(self, running: _Running, event: Ended) -> TrialEnded:
        outcome = judge(
            running.trial, event, metric=self._metric, decision=running.decision, stop_reason=running.stop_reason
        )
        running.trial = ended(running.trial, outcome)
        return outcome

    def _hear(self, trial: Trial, record: TrialMeasured) -> str | None:
        """Tell the rule of a report, and return why it gives up the trial, if it does."""
        self._pauses.measure(trial, record.metrics, record.step)
        value = record.metrics.get(self._metric)
        return None if value is None else self._rule.report(record.number, value, record.step)

    def _interrupted(self, trial: Trial) -> bool:
        """Whether a trial ended only because the whole job was asked to stop: it starts afresh on resume."""
        return self._stop_logged and trial.status is TrialStatus.Stopped and not stopped_early(trial)

    def _learn(self, trial: Trial, *, ran_out: bool, last: Mapping[str, float]) -> None:
        self._ended += 1
        self._failed += trial.status is TrialStatus.Failed
        self._succeeded += is_result(trial)
        self._rule.end(trial)
        self._pauses.end(trial, ran_out=ran_out, last=last)
        if not trial.paused:
            self._completion.end(trial)
        self._strategy.tell(trial)

    def _stop_late_trials(self) -> None:
        for number, reason in self._budget.take_late(time.monotonic()).items():
            self._stop_trial(number, reason)

    def _stop_trial(self, number: int, reason: str) -> None:
        running = self._running[number]
        running.stop_reason = running.stop_reason or reason
        self._runner.stop(number)

    # --- the end ----------------------------------------------------------------------------------------------

    def _finish(self) -> JobStatus:
        status, reason = self._verdict or (JobStatus.Completed, None)
        if self._verdict is None and self._stop_logged:
            status, reason = JobStatus.Stopped, "stopped on request"
        elif status is JobStatus.Completed and not self._succeeded:
            status = JobStatus.Failed
            reason = "; ".join(text for text in ("no trial succeeded", reason) if text)
        elif self._verdict is None and self._suggested < self._least_planned():
            reason = f"the search ended by itself after {self._suggested} trials"
        self._runner.close()
        now = time.time()
        records: list[JobEvent] = [
            TrialEnded(number=number, status=TrialStatus.Stopped, objective=None, reason=KILLED, log_tail=[], at=now)
            for number in self._running
        ]
        self._store.append([*records, JobEnded(status=status.value, reason=reason, at=now)])
        return status

    def _least_planned(self) -> int:
        """Return how many trials were planned, unless races were to decide that."""
        return 0 if self._spec.repeats.race else self._spec.planned_trials or 0


def _strategy(spec: TuningSpec) -> Strategy:
    strategy = strategy_of(spec)
    if spec.baseline is not None:
        strategy.enqueue(spec.baseline)
    return strategy
