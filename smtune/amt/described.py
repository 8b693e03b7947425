"""What the description of a tuning job says, read leniently: whatever job exists can be read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smtune.amt.definition import TUNING_OBJECTIVE
from smtune.amt.ranges import decode_ranges
from smtune.amt.summaries import decode_objective
from smtune.amt.times import read_optional_time
from smtune.container import decode_value
from smtune.errors import SpecError
from smtune.results import JobStatus
from smtune.space import Parameter, SearchSpace
from smtune.spec import Goal, Objective
from smtune.trial import Trial

_DELETION = {
    "Deleting": "SageMaker is deleting the job",
    "DeleteFailed": "SageMaker could not delete the job",
}
_KINDS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges")
_UNKNOWN_METRIC = "objective"


@dataclass(frozen=True, slots=True)
class Described:
    """A tuning job as ``DescribeHyperParameterTuningJob`` answers, under the words of a result."""

    answer: Mapping[str, Any]

    @property
    def config(self) -> Mapping[str, Any]:
        """The ``HyperParameterTuningJobConfig``."""
        return self.answer.get("HyperParameterTuningJobConfig") or {}

    @property
    def status(self) -> JobStatus:
        """Where the job stands; one that is being deleted has stopped."""
        word = self.answer["HyperParameterTuningJobStatus"]
        if word in list(JobStatus):
            return JobStatus(word)
        running = word not in _DELETION and self.answer.get("HyperParameterTuningEndTime") is None
        return JobStatus.InProgress if running else JobStatus.Stopped

    @property
    def deletion(self) -> str | None:
        """What is said of the job's deletion, or ``None``."""
        return _DELETION.get(self.answer["HyperParameterTuningJobStatus"])

    @property
    def definitions(self) -> Sequence[Mapping[str, Any]]:
        """The training job definitions, at least one."""
        single = self.answer.get("TrainingJobDefinition")
        return [single] if single else self.answer.get("TrainingJobDefinitions") or [{}]

    def definition_of(self, summary: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the definition of a training job."""
        name = summary.get("TrainingJobDefinitionName")
        named = (one for one in self.definitions if one.get("DefinitionName") == name)
        return next(named, self.definitions[0])

    @property
    def instance_counts(self) -> frozenset[int]:
        """How many instances a trial may run on: one number, unless definitions or choices differ."""
        resources = [
            one.get("HyperParameterTuningResourceConfig") or one.get("ResourceConfig") or {} for one in self.definitions
        ]
        choices = [choice for one in resources for choice in one.get("InstanceConfigs") or (one,)]
        groups = [choice.get("InstanceGroups") or (choice,) for choice in choices]
        return frozenset(sum(one.get("InstanceCount", 1) for one in beside) for beside in groups)

    @property
    def limits(self) -> Mapping[str, Any]:
        """The ``ResourceLimits``."""
        return self.config.get("ResourceLimits") or {}

    @property
    def gives_up(self) -> bool:
        """Whether a rule stops training jobs that do not look well."""
        return self.config.get("TrainingJobEarlyStoppingType") == "Auto" or self.config.get("Strategy") == "Hyperband"

    def metric_of(self, definition: Mapping[str, Any]) -> str | None:
        """Return the objective metric of a definition, or ``None`` if nothing tells it."""
        told = self._objective_of(definition).get("MetricName")
        added = (definition.get("StaticHyperParameters") or {}).get(TUNING_OBJECTIVE)
        return told or (None if added is None else str(decode_value(added)))

    def goal_of(self, definition: Mapping[str, Any]) -> Goal | None:
        """Return which way a definition is optimised, or ``None`` if nothing tells it."""
        with contextlib.suppress(SpecError):
            return Goal.parse(self._objective_of(definition).get("Type"))
        return None

    def _objective_of(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        return definition.get("TuningObjective") or self.config.get("HyperParameterTuningJobObjective") or {}

    def objective(self, summaries: Sequence[Mapping[str, Any]]) -> Objective:
        """Return the objective of the first definition.

        What nothing tells is taken from the training jobs, or is what the SageMaker SDK does by default: ``Maximize``.
        """
        first = self.definitions[0]
        metric, goal = decode_objective(summaries)
        return Objective(
            metric=self.metric_of(first) or metric or _UNKNOWN_METRIC,
            goal=self.goal_of(first) or goal or Goal.Maximize,
        )

    def space_of(self, definition: Mapping[str, Any]) -> SearchSpace:
        """Return what a definition varies, without ranges that smtune would refuse."""
        ranges = definition.get("HyperParameterRanges") or self.config.get("ParameterRanges") or {}
        parameters: dict[str, Parameter] = {}
        for kind in _KINDS:
            for one in ranges.get(kind) or ():
                with contextlib.suppress(SpecError):
                    parameters |= decode_ranges({kind: [one]})[0]
        return SearchSpace(parameters) if parameters else SearchSpace.empty()

    def ended_by(self, trials: Sequence[Trial], goal: Goal) -> str | None:
        """Return which limit or criterion ended a job that is ``Completed``, or ``None`` if it ran to its end."""
        return next(self._endings(trials, goal), None) if self.status is JobStatus.Completed else None

    def _endings(self, trials: Sequence[Trial], goal: Goal) -> Iterator[str]:
        criteria = self.config.get("TuningJobCompletionCriteria") or {}
        target = criteria.get("TargetObjectiveMetricValue")
        if target is not None:
            for trial in trials:
                if trial.objective is not None and goal.sign * trial.objective <= goal.sign * target:
                    yield f"trial {trial.number} reached {trial.objective:.6g} (completion.target = {target:g})"
        details = self.answer.get("TuningJobCompletionDetails") or {}
        most = (criteria.get("BestObjectiveNotImproving") or {}).get("MaxNumberOfTrainingJobsNotImproving")
        count = details.get("NumberOfTrainingJobsObjectiveNotImproving")
        if most is not None and count is not None and count >= most:
            yield f"{count} trials in a row did not improve on the best (completion.not_improving = {most})"
        if read_optional_time(details.get("ConvergenceDetectedTime")) is not None:
            yield "SageMaker found that it has converged (completion.on_convergence)"
        limit = self.limits.get("MaxRuntimeInSeconds")
        took = (self.answer.get("ConsumedResources") or {}).get("RuntimeInSeconds")
        if limit is not None and took is not None and took >= limit:
            yield f"limits.max_runtime_seconds = {limit} reached"
