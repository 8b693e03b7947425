"""What SageMaker answers about a training job of a tuning job, made of its trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from smtune.amt.echo import echo_definition
from smtune.amt.names import training_job_arn, training_job_name
from smtune.amt.ranges import encode_text, quoting_of
from smtune.amt.stops import NO_CAPACITY
from smtune.amt.times import write_time
from smtune.container import decode_value
from smtune.results import RAN_TOO_LONG, TuningResult
from smtune.trial import Trial, TrialStatus

_LONGEST_REASON = 1024
_COPIED = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "CheckpointConfig",
    "Environment",
    "RetryStrategy",
)
_SWITCHES = ("EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining", "EnableNetworkIsolation")


@dataclass(frozen=True)
class TrainingJobs:
    """The training jobs of a tuning job.

    Attributes:
        result: The tuning job as it stands.
        request: What created it.
        arn: Its ARN.
    """

    result: TuningResult
    request: Mapping[str, Any]
    arn: str

    def definition_of(self, trial: Trial) -> Mapping[str, Any]:
        """Return the definition of a trial, which its origin names where there are several."""
        several: Sequence[Mapping[str, Any]] = self.request.get("TrainingJobDefinitions") or ()
        named = (one for one in several if one.get("DefinitionName") == trial.origin)
        return next(named, several[0]) if several else self.request["TrainingJobDefinition"]

    def echo(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Return a definition as descriptions have it."""
        return echo_definition(definition, self._objective(definition)["MetricName"])

    def summary(self, trial: Trial) -> dict[str, Any]:
        """Return a ``HyperParameterTrainingJobSummary``."""
        return self._summary(trial, self.result.name, self._creations[trial.number])

    def summary_of_parent(self, trial: Trial, parent: str) -> dict[str, Any]:
        """Return the summary of a trial of another tuning job, created when that is not known: with this one."""
        created_at = self.result.started_at or 0.0
        return {**self._summary(trial, parent, created_at), "TuningJobName": parent}

    def _summary(self, trial: Trial, tuning_job: str, created_at: float) -> dict[str, Any]:
        name = trial.training_job or training_job_name(tuning_job, trial.number)
        definition = self.definition_of(trial)
        objective = self._objective(definition)
        final = {"MetricName": objective["MetricName"], "Value": trial.objective}
        if "TrainingJobDefinitions" in self.request:
            final["Type"] = objective["Type"]
        ended = "Succeeded" if has_objective(trial) else "Failed"
        members = {
            "TrainingJobDefinitionName": definition.get("DefinitionName"),
            "TrainingJobName": name,
            "TrainingJobArn": training_job_arn(self.arn, name),
            "CreationTime": write_time(created_at),
            "TrainingStartTime": None if trial.started_at is None else write_time(trial.started_at),
            "TrainingEndTime": None if trial.ended_at is None else write_time(trial.ended_at),
            "TrainingJobStatus": trial.status.value,
            "TunedHyperParameters": self._texts(trial, definition),
            "FailureReason": cut(trial.failure_reason) if trial.status is TrialStatus.Failed else None,
            "FinalHyperParameterTuningJobObjectiveMetric": final if has_objective(trial) else None,
            "ObjectiveStatus": ended if trial.status.ended else "Pending",
        }
        return known(members)

    def describe(self, trial: Trial) -> dict[str, Any]:
        """Return what ``DescribeTrainingJob`` answers."""
        definition = self.echo(self.definition_of(trial))
        summary = self.summary(trial)
        output = {"KmsKeyId": "", **definition["OutputDataConfig"]}
        model = trial.model or f"{output['S3OutputPath'].rstrip('/')}/{summary['TrainingJobName']}/output/model.tar.gz"
        times = ("CreationTime", "TrainingStartTime", "TrainingEndTime")
        last = max(summary[name] for name in times if name in summary)
        metrics = [
            {"MetricName": name, "Value": value, "Timestamp": last}
            for name, value in trial.metrics.items()
            if math.isfinite(value)
        ]
        members = {
            "TrainingJobName": summary["TrainingJobName"],
            "TrainingJobArn": summary["TrainingJobArn"],
            "TuningJobArn": self.arn,
            "ModelArtifacts": {"S3ModelArtifacts": model},
            "TrainingJobStatus": trial.status.value,
            "SecondaryStatus": _secondary_status(trial),
            "FailureReason": summary.get("FailureReason"),
            "HyperParameters": {**definition["StaticHyperParameters"], **summary["TunedHyperParameters"]},
            **{name: definition.get(name) for name in _COPIED},
            "OutputDataConfig": output,
            **{name: summary.get(name) for name in times},
            "LastModifiedTime": last,
            "SecondaryStatusTransitions": [_transition(trial, summary)],
            "FinalMetricDataList": metrics or None,
            **{name: bool(definition.get(name, False)) for name in _SWITCHES},
            "TrainingTimeInSeconds": _whole_seconds(trial.seconds),
            "BillableTimeInSeconds": _whole_seconds(trial.billable_seconds),
        }
        return known(members)

    def _objective(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        config = self.request["HyperParameterTuningJobConfig"]
        own = {"MetricName": self.result.metric, "Type": self.result.goal.value}
        return definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective") or own

    def _texts(self, trial: Trial, definition: Mapping[str, Any]) -> dict[str, str]:
        """Return the hyperparameters that were tuned: choices in the very words of the request."""
        config = self.request["HyperParameterTuningJobConfig"]
        ranges = definition.get("HyperParameterRanges") or config.get("ParameterRanges") or {}
        choices = {one["Name"]: one["Values"] for one in ranges.get("CategoricalParameterRanges") or ()}
        static = definition.get("StaticHyperParameters") or {}
        quoting = quoting_of([*static.values(), *(text for texts in choices.values() for text in texts)])
        return {
            name: next(
                (text for text in choices.get(name, ()) if repr(decode_value(text)) == repr(value)),
                encode_text(value, quoting),
            )
            for name, value in trial.parameters.items()
        }

    @cached_property
    def _creations(self) -> dict[int, float]:
        """When each trial was created: no later than it started, nor than any that came after it.

        So their order is that of their numbers, also where a trial went on late after a pause.
        """
        trials = self.result.trials
        starts = [math.inf if trial.started_at is None else trial.started_at for trial in reversed(trials)]
        created = list(accumulate(starts, min))
        latest = max((time for time in created if math.isfinite(time)), default=self.result.started_at or 0.0)
        return {trial.number: min(time, latest) for trial, time in zip(reversed(trials), created, strict=True)}


def known(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not ``None``."""
    return {name: value for name, value in members.items() if value is not None}


def cut(reason: str | None) -> str | None:
    """Return a ``FailureReason`` in the length that the service allows."""
    return None if reason is None else reason[:_LONGEST_REASON]


def has_objective(trial: Trial) -> bool:
    """Return whether the service tells an objective of a trial: one that ended without failing, and is a number."""
    found = trial.status in (TrialStatus.Completed, TrialStatus.Stopped) and trial.objective is not None
    return found and math.isfinite(trial.objective or 0.0)


def _whole_seconds(seconds: float | None) -> int | None:
    """Return a time as the service counts it: in whole seconds, at least one."""
    return None if seconds is None else max(1, round(seconds))


def _secondary_status(trial: Trial) -> str:
    if trial.status is TrialStatus.InProgress:
        return "Starting" if trial.started_at is None else "Training"
    reason = trial.failure_reason or ""
    if trial.status is TrialStatus.Stopped and reason.startswith(RAN_TOO_LONG):
        return "MaxRuntimeExceeded"
    if trial.status is TrialStatus.Stopped and reason.startswith(NO_CAPACITY):
        return "MaxWaitTimeExceeded"
    return trial.status.value


def _transition(trial: Trial, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last status; its message is why a trial was stopped, so that it can be told again."""
    members = {
        "Status": _secondary_status(trial),
        "StartTime": summary.get("TrainingStartTime", summary["CreationTime"]),
        "EndTime": summary.get("TrainingEndTime"),
        "StatusMessage": trial.failure_reason if trial.status is TrialStatus.Stopped else None,
    }
    return known(members)
