"""One training job: what is known of it, and how that changes."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from smtune.amt.images import built_in_definitions
from smtune.amt.times import write_time
from smtune.emulator.service.errors import validation
from smtune.sandbox.script_mode import PROGRAM_KEY

_ENDED: Final = frozenset({"Completed", "Failed", "Stopped"})
_PAID: Final = frozenset({"Training", "Stopping", "Uploading"})
_LONGEST_REASON: Final = 1024
_MOST_METRICS: Final = 40

_ECHOED: Final = (
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "VpcConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ExperimentConfig",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "Environment",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
    "ServerlessJobConfig",
    "MlflowConfig",
    "ModelPackageConfig",
)
"""Members of a request that its description has too."""

_MESSAGES: Final = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted",
    "Restarting": "Training job restarting after an internal error",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job waited longer for spot capacity than MaxWaitTimeInSeconds provided",
}
"""What the service tells of each secondary status."""


class Transition(NamedTuple):
    """A secondary status that a job has or had; times are seconds since the epoch."""

    status: str
    started_at: float
    ended_at: float | None = None


class Metric(NamedTuple):
    """The last value of a metric."""

    value: float
    at: float


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a training job at a time; times are seconds since the epoch.

    Attributes:
        status: ``InProgress``, ``Stopping``, ``Completed``, ``Failed`` or ``Stopped``.
        transitions: All secondary statuses so far; never empty.
        modified_at: When it last changed.
        started_at: When its code began to run.
        ended_at: When it was over, with its artifacts where they belong.
        failure_reason: Why it failed.
        metrics: Metric name to its last value.
        updates: Members of the request that were changed since.
    """

    status: str
    transitions: tuple[Transition, ...]
    modified_at: float
    started_at: float | None = None
    ended_at: float | None = None
    failure_reason: str | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    updates: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paid_seconds(self) -> float:
        """How long it had instances; not the time between an interruption and the next training."""
        return sum(
            (one.ended_at or one.started_at) - one.started_at
            for one in self.transitions
            if one.status in _PAID and self.started_at is not None and one.started_at >= self.started_at
        )


