"""The tuning loop: joins a strategy, a runner and a store.

Every event is in the store before it is acted on, so that a job killed at any moment goes on as if it had not been:
the strategy is built anew, the log is replayed to it, and the trials that were under way start afresh under their
numbers. One that had been paused starts from its pause.
"""

from __future__ import annotations

import difflib
import math
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from smtune.errors import StoreError
from smtune.results import (
    BASELINE,
    EARLY_STOPPING,
    JOB_STOPPED,
    KILLED,
    RAN_TOO_LONG,
    JobStatus,
    is_result,
    stopped_early,
)
from smtune.runners.base import Ended, Event, Measured, Runner, Started
from smtune.spec import TuningSpec
from smtune.stopping import CompletionCriteria, Decision, Pauses, build_rule
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
        began: When its code began to run, in seconds of the monotonic clock.
        deadline: When its time is over, in seconds of the monotonic clock.
        decision: Set once it is to stop, because a rule gave it up or because it has used what it was given.
        stop_reason: Why it was asked to stop.
    """

    trial: Trial
    began: float | None = None
    deadline: float | None = None
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
        self._runner = runner
        self._store = store
        self._listener = listener or (lambda _trial: None)
        self._strategy = _strategy(spec)
        self._rule = build_rule(spec.early_stopping, goal=spec.objective.goal)
        self._completion = CompletionCriteria(spec.completion, goal=spec.objective.goal, repeats=spec.repeats)
        self._pauses = Pauses(spec)
        self._running: dict[int, _Running] = {}
        self._unstarted: deque[Trial] = deque()
        self._suggested = 0
        self._ended = 0
        self._failed = 0
        self._succeeded = 0
        self._used_seconds = 0.0
        self._verdict: tuple[JobStatus, str | None] | None = None
        self._stop_requested = threading.Event()
        self._stop_logged = False
        self._killed = threading.Event()
        self._enqueued: deque[Mapping[str, object]] = deque()
        self._job_deadline: float | None = None
        self._paid_seconds = 0.0

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
            started = time.time()
            self._store.append([JobStarted(pid=os.getpid(), host=socket.gethostname(), at=started)])
            self._job_deadline = self._deadline(self._spec.limits.max_runtime_seconds, self._used_seconds)
            if begun is not None:
                begun()
            while True:
                self._take_enqueued()
                self._check_limits()
                self._heed_stop()
                self._fill()
                if not self._running or self._killed.is_set():
                    break
                self._absorb(self._runner.wait(self._timeout()))
                self._stop_late_trials()
            return self._finish()
        finally:
            self._runner.close()

    # --- before the first trial -------------------------------------------------------------------------------

    def _replay(self) -> None:
        """Bring strategy and counters to where the log left them."""
        open_trials: dict[int, Trial] = {}
        run_start: float | None = None
        last = 0.0
        for event in self._store.events():
            if isinstance(event, JobStarted):
                self._used_seconds += max(0.0, last - run_start) if run_start is not None else 0.0
                run_start, self._stop_logged = event.at, False
            elif isinstance(event, WarmStarted | Enqueued):
                self._prepare(event)
            elif isinstance(event, StopRequested):
                self._stop_logged = True
            elif isinstance(event, Suggested | TrialPromoted):
                open_trials[event.number] = self._repeat_ask(event)
            elif isinstance(event, TrialStarted | TrialMeasured | TrialEnded):
                self._replay_trial(event, open_trials)
            last = event.at
        self._used_seconds += max(0.0, last - run_start) if run_start is not None else 0.0
        self._stop_logged = False
        for _, trial in sorted(open_trials.items()):
            self._pauses.begin(trial)  # what an attempt reported that never ended does not count
            self._unstarted.append(_fresh(trial))

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
            open_trials[event.number] = replace(_fresh(trial), started_at=event.at)
        elif isinstance(event, TrialMeasured):
            trial = _measured(trial, event.metrics, event.step, self._spec.objective.metric)
            open_trials[event.number] = trial
            self._hear(trial, event)
        else:
            last, trial = trial.metrics, _ended(trial, event)
            self._pay(trial)
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
        reason = failure or self._limit_reached() or self._completion.reason
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

    def _limit_reached(self) -> str | None:
        """Return which limit of time or money was reached, or ``None``."""
        now, limits = time.monotonic(), self._spec.limits
        if self._job_deadline is not None and now >= self._job_deadline:
            return f"limits.max_runtime_seconds = {limits.max_runtime_seconds:g} reached"
        if self._money_deadline is not None and now >= self._money_deadline:
            return f"limits.max_cost_usd = {limits.max_cost_usd:g} spent"
        return None

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
        outcome = self._judge(_Running(trial, decision=used_up), Ended(trial.number, time.time(), status))
        if used_up is None:  # the log knows of the metrics at its last pause only
            outcome = replace(outcome, metrics=dict(trial.metrics))
        self._store.append([outcome])
        ended = _ended(trial, outcome)
        self._learn(ended, ran_out=outcome.ran_out, last=trial.metrics)
        self._listener(ended)
        return True

    def _origin(self, origin: str, parameters: Mapping[str, object]) -> str:
        return BASELINE if self._spec.baseline is not None and dict(parameters) == self._spec.baseline else origin

    def _timeout(self) -> float | None:
        """Return seconds until the next deadline, or ``None`` if there is none."""
        deadlines = [one.deadline for one in self._running.values() if one.deadline is not None]
        if self._verdict is None:
            deadlines += [one for one in (self._job_deadline, self._money_deadline) if one is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    @property
    def _money_deadline(self) -> float | None:
        """When the money will be spent if the running trials go on, in seconds of the monotonic clock."""
        hours = self._spec.limits.max_trial_hours
        if hours is None:
            return None
        left = 3600 * hours - self._paid_seconds
        begins = [running.began for running in self._running.values() if running.began is not None]
        if left <= 0:
            return -math.inf
        return (left + sum(begins)) / len(begins) if begins else None

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
                outcome, last = self._judge(running, event), running.trial.metrics
                records.append(outcome)
                running.trial = _ended(running.trial, outcome)
            changed.append(running.trial)
        self._store.append(records)
        for record, trial in zip(records, changed, strict=True):
            running = self._running[trial.number]
            if isinstance(record, TrialEnded):
                del self._running[trial.number]
                self._pay(trial)
                if not self._interrupted(trial):
                    self._learn(trial, ran_out=record.ran_out, last=last)
            elif running.decision is not None and not running.trial.status.ended:
                self._stop_trial(trial.number, running.decision.reason)
            self._listener(trial)

    def _start(self, running: _Running, event: Started) -> TrialStarted:
        self._rule.begin(event.number)
        self._pauses.begin(running.trial)
        running.trial = replace(running.trial, started_at=event.at)
        running.began = time.monotonic()
        running.deadline = self._deadline(self._spec.limits.max_trial_seconds, running.trial.seconds_before)
        return TrialStarted(number=event.number, at=event.at)

    def _measure(self, running: _Running, event: Measured) -> TrialMeasured:
        """Take in a report, and decide whether the trial is to stop: its end may be known already."""
        record = TrialMeasured(number=event.number, metrics=dict(event.metrics), step=event.step, at=event.at)
        running.trial = trial = _measured(running.trial, event.metrics, event.step, self._spec.objective.metric)
        reason = self._hear(trial, record)
        if running.decision is None and running.stop_reason is None and reason is not None:
            objective = record.metrics[self._spec.objective.metric]
            running.decision = Decision(objective, trial.metrics, f"{EARLY_STOPPING} {reason}")
        running.decision = running.decision or self._pauses.used_up(trial)
        return record

    def _hear(self, trial: Trial, record: TrialMeasured) -> str | None:
        """Tell the rule of a report, and return why it gives up the trial, if it does."""
        self._pauses.measure(trial, record.metrics, record.step)
        value = record.metrics.get(self._spec.objective.metric)
        return None if value is None else self._rule.report(record.number, value, record.step)

    def _judge(self, running: _Running, event: Ended) -> TrialEnded:
        """Return the outcome of a trial: code that ends well has failed all the same without a usable objective."""
        metric, trial, decision = self._spec.objective.metric, running.trial, running.decision
        status, reason, objective = event.status, event.reason, trial.metrics.get(metric)
        if decision is not None:  # however it ended afterwards, which depends on how soon it heard
            status, reason, objective = TrialStatus.Stopped, decision.reason, decision.objective
        elif status is TrialStatus.Stopped:
            reason = running.stop_reason or reason
        elif status is TrialStatus.Completed and objective is None:
            status, reason = TrialStatus.Failed, _missing_objective(metric, trial.metrics, event.reason)
        elif status is TrialStatus.Completed and objective is not None and not math.isfinite(objective):
            status = TrialStatus.Failed
            where = "" if trial.step is None else f" at step {trial.step}"
            reason = f"reported {metric} = {objective}{where}"
        elif status is TrialStatus.Completed:
            reason = None
        pauses = decision is not None and decision.goes_on
        usable = objective is not None and math.isfinite(objective) and status is not TrialStatus.Failed
        return TrialEnded(
            number=event.number,
            status=status,
            objective=objective if usable else None,
            reason=reason,
            log_tail=list(event.log_tail),
            paused=pauses,
            ran_out=pauses and event.status is TrialStatus.Completed,
            metrics=None if decision is None else dict(decision.metrics),
            at=event.at,
        )

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

    def _pay(self, trial: Trial) -> None:
        """Count what a trial took since it began or went on."""
        self._paid_seconds += (trial.seconds or 0.0) - trial.seconds_before

    def _stop_late_trials(self) -> None:
        now = time.monotonic()
        for number, running in self._running.items():
            if running.deadline is not None and now >= running.deadline:
                running.deadline = None
                limit = self._spec.limits.max_trial_seconds
                self._stop_trial(number, f"{RAN_TOO_LONG} limits.max_trial_seconds = {limit:g}")

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

    @staticmethod
    def _deadline(limit: float | None, used: float) -> float | None:
        return None if limit is None else time.monotonic() + limit - used


def _strategy(spec: TuningSpec) -> Strategy:
    strategy = strategy_of(spec)
    if spec.baseline is not None:
        strategy.enqueue(spec.baseline)
    return strategy


def _fresh(trial: Trial) -> Trial:
    """Return a trial that starts; one that was paused before goes on from what it reported."""
    if trial.paused:
        return replace(trial, started_at=None)
    return Trial(trial.number, trial.parameters, origin=trial.origin, repeat=trial.repeat, resource=trial.resource)


def _missing_objective(metric: str, reported: Mapping[str, float], remark: str | None) -> str:
    """Return why a trial that ended well has no objective, with what may help."""
    known = ", ".join(sorted(reported)) or "no metric at all"
    near = difflib.get_close_matches(metric, reported, n=1)
    if near:
        hint: str | None = f"did you mean {near[0]!r}?"
    elif remark is None and not reported:
        hint = "call smtune.container.report in the script, or name a regular expression under metrics"
    else:
        hint = remark
    return "; ".join(filter(None, (f"never reported the objective {metric!r}", f"it reported {known}", hint)))


def _measured(trial: Trial, metrics: Mapping[str, float], step: int | None, objective: str) -> Trial:
    return replace(
        trial,
        metrics={**trial.metrics, **metrics},
        step=trial.step if step is None else step,
        objective=metrics.get(objective, trial.objective),
    )


def _ended(trial: Trial, event: TrialEnded) -> Trial:
    return replace(
        trial,
        status=TrialStatus(event.status),
        objective=event.objective,
        failure_reason=event.reason,
        ended_at=event.at,
        paused=event.paused,
        metrics=trial.metrics if event.metrics is None else event.metrics,
    )
