"""A tuning job as SageMaker tells it, whoever created it: its answers as a :class:`smtune.results.TuningResult`.

::

    DescribeHyperParameterTuningJob             description   one
    ListTrainingJobsForHyperParameterTuningJob  summaries     one per training job
    DescribeTrainingJob                         details       one per training job, of those that are known

Reading them never fails on a job that exists. Where smtune would refuse its request (a spec asks for more than the
service does), the description's own words count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from smtune.amt.described import Described
from smtune.amt.echo import request_of
from smtune.amt.names import trial_number
from smtune.amt.request import decode_request
from smtune.amt.stops import Stops
from smtune.amt.summaries import decode_trial, in_order, one_line
from smtune.amt.times import read_optional_time, read_time
from smtune.results import TuningResult, WarmStartParent, WarmStartResult
from smtune.space import SearchSpace
from smtune.spec import Goal, TuningSpec
from smtune.trial import Trial, TrialStatus

_SEE_FAILURES = " Please take a look at the training job failures to get more details."
_SHOWN_CAUSES = 3
_NOTHING: Mapping[str, Any] = {}


def decode_description(
    description: Mapping[str, Any],
    summaries: Sequence[Mapping[str, Any]],
    details: Mapping[str, Mapping[str, Any]] = _NOTHING,
    *,
    spec: TuningSpec | None = None,
    backend: str = "amt",
) -> TuningResult:
    """Return a tuning job as its result.

    Trials are numbered in the order of their creation. One that a rule stopped counts with the objective that it had,
    as it does for the service; one that anything else stopped does not. In a job with several definitions, a trial's
    ``origin`` is the name of its definition, and one whose objective goes the other way than the first definition's has
    its value among its metrics only.

    Args:
        description: What ``DescribeHyperParameterTuningJob`` answers.
        summaries: All ``TrainingJobSummaries``, in any order.
        details: What ``DescribeTrainingJob`` answers, by training job: all metrics, what is billed, where the model is.
        spec: The job's own spec if it is known: it also tells what the service is not told. By default what the
            description means.
        backend: Which backend the result names.
    """
    job = Described(description)
    told = spec if spec is not None else _meant(description)
    objective = told.objective if told is not None else job.objective(summaries)
    trials = _trials(job, in_order(summaries), details, told, objective.goal)
    result = TuningResult(
        name=description["HyperParameterTuningJobName"],
        backend=backend,
        status=job.status,
        metric=objective.metric,
        goal=objective.goal,
        strategy=told.strategy.type if told is not None else str(job.config.get("Strategy", "")).lower(),
        seed=job.config.get("RandomSeed"),
        trials=trials,
        max_parallel=job.limits.get("MaxParallelTrainingJobs", 1),
        planned_trials=job.limits.get("MaxNumberOfTrainingJobs", told.planned_trials if told is not None else None),
        failure_reason=job.ended_by(trials, objective.goal),
        started_at=read_optional_time(description.get("CreationTime")),
        ended_at=read_optional_time(description.get("HyperParameterTuningEndTime")),
        warm_start=_warm_start(job),
        holdout_metric=objective.holdout_metric,
        resumable=False,
    )
    result = replace(result, failure_reason=_failure(job, result) or result.failure_reason)
    return result if told is None else _with_what_the_service_is_not_told(result, told, job)


def _meant(description: Mapping[str, Any]) -> TuningSpec | None:
    """Return the spec that a description means, or ``None`` if smtune would refuse it."""
    try:
        return decode_request(request_of(description))
    except Exception:  # whatever a request holds, its job exists, and what came of it can be told
        return None


def _with_what_the_service_is_not_told(result: TuningResult, spec: TuningSpec, job: Described) -> TuningResult:
    return replace(
        result,
        repeats=spec.repeats,
        selection=spec.selection,
        usd_per_hour=_usd_per_hour(spec, job),
    )


def _usd_per_hour(spec: TuningSpec, job: Described) -> float | None:
    """Return what a trial costs per hour, if the spec says so: for itself, or for each of its instances."""
    if spec.limits.usd_per_hour is not None or spec.sagemaker is None:
        return spec.limits.usd_per_hour
    counts = job.instance_counts
    if spec.sagemaker.usd_per_hour is None or len(counts) != 1:
        return None
    return spec.sagemaker.usd_per_hour * next(iter(counts))


def _trials(
    job: Described,
    summaries: Sequence[Mapping[str, Any]],
    details: Mapping[str, Mapping[str, Any]],
    spec: TuningSpec | None,
    goal: Goal,
) -> tuple[Trial, ...]:
    """Return the trials of a job; ``summaries`` are in the order of their creation."""
    spaces = _spaces(job, spec)
    found = []
    for number, summary in enumerate(summaries):
        definition = job.definition_of(summary)
        name = definition.get("DefinitionName")
        trial = decode_trial(number, summary, spaces[name])
        trial = _with_details(trial, details.get(str(trial.training_job), _NOTHING), job.metric_of(definition))
        if len(job.definitions) > 1:
            against = job.goal_of(definition) not in (None, goal)
            trial = replace(trial, origin=str(name or ""), objective=None if against else trial.objective)
        found.append(trial)
    stops = Stops(
        status=job.status,
        by_rule=job.gives_up,
        ended_by=job.ended_by(found, goal),
        last_creation=max((read_time(one["CreationTime"]) for one in summaries), default=0.0),
    )
    return tuple(
        replace(
            trial,
            failure_reason=stops.reason(
                trial,
                job.definition_of(summary).get("StoppingCondition") or _NOTHING,
                details.get(str(trial.training_job), _NOTHING),
            ),
        )
        if trial.status is TrialStatus.Stopped
        else trial
        for trial, summary in zip(found, summaries, strict=True)
    )


def _spaces(job: Described, spec: TuningSpec | None) -> dict[str | None, SearchSpace]:
    """Return what each definition varies, by its name."""
    spaces = {one.get("DefinitionName"): job.space_of(one) for one in job.definitions}
    if spec is not None:
        spaces[job.definitions[0].get("DefinitionName")] = spec.parameters
        spaces |= {name: one.parameters for name, one in (spec.definitions or {}).items()}
    return spaces


def _with_details(trial: Trial, details: Mapping[str, Any], metric: str | None) -> Trial:
    """Return a trial with what ``DescribeTrainingJob`` says of it; its summary's objective stands."""
    reported = {
        one["MetricName"]: float(one["Value"])
        for one in details.get("FinalMetricDataList") or ()
        if one.get("MetricName") is not None and one.get("Value") is not None
    }
    metrics = {**reported, **trial.metrics}
    objective, reason = trial.objective, trial.failure_reason
    if trial.status is TrialStatus.InProgress:
        objective, reason = metrics.get(str(metric), objective), None
    elif trial.status is TrialStatus.Completed:
        reason = None if objective is not None else f"no value of the objective {metric!r} was found in its log"
    elif trial.status is TrialStatus.Failed:
        reason = reason or one_line(details.get("FailureReason"))
    has_model = trial.status in (TrialStatus.Completed, TrialStatus.Stopped)
    model = (details.get("ModelArtifacts") or {}).get("S3ModelArtifacts") if has_model else None
    billable = details.get("BillableTimeInSeconds")
    return replace(
        trial,
        objective=objective,
        metrics=metrics,
        failure_reason=reason,
        model=model or None,
        billable_seconds=None if billable is None else float(billable),
    )


