"""The tuning loop: joins a search, a runner and a store.

Every event is in the store before it is acted on, so that a job killed at any moment goes on as if it had not been:
the search is built anew, the log is replayed to it, and the trials that were under way start afresh under their
numbers. One that had been paused starts from its pause.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from smtune.outcomes import ended, judge, measured
from smtune.results import JOB_STOPPED, KILLED, JobStatus
from smtune.runners.base import Ended, Event, Measured, Runner, Started
from smtune.search import Search
from smtune.spec import TuningSpec
from smtune.stopping import Decision
from smtune.store import (
    Enqueued,
    JobEnded,
    JobEvent,
    JobStarted,
    JobStore,
    StopRequested,
    TrialEnded,
    TrialMeasured,
    TrialStarted,
)
from smtune.trial import Trial, TrialStatus

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
        self._search = Search(spec)
        self._running: dict[int, _Running] = {}
        self._unstarted: deque[Trial] = deque()
        self._verdict: tuple[JobStatus, str | None] | None = None
        self._stop_requested = threading.Event()
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
            self._unstarted.extend(self._search.replay(self._store.events()))
            self._store.append([JobStarted(pid=os.getpid(), host=socket.gethostname(), at=time.time())])
            self._search.budget.begin_run(time.monotonic())
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

    # --- the parts of a turn ----------------------------------------------------------------------------------

    def _take_enqueued(self) -> None:
        while self._enqueued:
            configuration = self._enqueued.popleft()
            self._store.append([Enqueued(configuration=dict(configuration), at=time.time())])  # type: ignore[arg-type]
            self._search.enqueue(configuration)

    def _check_limits(self) -> None:
        """Give the job a verdict if a limit was reached; running trials are then stopped."""
        if self._verdict is not None:
            return
        failure = self._search.failure
        reason = failure or self._search.budget.spent(time.monotonic()) or self._search.completion
        if reason is None:
            return
        self._verdict = (JobStatus.Completed if failure is None else JobStatus.Failed, reason)
        for number in self._running:
            self._stop_trial(number, f"the job ended: {reason}")

    def _heed_stop(self) -> None:
        if self._stop_requested.is_set() and not self._search.stopping:
            self._store.append([StopRequested(at=time.time())])
            self._search.stopping = True
            for number in self._running:
                self._stop_trial(number, JOB_STOPPED)

    def _fill(self) -> None:
        """Start trials while there are free slots.

        A trial holds its slot until its end was absorbed, though the runner may have freed its own before: the end may
        be one that ends the job, or from which the next trial is to learn.
        """
        if self._verdict is not None or self._search.stopping:
            return
        while self._verdict is None and (free := self._spec.limits.max_parallel - len(self._running)) > 0:
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
        events = self._search.ask(free, at=time.time())
        if events:
            self._store.append(events)
        return [self._search.admit(event) for event in events]

    def _settle(self, trial: Trial) -> bool:
        """End a trial that is about to start if it is known what it will reach.

        It ran ahead of the stop that was to pause it, or to its end; on a slower machine it would not have.
        """
        used_up, ran_out = self._search.pauses.used_up(trial), self._search.pauses.ran_out(trial)
        if used_up is None and not ran_out:
            return False
        status = TrialStatus.Completed if ran_out else TrialStatus.Stopped
        outcome = judge(trial, Ended(trial.number, time.time(), status), metric=self._metric, decision=used_up)
        if used_up is None:  # the log knows of the metrics at its last pause only
            outcome = replace(outcome, metrics=dict(trial.metrics))
        self._store.append([outcome])
        settled = ended(trial, outcome)
        self._search.end(settled, ran_out=outcome.ran_out, last=trial.metrics)
        self._listener(settled)
        return True

    def _seconds_left(self) -> float | None:
        """Return seconds until the next deadline, or ``None`` if there is none."""
        return self._search.budget.seconds_left(time.monotonic(), of_job=self._verdict is None)

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
                self._search.end(trial, ran_out=record.ran_out, last=last)
            elif running.decision is not None and not running.trial.status.ended:
                self._stop_trial(trial.number, running.decision.reason)
            self._listener(trial)

    def _start(self, running: _Running, event: Started) -> TrialStarted:
        self._search.begin(running.trial)
        running.trial = replace(running.trial, started_at=event.at)
        self._search.budget.begin(running.trial, time.monotonic())
        return TrialStarted(number=event.number, at=event.at)

    def _measure(self, running: _Running, event: Measured) -> TrialMeasured:
        """Take in a report, and decide whether the trial is to stop: its end may be known already."""
        record = TrialMeasured(number=event.number, metrics=dict(event.metrics), step=event.step, at=event.at)
        running.trial = trial = measured(running.trial, event, metric=self._metric)
        given_up = self._search.hear(trial, record)
        if running.decision is None and running.stop_reason is None:
            running.decision = given_up
        running.decision = running.decision or self._search.pauses.used_up(trial)
        return record

    def _end(self, running: _Running, event: Ended) -> TrialEnded:
        outcome = judge(
            running.trial, event, metric=self._metric, decision=running.decision, stop_reason=running.stop_reason
        )
        running.trial = ended(running.trial, outcome)
        return outcome

    def _stop_late_trials(self) -> None:
        for number, reason in self._search.budget.take_late(time.monotonic()).items():
            self._stop_trial(number, reason)

    def _stop_trial(self, number: int, reason: str) -> None:
        running = self._running[number]
        running.stop_reason = running.stop_reason or reason
        self._runner.stop(number)

    # --- the end ----------------------------------------------------------------------------------------------

    def _finish(self) -> JobStatus:
        status, reason = self._verdict or (JobStatus.Completed, None)
        if self._verdict is None and self._search.stopping:
            status, reason = JobStatus.Stopped, "stopped on request"
        elif status is JobStatus.Completed and not self._search.succeeded:
            status = JobStatus.Failed
            reason = "; ".join(text for text in ("no trial succeeded", reason) if text)
        elif self._verdict is None:
            reason = self._search.shortfall
        self._runner.close()
        now = time.time()
        records: list[JobEvent] = [
            TrialEnded(number=number, status=TrialStatus.Stopped, objective=None, reason=KILLED, log_tail=[], at=now)
            for number in self._running
        ]
        self._store.append([*records, JobEnded(status=status.value, reason=reason, at=now)])
        return status
