"""What hypothesis draws: every kind of result that the service can tell."""

from typing import Any

from hypothesis import strategies as st

from smtune.amt.names import training_job_name
from smtune.amt.request import MAIN
from smtune.amt.stops import BY_REQUEST, GAVE_UP, JOB_ENDED, NO_CAPACITY
from smtune.results import (
    EARLY_STOPPING,
    JOB_STOPPED,
    RAN_TOO_LONG,
    JobStatus,
    TuningResult,
    WarmStartParent,
    WarmStartResult,
)
from smtune.space import SearchSpace
from smtune.spec import Completion, Objective, TuningSpec, WarmStartType
from smtune.trial import Trial, TrialStatus
from tests.unit.amt.specs import names, specs

START = 1_772_341_200
_numbers = st.floats(-1e12, 1e12)
_moments = st.integers(0, 10**9).map(lambda milliseconds: START + milliseconds / 1000)
_reasons = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40)
_stops = st.sampled_from(
    [
        GAVE_UP,
        f"{EARLY_STOPPING} median: 0.7 at step 3 is below 0.8",
        f"{RAN_TOO_LONG} limits.max_trial_seconds = 60",
        f"{NO_CAPACITY} sagemaker.max_wait_seconds = 90000",
        f"{JOB_ENDED}: limits.max_failures = 3",
        JOB_STOPPED,
        BY_REQUEST,
    ]
)


@st.composite
def jobs(draw) -> tuple[TuningSpec, TuningResult]:
    """A spec as it is sent, and what came of it; without what ends a job early by its own numbers."""
    spec = draw(specs())
    limits = spec.limits.model_copy(update={"max_runtime_seconds": None})
    spec = spec.model_copy(update={"completion": Completion(), "limits": limits})
    status = draw(st.sampled_from(JobStatus))
    return spec, TuningResult(
        name=str(spec.name),
        backend="amt",
        resumable=False,
        status=status,
        metric=spec.objective.metric,
        goal=spec.objective.goal,
        strategy=spec.strategy.type,
        seed=spec.seed,
        trials=tuple(draw(_trials(spec, number)) for number in range(draw(st.integers(0, 4)))),
        max_parallel=spec.limits.max_parallel,
        planned_trials=spec.planned_trials,
        failure_reason=draw(st.none() | _reasons) if status is JobStatus.Failed else None,
        started_at=draw(_moments),
        ended_at=draw(_moments) if status.ended else None,
        warm_start=draw(_warm_starts(spec)),
        holdout_metric=spec.objective.holdout_metric,
    )


def _algorithms(spec: TuningSpec) -> dict[str, tuple[SearchSpace, Objective]]:
    """Return space and objective of each definition, by the origin of its trials."""
    if spec.definitions is None:
        return {"": (spec.parameters, spec.objective)}
    first = (spec.sagemaker.definition_name if spec.sagemaker is not None else None) or MAIN
    return {
        first: (spec.parameters, spec.objective),
        **{name: (one.parameters, one.objective or spec.objective) for name, one in spec.definitions.items()},
    }


@st.composite
def _trials(draw, spec: TuningSpec, number: int) -> Trial:
    algorithms = _algorithms(spec)
    origin = draw(st.sampled_from(sorted(algorithms)))
    if spec.definitions is not None and not spec.definitions:
        origin = ""
    space, objective = algorithms.get(origin) or next(iter(algorithms.values()))
    status = draw(st.sampled_from(TrialStatus))
    metrics = draw(st.dictionaries(names, _numbers, max_size=3))
    fields: dict[str, Any] = {}
    if status is TrialStatus.InProgress:
        if draw(st.booleans()):
            metrics[objective.metric] = draw(_numbers)
        fields["objective"] = metrics.get(objective.metric)
    elif status is not TrialStatus.Failed and objective.goal is spec.objective.goal and draw(st.booleans()):
        fields["objective"] = metrics[objective.metric] = draw(_numbers)
    elif status is TrialStatus.Completed:
        fields["failure_reason"] = f"no value of the objective {objective.metric!r} was found in its log"
    if objective.goal is not spec.objective.goal:
        fields.pop("objective", None)
    if status in (TrialStatus.Failed, TrialStatus.Stopped):
        fields["failure_reason"] = draw(_stops if status is TrialStatus.Stopped else st.none() | _reasons)
    if status in (TrialStatus.Completed, TrialStatus.Stopped):
        fields["model"] = f"s3://bucket/{draw(names)}/model.tar.gz"
    return Trial(
        number,
        space.from_unit(draw(st.lists(st.floats(0, 1), min_size=len(space), max_size=len(space)))),
        status,
        metrics=metrics,
        started_at=draw(st.none() | _moments),
        ended_at=draw(_moments) if status.ended else None,
        origin=origin,
        training_job=training_job_name(str(spec.name), number),
        billable_seconds=draw(st.none() | st.integers(1, 10**6).map(float)),
        **fields,
    )


@st.composite
def _warm_starts(draw, spec: TuningSpec) -> WarmStartResult | None:
    """What is told of the parents: nothing but the best trial of all, where objectives may be compared."""
    if spec.warm_start is None:
        return None
    parents = [WarmStartParent(one.removeprefix("amt:"), None, {}, None) for one in spec.warm_start.parents]
    if spec.warm_start.type is WarmStartType.IdenticalDataAndAlgorithm and draw(st.booleans()):
        point = [0.5] * len(spec.parameters)
        better = -spec.objective.goal.sign * 1e30
        best = Trial(draw(st.integers(0, 99)), spec.parameters.from_unit(point), TrialStatus.Completed, better)
        parents[0] = WarmStartParent(parents[0].name, None, {}, best)
    return WarmStartResult(spec.warm_start.type.value, parents)
