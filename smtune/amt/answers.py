"""What SageMaker answers about a tuning job, made of its result: what an emulator of the service says.

::

    encode_description   DescribeHyperParameterTuningJob
    encode_summaries     ListTrainingJobsForHyperParameterTuningJob, all pages of it
    encode_training_job  DescribeTrainingJob

All are as they go over the wire: times are seconds since the epoch. :func:`smtune.amt.decode_description` makes the
same result of them, as far as the service has words for it. It has none for repeats, pauses, steps and baselines, nor
for objectives that are no numbers; it counts milliseconds, and billable seconds as whole ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from smtune.amt.echo import with_all_ranges
from smtune.amt.times import write_time
from smtune.amt.training_jobs import TrainingJobs, cut, has_objective, known
from smtune.results import JobStatus, TuningResult, is_result
from smtune.trial import Trial

_IMPROVEMENT = 0.01
"""By which part of the best so far a trial must be better to count as an improvement, as the service model says."""
_CONVERGED = "completion.on_convergence"
"""What the reason of a job names that ended because it had converged."""


def encode_description(result: TuningResult, request: Mapping[str, Any], *, arn: str) -> dict[str, Any]:
    """Return what ``DescribeHyperParameterTuningJob`` answers.

    Args:
        result: The job as it stands; it has begun.
        request: The ``CreateHyperParameterTuningJob`` that created it.
        arn: The ARN of the tuning job, which also tells those of its training jobs.
    """
    jobs = TrainingJobs(result, request, arn)
    echo = {name: value for name, value in request.items() if name != "Tags"}
    echo["HyperParameterTuningJobConfig"] = with_all_ranges(request["HyperParameterTuningJobConfig"], "ParameterRanges")
    if "TrainingJobDefinition" in echo:
        echo["TrainingJobDefinition"] = jobs.echo(echo["TrainingJobDefinition"])
    if "TrainingJobDefinitions" in echo:
        echo["TrainingJobDefinitions"] = [jobs.echo(one) for one in echo["TrainingJobDefinitions"]]
    best, ended_at = _best(result), result.ended_at
    members = {
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": result.status.value,
        "CreationTime": write_time(result.started_at or 0.0),
        "HyperParameterTuningEndTime": None if ended_at is None else write_time(ended_at),
        "LastModifiedTime": write_time(_last_modified(result)),
        **_counters(result),
        "BestTrainingJob": None if best is None else jobs.summary(best),
        "OverallBestTrainingJob": _overall_best(jobs, best),
        "FailureReason": cut(result.failure_reason) if result.status is JobStatus.Failed else None,
        "TuningJobCompletionDetails": _completion(result, request) or None,
        "ConsumedResources": None if ended_at is None else {"RuntimeInSeconds": _seconds(result)},
    }
    return {**echo, **known(members)}


def encode_summaries(result: TuningResult, request: Mapping[str, Any], *, arn: str) -> list[dict[str, Any]]:
    """Return the ``TrainingJobSummaries`` of all trials, in the order of their numbers.

    Trials whose training job has no name yet get that of :func:`smtune.amt.names.training_job_name`.

    Args:
        result: As for :func:`encode_description`.
        request: As for :func:`encode_description`.
        arn: As for :func:`encode_description`.
    """
    jobs = TrainingJobs(result, request, arn)
    return [jobs.summary(trial) for trial in result.trials]


def encode_training_job(trial: Trial, result: TuningResult, request: Mapping[str, Any], *, arn: str) -> dict[str, Any]:
    """Return what ``DescribeTrainingJob`` answers.

    Args:
        trial: One of the result's.
        result: As for :func:`encode_description`.
        request: As for :func:`encode_description`.
        arn: As for :func:`encode_description`.
    """
    return TrainingJobs(result, request, arn).describe(trial)


def _best(result: TuningResult) -> Trial | None:
    found = [trial for trial in result.trials if is_result(trial) and has_objective(trial)]
    return min(found, key=lambda trial: _loss(result, trial), default=None)


def _loss(result: TuningResult, trial: Trial) -> float:
    return math.inf if trial.objective is None else result.goal.sign * trial.objective


def _overall_best(jobs: TrainingJobs, best: Trial | None) -> dict[str, Any] | None:
    """Return the best training job of a job and its parents, where their objectives may be compared."""
    warm_start = jobs.request.get("WarmStartConfig") or {}
    if warm_start.get("WarmStartType") != "IdenticalDataAndAlgorithm":
        return None
    result, parent = jobs.result, jobs.result.best_parent
    own = math.inf if best is None else _loss(result, best)
    if parent is not None and parent.best is not None and _loss(result, parent.best) < own:
        return jobs.summary_of_parent(parent.best, parent.name)
    return None if best is None else {**jobs.summary(best), "TuningJobName": result.name}


def _counters(result: TuningResult) -> dict[str, dict[str, int]]:
    counts = result.counts
    objectives = Counter(
        "Pending" if not trial.status.ended else "Succeeded" if has_objective(trial) else "Failed"
        for trial in result.trials
    )
    return {
        "TrainingJobStatusCounters": {
            "Completed": counts["Completed"],
            "InProgress": counts["InProgress"],
            "RetryableError": 0,
            "NonRetryableError": counts["Failed"],
            "Stopped": counts["Stopped"],
        },
        "ObjectiveStatusCounters": {name: objectives[name] for name in ("Succeeded", "Pending", "Failed")},
    }


def _completion(result: TuningResult, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``TuningJobCompletionDetails``: how far the criteria of the request are met."""
    criteria = request["HyperParameterTuningJobConfig"].get("TuningJobCompletionCriteria") or {}
    details: dict[str, Any] = {}
    if "BestObjectiveNotImproving" in criteria:
        details["NumberOfTrainingJobsObjectiveNotImproving"] = _not_improving(result)
    if _CONVERGED in (result.failure_reason or "") and result.ended_at is not None:
        details["ConvergenceDetectedTime"] = write_time(result.ended_at)
    return details


def _not_improving(result: TuningResult) -> int:
    """Return how many trials in a row, up to the last that ended, did not improve on the best before them."""
    count, best = 0, math.inf
    for trial in sorted((one for one in result.trials if one.status.ended), key=lambda one: one.ended_at or 0.0):
        loss = _loss(result, trial) if is_result(trial) and has_objective(trial) else math.inf
        improves = loss < best and (math.isinf(best) or best - loss > _IMPROVEMENT * abs(best))
        count, best = (0, loss) if improves else (count + 1, best)
    return count


def _last_modified(result: TuningResult) -> float:
    times = [result.started_at, result.ended_at]
    times += [time for trial in result.trials for time in (trial.started_at, trial.ended_at)]
    return max((time for time in times if time is not None), default=0.0)


def _seconds(result: TuningResult) -> int:
    return int(max(0.0, (result.ended_at or 0.0) - (result.started_at or 0.0)))
