"""The summaries of a tuning job's training jobs as trials.

A summary is an entry of ``TrainingJobSummaries`` in the answer of ``ListTrainingJobsForHyperParameterTuningJob``, as
boto3 returns it or as the aws command line prints it. All values of hyperparameters are text there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from smtune.amt.names import trial_number
from smtune.amt.times import read_optional_time, read_time
from smtune.container import decode_value
from smtune.errors import Problem, SpecError
from smtune.space import CategoricalParameter, Parameter, SearchSpace, Value
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
    return [decode_trial(number, one, space) for number, one in enumerate(in_order(summaries))]


def in_order(summaries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return summaries in the order of their creation; the counters in their names order what has the same time."""
    return sorted(summaries, key=_creation)


def _creation(summary: Mapping[str, Any]) -> tuple[float, int, str]:
    name = str(summary["TrainingJobName"])
    return read_time(summary["CreationTime"]), trial_number(name) or 0, name


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
        read_time(summary["CreationTime"])
    except (TypeError, ValueError):
        rule = "is no time"
        problems.append(Problem(f"{where}.CreationTime", summary["CreationTime"], rule, "save the answer as it came"))
    return problems


def decode_trial(number: int, summary: Mapping[str, Any], space: SearchSpace) -> Trial:
    """Return a training job as a trial.

    Args:
        number: Its trial number.
        summary: With all that SageMaker's have. A status that is not known yet counts as in progress until it ends.
        space: As for :func:`decode_trials`.
    """
    final = summary.get(_METRIC) or {}
    counts = summary.get("ObjectiveStatus") != "Failed" and "Value" in final
    objective = float(final["Value"]) if counts else None
    started_at, ended_at = (read_optional_time(summary.get(f"Training{what}Time")) for what in ("Start", "End"))
    otherwise = TrialStatus.InProgress if ended_at is None else TrialStatus.Stopped
    tuned = sorted(summary["TunedHyperParameters"].items())
    return Trial(
        number,
        {name: _typed(str(text), space.get(name)) for name, text in tuned},
        _STATUS.get(summary["TrainingJobStatus"], otherwise),
        objective,
        metrics={final["MetricName"]: objective} if objective is not None and "MetricName" in final else {},
        started_at=started_at,
        ended_at=ended_at,
        failure_reason=one_line(summary.get("FailureReason")),
        training_job=str(summary["TrainingJobName"]),
    )


def one_line(reason: str | None) -> str | None:
    """Return why something failed in one line; ``None`` if nothing is said."""
    return " ".join((reason or "").split()) or None


def _typed(text: str, parameter: Parameter | None) -> Value:
    """Return the legal value that a text means, or else what it says by itself."""
    plain = decode_value(text)  # numbers, and text in the quotes of version 2 of the SageMaker SDK
    if isinstance(parameter, CategoricalParameter):  # which may have both "1" and 1 to choose from
        for choice in parameter.values:
            if type(choice) is type(plain) and choice == plain:
                return choice
    for value in (text, plain):
        with contextlib.suppress(SpecError):
            if parameter is not None:
                return parameter.cast(value)
    return plain if isinstance(plain, str | int | float | bool) else text
