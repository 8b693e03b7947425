"""Why a training job is ``Stopped``: the service says that it is, and hardly ever why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smtune.results import EARLY_STOPPING, JOB_STOPPED, KILLED, RAN_TOO_LONG, JobStatus
from smtune.trial import Trial

GAVE_UP = f"{EARLY_STOPPING} SageMaker gave it up"
"""Reason of a trial that a rule of SageMaker's stopped: its early stopping, or Hyperband."""
JOB_ENDED = "the job ended"
"""How the reason of a trial begins that was stopped because its job was done."""
BY_REQUEST = "stopped by a request for this training job"
"""Reason of a trial that neither a rule nor the end of the job explains."""
NO_CAPACITY = "waited longer for spare capacity than"
"""How the reason of a trial begins for which no instance was found in time."""

_TOLD_AS_THEY_ARE = (EARLY_STOPPING, RAN_TOO_LONG, NO_CAPACITY, JOB_ENDED, JOB_STOPPED, KILLED, BY_REQUEST)


@dataclass(frozen=True, slots=True)
class Stops:
    """What a tuning job tells of why its training jobs were stopped.

    Attributes:
        status: Where the job stands.
        by_rule: Whether it has a rule that gives up trainings.
        ended_by: What ended it early, or ``None``.
        last_creation: When it created its last training job, seconds since the epoch (UTC): one that was stopped before
            that was not stopped with the job, which creates none from then on.
    """

    status: JobStatus
    by_rule: bool
    ended_by: str | None
    last_creation: float

    def reason(self, trial: Trial, condition: Mapping[str, Any], details: Mapping[str, Any]) -> str:
        """Return why a trial is ``Stopped``.

        Args:
            trial: With its times.
            condition: The ``StoppingCondition`` that applies to it.
            details: What ``DescribeTrainingJob`` answers, or nothing. Its last message is taken as it is if it is one
                of smtune's: its emulator knows the reason.
        """
        transitions = details.get("SecondaryStatusTransitions") or ()
        message = (transitions[-1].get("StatusMessage") or "") if transitions else ""
        if message.startswith(_TOLD_AS_THEY_ARE):
            return str(message)
        if details.get("SecondaryStatus") == "MaxWaitTimeExceeded":
            return f"{NO_CAPACITY} sagemaker.max_wait_seconds = {condition.get('MaxWaitTimeInSeconds')}"
        limit = condition.get("MaxRuntimeInSeconds")
        if details.get("SecondaryStatus") == "MaxRuntimeExceeded" or _is_over(trial, limit):
            return f"{RAN_TOO_LONG} limits.max_trial_seconds = {limit}"
        if trial.ended_at is None or trial.ended_at >= self.last_creation:
            if self.status in (JobStatus.Stopping, JobStatus.Stopped):
                return JOB_STOPPED
            if self.ended_by is not None:
                return f"{JOB_ENDED}: {self.ended_by}"
        return GAVE_UP if self.by_rule else BY_REQUEST


def _is_over(trial: Trial, limit: float | None) -> bool:
    return limit is not None and trial.started_at is not None and (trial.seconds or 0.0) >= limit
