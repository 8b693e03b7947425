"""What SageMaker says of a tuning job: the summaries of its training jobs as trials.

A summary is an entry of ``TrainingJobSummaries`` in the answer of ``ListTrainingJobsForHyperParameterTuningJob``, as
boto3 returns it or as the aws command line prints it. All values of hyperparameters are text there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from smtune.container import decode_value
from smtune.errors import Problem, SpecError
from smtune.space import Parameter, SearchSpace, Value
from smtune.spec import Goal
from smtune.trial import Trial, TrialStatus

_STATUS = {
    "InProgress": TrialStatus.InProgress,
    "Stopping": TrialStatus.InProgress,
    "Completed": TrialStatus.Completed,
    "Failed": TrialStatus.Failed,
    "Stopped": TrialStatus.Stopped,
    "Deleting": TrialStatus.Stopped,
}
_METRIC = "FinalHyperParameterTuningJobObjectiveMetric"
_REQUIRED = ("TrainingJobName", "CreationTime", "TrainingJobStatus", "TunedHyperParameters")


def decode_trials(summaries: Sequence[Mapping[str, Any]], space: SearchSpace) -> list[Trial]:
    """Return the training jobs of a tuning job as trials, numbered in the order of their creation.

    Args:
        summaries: In any order.
        space: Says what type the values of its parameters have. A value that is not legal there, or of another
            parameter, has the type that its text suggests.

    Raises:
        SpecError: A summary lacks what all of SageMaker's have; fields are relative to ``TrainingJobSummaries``.
    """
    problems = [problem for place, one in enumerate(summaries) for problem in _problems(one, place)]
    if problems:
        raise SpecError(problems)
    # Names hold a counter: they order what was created in the same second.
    ordered = sorted(summaries, key=lambda one: (_seconds(one["CreationTime"]), str(one["TrainingJobName"])))
    return [_trial(number, one, space) for number, one in enumerate(ordered)]


def decode_objective(summaries: Sequence[Mapping[str, Any]]) -> tuple[str | None, Goal | None]:
    """Return the name of the objective metric and which way it is optimised, as far as summaries tell.

    The type is left out of the summaries of tuning jobs with a single training definition.
    """
    finals = [one[_METRIC] for one in summaries if one.get(_METRIC)]
    metric = next((final["MetricName"] for final in finals if "MetricName" in final), None)
    goal = next((Goal.parse(final["Type"]) for final in finals if final.get("Type")), None)
    return metric, goal


def _problems(summary: object, place: int) -> list[Problem]:
    where = f"TrainingJobSummaries[{place}]"
    if not isinstance(summary, Mapping):
        return [Problem(where, summary, "is no summary of a training job", "save the answer as it came")]
    missing = [name for name in _REQUIRED if name not in summary]
    if missing:
        return [Problem(f"{where}.{name}", None, "is missing", "save the answer as it came") for name in missing]
    problems = []
    if summary["TrainingJobStatus"] not in _STATUS:
        known = ", ".join(_STATUS)
        status = summary["TrainingJobStatus"]
        problems.append(Problem(f"{where}.TrainingJobStatus", status, "is no status", f"SageMaker's are {known}"))
    if not isinstance(summary["TunedHyperParameters"], Mapping):
        given = summary["TunedHyperParameters"]
        problems.append(Problem(f"{where}.TunedHyperParameters", given, "is no mapping", "save the answer as it came"))
    final = summary.get(_METRIC) or {}
    if not isinstance(final, Mapping) or isinstance(final.get("Value", 0.0), str | bool | list | dict | None):
        problems.append(Problem(f"{where}.{_METRIC}", final, "holds no number", "save the answer as it came"))
    try:
        _seconds(summary["CreationTime"])
    except (TypeError, ValueError):
        rule = "is no time"
        problems.append(Problem(f"{where}.CreationTime", summary["CreationTime"], rule, "save the answer as it came"))
    return problems


def _seconds(time: object) -> float:
    """Return a time in seconds since the epoch, whether boto3 read it, or the command line wrote it in either way."""
    if isinstance(time, datetime):
        return time.timestamp()
    if isinstance(time, str):
        return datetime.fromisoformat(time).timestamp()
    return float(time)  # type: ignore[arg-type]


def _trial(number: int, summary: Mapping[str, Any], space: SearchSpace) -> Trial:
    final = summary.get(_METRIC) or {}
    counts = summary.get("ObjectiveStatus") != "Failed" and "Value" in final
    return Trial(
        number,
        {name: _typed(str(text), space.get(name)) for name, text in summary["TunedHyperParameters"].items()},
        _STATUS[summary["TrainingJobStatus"]],
        float(final["Value"]) if counts else None,
        failure_reason=summary.get("FailureReason"),
    )


def _typed(text: str, parameter: Parameter | None) -> Value:
    """Return the legal value that a text means, or else what it says by itself."""
    plain = decode_value(text)  # numbers, and text in the quotes of version 2 of the SageMaker SDK
    for value in (text, plain):
        with contextlib.suppress(SpecError):
            if parameter is not None:
                return parameter.cast(value)
    return plain if isinstance(plain, str | int | float | bool) else text
