"""Runs the trials of a tuning job as training jobs of the service."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from smtune.amt.ranges import encode_text
from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.training import Training, TrainingRegistry
from smtune.emulator.service.troubles import Abandoned
from smtune.runners import Ended, Event, Measured, Runner, Started
from smtune.runners.evaluation import one_line
from smtune.trial import Trial, TrialStatus

_NOT_IN_TRAINING_JOBS = ("DefinitionName", "TuningObjective", "HyperParameterRanges")
"""Members of a definition that ``CreateTrainingJob`` does not have."""


class TuningRunner(Runner):
    """Starts a training job per trial.

    Args:
        jobs: Where they are created.
        name_of: Returns the name of the training job with a number among all of the tuning job.
        arn: ARN of the tuning job.
        definition: What is trained, as ``DescribeHyperParameterTuningJob`` echoes it, with the ``Tags`` of the training jobs.
        choices: Categorical parameter to the very texts of its values in the request.
        quoting: How texts among the hyperparameters are quoted.
        first: Number of the tuning job's training job that is this runner's trial 0.
        created: Told of every training job, with its number among all of the tuning job.
    """

    def __init__(
        self,
        jobs: TrainingRegistry,
        *,
        name_of: Callable[[int], str],
        arn: str,
        definition: Mapping[str, Any],
        choices: Mapping[str, Mapping[str, str]],
        quoting: str,
        created: Callable[[int, Trial, Training], None],
        first: int = 0,
    ) -> None:
        self._jobs = jobs
        self._name_of = name_of
        self._arn = arn
        self._definition = definition
        self._choices = choices
        self._quoting = quoting
        self._first = first
        self._created = created
        self._running: dict[int, str] = {}
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._woken = False
        self._closed = False
        self._abandoned = False

    def start(self, trial: Trial) -> None:
        """Create the training job of a trial; one that is refused comes as a failed trial.

        Raises:
            Abandoned: Nobody wants to hear of the tuning job any more.
        """
        name = self._name_of(self._first + trial.number)
        with self._changed:
            if self._abandoned:
                raise Abandoned
            if self._closed or trial.number in self._running:
                raise RuntimeError(f"cannot start trial {trial.number}")
            self._running[trial.number] = name
        try:
            ear = _Ear(self, trial.number)
            job = self._jobs.create(self._request(trial, name), tuning_job=self._arn, listener=ear)
            self._created(self._first + trial.number, trial, job)
        except ServiceError as error:
            self._add(Ended(trial.number, time.time(), TrialStatus.Failed, one_line(f"{error.code}: {error.message}")))

    def hyperparameters(self, trial: Trial) -> dict[str, str]:
        """Return the tuned hyperparameters of a trial as texts: choices in the very words of the request."""
        return {
            name: self._choices.get(name, {}).get(repr(value)) or encode_text(value, self._quoting)
            for name, value in trial.parameters.items()
        }

    def _request(self, trial: Trial, name: str) -> dict[str, Any]:
        request = {key: value for key, value in self._definition.items() if key not in _NOT_IN_TRAINING_JOBS}
        static = request.pop("StaticHyperParameters", {})
        return {**request, "TrainingJobName": name, "HyperParameters": {**static, **self.hyperparameters(trial)}}

    def wait(self, timeout: float | None) -> Sequence[Event]:
        """Block until something happened, the time is over, or somebody wakes it.

        Raises:
            Abandoned: Nobody wants to hear of the tuning job any more.
        """
        with self._changed:
            if self._running and not self._events and not self._woken:
                self._changed.wait_for(lambda: self._events or self._woken, timeout)
            self._woken = False
            if self._abandoned:
                raise Abandoned
            events = list(self._events)
            self._events.clear()
            for event in events:
                if isinstance(event, Ended):
                    self._running.pop(event.number, None)
            return events

    def wake(self) -> None:
        """Make the present or the next :meth:`wait` return at once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Have the tuning job's loop end as if its process had been killed: what happens now is in no log."""
        with self._changed:
            self._abandoned = True
        self.wake()

    def stop(self, number: int) -> None:
        """Stop the training job of a trial."""
        name = self._running.get(number)
        if name is not None:
            self._stop(name)

    def busy(self) -> int:
        """Return how many training jobs have not ended."""
        return len(self._running)

    def close(self) -> None:
        """Stop what still runs; the training jobs end by themselves."""
        with self._changed:
            self._closed = True
            names = [] if self._abandoned else list(self._running.values())
        for name in names:
            self._stop(name)

    def _stop(self, name: str) -> None:
        try:
            self._jobs.stop(name)
        except ServiceError:  # it has ended in the meantime
            return

    def _add(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def _heard(self, event: Event) -> None:
        self._add(event)


class _Ear:
    """Turns what becomes of a training job into a runner's events."""

    def __init__(self, runner: TuningRunner, number: int) -> None:
        self._runner = runner
        self._number = number

    def started(self, _job: Training, at: float) -> None:
        self._runner._heard(Started(self._number, at))  # noqa: SLF001 - the two are one

    def measured(self, _job: Training, at: float, metrics: Mapping[str, float]) -> None:
        self._runner._heard(Measured(self._number, at, metrics))  # noqa: SLF001

    def ended(self, job: Training) -> None:
        status = TrialStatus(job.status)
        at = time.time() if job.ended_at is None else job.ended_at
        self._runner._heard(Ended(self._number, at, status, job.failure_reason))  # noqa: SLF001