class TrainingJob:
    """A training job. Every call may come from any thread.

    Args:
        request: As of ``CreateTrainingJob``; not changed any more.
        arn: Its ARN.
        tuning_job: ARN of the tuning job that it belongs to.
        created_at: When it was created, in seconds since the epoch; ``None`` for now.
        state: How it was last seen; ``None`` for a new one.
        changed: Told of every change, once it has happened.

    Raises:
        ServiceError: A regex of a metric does not compile.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        *,
        arn: str,
        tuning_job: str | None = None,
        created_at: float | None = None,
        state: State | None = None,
        changed: Callable[[TrainingJob], object] | None = None,
    ) -> None:
        self.asked = request
        self.request = request if tuning_job is None else _with_own_checkpoints(request)
        self.name: str = request["TrainingJobName"]
        self.arn = arn
        self.tuning_job = tuning_job
        now = time.time()
        self.created_at = now if created_at is None else created_at
        self.regexes = _searchable(self.metric_definitions)
        """Metric name to its regex, of those that can capture something."""
        self._listener = changed
        self._lock = threading.Lock()
        self._state = state or State("InProgress", (Transition("Starting", now),), now)
        self._described: tuple[State, dict[str, Any]] | None = None

    # --- what is known ----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Everything that changes, at one time."""
        return self._state

    @property
    def status(self) -> str:
        """``InProgress``, ``Stopping``, ``Completed``, ``Failed`` or ``Stopped``."""
        return self._state.status

    @property
    def secondary_status(self) -> str:
        """Where exactly it stands, e.g. ``Training`` or ``MaxRuntimeExceeded``."""
        return self._state.transitions[-1].status

    @property
    def failure_reason(self) -> str | None:
        """Why it failed, or ``None``."""
        return self._state.failure_reason

    @property
    def modified_at(self) -> float:
        """When it last changed."""
        return self._state.modified_at

    @property
    def started_at(self) -> float | None:
        """When its code began to run, or ``None``."""
        return self._state.started_at

    @property
    def ended_at(self) -> float | None:
        """When it was over, or ``None``."""
        return self._state.ended_at

    @property
    def has_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self._state.status in _ENDED

    @cached_property
    def metric_definitions(self) -> Mapping[str, str]:
        """Metric name to its regex: those of the request, or those that the image brings along."""
        algorithm = self.request.get("AlgorithmSpecification") or {}
        given = algorithm.get("MetricDefinitions")
        if given or PROGRAM_KEY in (self.request.get("HyperParameters") or {}):
            return {one["Name"]: one["Regex"] for one in given or ()}
        return built_in_definitions(algorithm.get("TrainingImage") or "")

    @property
    def output_path(self) -> str:
        """Address of what the job makes, without a slash at its end."""
        return f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output"

    @property
    def compresses(self) -> bool:
        """Whether what it makes is packed."""
        return bool(self.request["OutputDataConfig"].get("CompressionType") != "NONE")

    def description(self) -> dict[str, Any]:
        """Return what ``DescribeTrainingJob`` answers."""
        state, known = self._state, self._described
        if known is None or known[0] is not state:  # there may be thousands that have ended, and searches look at all
            known = self._described = state, self._describe(state)
        return dict(known[1])

    def _describe(self, state: State) -> dict[str, Any]:
        request = {**self.request, **state.updates}
        algorithm = request.get("AlgorithmSpecification")
        if algorithm is not None and self.metric_definitions:
            definitions = [{"Name": name, "Regex": regex} for name, regex in self.metric_definitions.items()]
            request["AlgorithmSpecification"] = {**algorithm, "MetricDefinitions": definitions}
        seconds = None if state.started_at is None or state.ended_at is None else state.ended_at - state.started_at
        members = {
            **{name: request.get(name) for name in _ECHOED},
            "TrainingJobArn": self.arn,
            "TuningJobArn": self.tuning_job,
            "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **request["OutputDataConfig"]},
            "ModelArtifacts": {
                "S3ModelArtifacts": f"{self.output_path}/{'model.tar.gz' if self.compresses else 'model/'}"
            },
            "TrainingJobStatus": state.status,
            "SecondaryStatus": state.transitions[-1].status,
            "SecondaryStatusTransitions": [_transition(one) for one in state.transitions],
            "FailureReason": state.failure_reason,
            "CreationTime": write_time(self.created_at),
            "TrainingStartTime": _time(state.started_at),
            "TrainingEndTime": _time(state.ended_at),
            "LastModifiedTime": write_time(state.modified_at),
            "FinalMetricDataList": _final_metrics(state.metrics) or None,
            "EnableNetworkIsolation": bool(request.get("EnableNetworkIsolation")),
            "EnableInterContainerTrafficEncryption": bool(request.get("EnableInterContainerTrafficEncryption")),
            "EnableManagedSpotTraining": bool(request.get("EnableManagedSpotTraining")),
            "TrainingTimeInSeconds": None if seconds is None else _whole(seconds),
            "BillableTimeInSeconds": None if seconds is None else _whole(state.paid_seconds),
        }
        return {name: value for name, value in members.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """Return its entry in what ``ListTrainingJobs`` answers."""
        state = self._state
        members = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "CreationTime": write_time(self.created_at),
            "TrainingEndTime": _time(state.ended_at),
            "LastModifiedTime": write_time(state.modified_at),
            "TrainingJobStatus": state.status,
            "SecondaryStatus": state.transitions[-1].status,
            "TrainingPlanArn": (self.request.get("ResourceConfig") or {}).get("TrainingPlanArn"),
        }
        return {name: value for name, value in members.items() if value is not None}

    # --- what happens -----------------------------------------------------------------------------------------

    def enter(self, secondary_status: str) -> bool:
        """Go on to a secondary status of a job that has not ended.

        Returns:
            Whether it did: one that stops only uploads.
        """
        now = time.time()
        with self._lock:
            state = self._state
            if state.status in _ENDED or (state.status == "Stopping" and secondary_status != "Uploading"):
                return False
            started_at = state.started_at
            if secondary_status == "Training" and started_at is None:
                started_at = now
            self._state = replace(_moved(state, secondary_status, now), started_at=started_at)
        self._changed()
        return True

    def measured(self, metrics: Mapping[str, float], at: float) -> None:
        """Keep metrics that were read from what the job printed."""
        with self._lock:
            state = self._state
            known = {**state.metrics, **{name: Metric(value, at) for name, value in metrics.items()}}
            self._state = replace(state, metrics=MappingProxyType(known), modified_at=max(at, state.modified_at))
        self._changed()

    def stop(self) -> bool:
        """Ask it to stop.

        Returns:
            Whether nobody had before.

        Raises:
            ServiceError: It has ended.
        """
        with self._lock:
            self._check_going()
            if self._state.status == "Stopping":
                return False
            self._state = replace(_moved(self._state, "Stopping", time.time()), status="Stopping")
        self._changed()
        return True

    def end(self, status: str, *, secondary_status: str | None = None, failure_reason: str | None = None) -> None:
        """End it, unless it has ended.

        Args:
            status: ``Completed``, ``Failed`` or ``Stopped``.
            secondary_status: If it is another one.
            failure_reason: Why it failed; 1024 characters are kept.
        """
        now = time.time()
        with self._lock:
            state = self._state
            if state.status in _ENDED:
                return
            moved = _moved(state, secondary_status or status, now)
            reason = None if failure_reason is None else failure_reason[:_LONGEST_REASON]
            last = moved.transitions[-1]._replace(ended_at=now)
            transitions = (*moved.transitions[:-1], last)
            self._state = replace(moved, status=status, transitions=transitions, ended_at=now, failure_reason=reason)
        self._changed()

    def update(self, members: Mapping[str, Any]) -> None:
        """Change what may change of a job that has not ended.

        Raises:
            ServiceError: It has ended.
        """
        with self._lock:
            self._check_going()
            state = self._state
            resources = members.get("ResourceConfig")
            merged = {**self.request.get("ResourceConfig", {}), **state.updates.get("ResourceConfig", {})}
            changed = {} if resources is None else {"ResourceConfig": {**merged, **resources}}
            self._state = replace(state, updates={**state.updates, **members, **changed}, modified_at=time.time())
        self._changed()

    def _changed(self) -> None:
        if self._listener is not None:
            self._listener(self)

    def _check_going(self) -> None:
        if self._state.status in _ENDED:
            status = self._state.status
            raise validation(f"The request was rejected because the training job is in status {status}.")