def _failure(job: Described, result: TuningResult) -> str | None:
    """Return why the job failed, with the causes in the place of the advice to look for them."""
    reason = one_line(job.answer.get("FailureReason"))
    if reason is None:
        return job.deletion
    causes = list(result.failures().items())
    if not causes or not reason.endswith(_SEE_FAILURES):
        return reason
    texts = [f"{len(numbers)} x {cause}" for cause, numbers in causes[:_SHOWN_CAUSES]]
    texts += ["..."] if len(causes) > _SHOWN_CAUSES else []
    return f"{reason.removesuffix(_SEE_FAILURES).rstrip('.')}: {'; '.join(texts)}"


def _warm_start(job: Described) -> WarmStartResult | None:
    """Return the parents of a job, and the best trial of theirs if it is better than all of the job's own.

    How many of their trials the service uses, and the other parents' best ones, it does not tell.
    """
    config = job.answer.get("WarmStartConfig")
    if not config:
        return None
    told = (one.get("HyperParameterTuningJobName") for one in config.get("ParentHyperParameterTuningJobs") or ())
    names = [name for name in told if name is not None]
    overall = job.answer.get("OverallBestTrainingJob") or _NOTHING
    source = overall.get("TuningJobName")
    best = _best_of_parent(overall, job) if source in names else None
    parents = [WarmStartParent(name, None, {}, best if name == source else None) for name in names]
    return WarmStartResult(str(config.get("WarmStartType")), parents)


def _best_of_parent(summary: Mapping[str, Any], job: Described) -> Trial:
    number = trial_number(str(summary["TrainingJobName"])) or 0
    trial = decode_trial(number, summary, job.space_of(job.definitions[0]))
    return Trial(number, trial.parameters, TrialStatus.Completed, trial.objective)
