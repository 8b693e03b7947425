"""The parents of a warm start: earlier jobs of smtune or of SageMaker, read from wherever they are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from smtune.amt import decode_objective, decode_trials
from smtune.backends.sagemaker_jobs import fetch_tuning_job
from smtune.errors import JobNotFoundError, Problem, SpecError
from smtune.results import JobStatus, is_result
from smtune.space import SearchSpace
from smtune.spec import AMT_PREFIX, TUNING_JOB_ARN, Goal, TuningSpec, is_json_file
from smtune.spec.problems import closest
from smtune.store import JobStore, find, is_running
from smtune.trial import Trial, TrialStatus
from smtune.warm_starts import Parent

_LIST_COMMAND = "aws sagemaker list-training-jobs-for-hyper-parameter-tuning-job"
_WHAT_FILES_HOLD = f"save what `smtune show NAME --output json` or `{_LIST_COMMAND}` prints"


def is_on_sagemaker(parent: str) -> bool:
    """Return whether a parent is read from SageMaker."""
    return parent.startswith(AMT_PREFIX) or TUNING_JOB_ARN.fullmatch(parent) is not None


def read_parent(parent: str, space: SearchSpace) -> Parent:
    """Return an earlier job.

    Args:
        parent: As the spec names it: a job's name, a ``.json`` file, an ARN, or ``amt:NAME``.
        space: Gives SageMaker's values, which are all text, their types.

    Raises:
        SpecError: It is not there, cannot be read, or has not ended. The field of the problem is empty.
        StoreError: The job's file is damaged.
    """
    if is_json_file(parent):
        return _from_file(Path(parent), space)
    if is_on_sagemaker(parent):
        return _from_sagemaker(parent, space)
    return _from_store(parent)


def _from_store(name: str) -> Parent:
    try:
        directory = find(name)
    except JobNotFoundError as error:
        _, _, hint = str(error).partition("; ")
        raise SpecError([Problem("", name, "is no job here", hint)]) from None
    running = is_running(directory) is not None  # looked at first: a job that ends now still says so itself
    with JobStore.open(directory, read_only=True) as store:
        job = store.job()
        if running and not JobStatus(job.status).ended:
            raise SpecError([_unfinished(name, f"wait for it (smtune watch {name}), or stop it (smtune stop {name})")])
        spec = TuningSpec.from_dict(job.spec, source=f"job {directory.name}")
        trials = [replace(trial, parameters={**spec.static, **trial.parameters}) for trial in store.trials()]
    return Parent(directory.name, spec.objective.metric, spec.objective.goal, [_scored(trial) for trial in trials])


def _from_file(path: Path, space: SearchSpace) -> Parent:
    content = _read_json(path)
    if isinstance(content, Mapping) and isinstance(content.get("TrainingJobSummaries"), list):
        if content.get("NextToken"):
            rule = "holds only the first of SageMaker's training jobs: it says NextToken"
            raise SpecError([Problem("", str(path), rule, "print them again without --max-items and --no-paginate")])
        return _of_summaries(path, content["TrainingJobSummaries"], space)
    if isinstance(content, Mapping) and "trials" in content:
        return _of_result(path, content)
    raise SpecError([Problem("", str(path), "holds neither trials nor TrainingJobSummaries", _WHAT_FILES_HOLD)])


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        beside = [found.name for found in path.parent.iterdir()] if path.parent.is_dir() else []
        fix = closest(path.name, beside, _WHAT_FILES_HOLD)
        raise SpecError([Problem("", str(path), "is not there", fix)]) from None
    except (OSError, ValueError) as error:
        raise SpecError([Problem("", str(path), f"cannot be read: {error}", _WHAT_FILES_HOLD)]) from None


def _of_summaries(path: Path, summaries: list[Mapping[str, Any]], space: SearchSpace) -> Parent:
    try:
        trials = decode_trials(summaries, space)
    except SpecError as error:
        first = error.problems[0]
        raise SpecError([Problem("", str(path), f"is wrong at {first.field}, which {first.rule}", first.fix)]) from None
    if not all(trial.status.ended for trial in trials):
        raise SpecError([_unfinished(str(path), "wait for its training jobs to end, and print them again")])
    metric, goal = decode_objective(summaries)
    return Parent(path.name, metric, goal, [_valued(trial) for trial in trials])


def _of_result(path: Path, content: Mapping[str, Any]) -> Parent:
    try:
        ended = JobStatus(content["status"]).ended
        objective = content["objective"]
        metric, goal = str(objective["metric"]), Goal.parse(objective["goal"])
        trials = [_trial_of_result(place, one) for place, one in enumerate(content["trials"])]
    except (KeyError, TypeError, ValueError) as error:
        why = f"the key {error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise SpecError([Problem("", str(path), f"is no result of smtune: {why}", _WHAT_FILES_HOLD)]) from None
    if not ended:
        raise SpecError([_unfinished(str(path), "wait for the job to end, and print its result again")])
    return Parent(path.name, metric, goal, [_scored(trial) for trial in trials])


def _trial_of_result(place: int, fields: Mapping[str, Any]) -> Trial:
    """Return a trial that a result lists at this place.

    Raises:
        KeyError: A key is missing; its name begins with the place.
        TypeError, ValueError: A value is not what a result holds.
    """
    try:
        return Trial(
            int(fields["number"]),
            dict(fields["parameters"]),
            TrialStatus(fields["status"]),
            None if fields["objective"] is None else float(fields["objective"]),
            failure_reason=fields.get("failure_reason"),
            paused=bool(fields.get("paused")),
        )
    except KeyError as error:
        raise KeyError(f"trials[{place}].{error.args[0]}") from None


def _from_sagemaker(parent: str, space: SearchSpace) -> Parent:
    matched = TUNING_JOB_ARN.fullmatch(parent)
    if matched is None:
        name, region, arn = parent.removeprefix(AMT_PREFIX), None, None
    else:
        name, region, arn = matched["name"], matched["region"], parent
    description, summaries = fetch_tuning_job(name, region=region, arn=arn, given=parent)
    status = description["HyperParameterTuningJobStatus"]
    if status not in ("Completed", "Failed", "Stopped"):
        raise SpecError([_unfinished(parent, f"it is {status}: wait for it, or stop it")])
    objective = description["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
    if objective is None:
        rule = "has several training definitions, with an objective each"
        raise SpecError([Problem("", parent, rule, "name a tuning job with one; SageMaker asks for that too")])
    trials = [_valued(trial) for trial in decode_trials(summaries, space)]
    return Parent(name, objective["MetricName"], Goal.parse(objective["Type"]), trials)


def _unfinished(parent: str, fix: str) -> Problem:
    return Problem("", parent, "has not ended, and SageMaker's rule is that parents have", fix)


def _scored(trial: Trial) -> Trial:
    """Return a trial of smtune, without an objective unless that is its result."""
    finite = trial.objective is not None and math.isfinite(trial.objective)
    return trial if finite and is_result(trial) else replace(trial, objective=None)


def _valued(trial: Trial) -> Trial:
    """Return a training job of SageMaker, without an objective unless that is its result.

    One that was stopped early counts, as it does there; its summary does not say whether a rule or a person stopped it.
    """
    usable = trial.status in (TrialStatus.Completed, TrialStatus.Stopped)
    finite = trial.objective is not None and math.isfinite(trial.objective)
    return trial if usable and finite else replace(trial, objective=None)