def _moved(state: State, secondary_status: str, now: float) -> State:
    last = state.transitions[-1]
    if last.status == secondary_status:
        return state
    transitions = (*state.transitions[:-1], last._replace(ended_at=now), Transition(secondary_status, now))
    return replace(state, transitions=transitions, modified_at=now)


def _with_own_checkpoints(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request whose checkpoints do not meet those of the other training jobs of its tuning job.

    Whether AWS does so is not documented.
    """
    config = request.get("CheckpointConfig")
    if config is None:
        return request
    uri = f"{config['S3Uri'].rstrip('/')}/{request['TrainingJobName']}"
    return {**request, "CheckpointConfig": {**config, "S3Uri": uri}}


def _searchable(definitions: Mapping[str, str]) -> dict[str, str]:
    """Return the regexes that can capture something."""
    searchable = {}
    for name, regex in definitions.items():
        try:
            groups = re.compile(regex).groups
        except re.error as error:
            raise validation(f"The regular expression {regex!r} of the metric {name!r} is invalid: {error}") from None
        if groups:
            searchable[name] = regex
    return searchable


def _final_metrics(metrics: Mapping[str, Metric]) -> list[dict[str, Any]]:
    finite = [(name, metric) for name, metric in metrics.items() if math.isfinite(metric.value)]
    return [
        {"MetricName": name, "Value": metric.value, "Timestamp": write_time(metric.at)}
        for name, metric in finite[:_MOST_METRICS]
    ]


def _transition(transition: Transition) -> dict[str, Any]:
    members = {
        "Status": transition.status,
        "StartTime": write_time(transition.started_at),
        "EndTime": _time(transition.ended_at),
        "StatusMessage": _MESSAGES.get(transition.status),
    }
    return {name: value for name, value in members.items() if value is not None}


def _time(seconds: float | None) -> float | None:
    return None if seconds is None else write_time(seconds)


def _whole(seconds: float) -> int:
    """Return a time as the service counts it: in whole seconds, at least one."""
    return max(1, round(seconds))
