"""What a tuning job of SageMaker may cost, reckoned from the very request that is sent.

Not from the spec: ``sagemaker.request`` and ``sagemaker.definition`` may change the instances and all limits. What is in
a request and cannot be priced is named, and no cap holds then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from smtune.amt.definition import DAY_SECONDS
from smtune.amt.rules.reading import Definition, Job, entries, integer, mapping, text
from smtune.amt.violations import dotted
from smtune.errors import Problem
from smtune.pricing import Estimate, InstanceUse, PriceBook, Workload, cap_problem, estimate
from smtune.spec import SageMaker, TuningSpec
from smtune.store import home

_RESOURCES: Final = ("ResourceConfig", "HyperParameterTuningResourceConfig")
_ALTERNATIVES: Final = ("InstanceConfigs", "InstancePreferences")
_INSTANCE: Final = frozenset({"InstanceType", "InstanceCount", "VolumeSizeInGB"})
_GROUP: Final = frozenset({"InstanceType", "InstanceCount", "InstanceGroupName"})
_UNDERSTOOD: Final = _INSTANCE | {
    "AllocationStrategy",
    "InstanceGroups",
    "InstancePlacementConfig",
    "VolumeKmsKeyId",
    *_ALTERNATIVES,
}
"""Members of both resource configurations whose price is known, or that have none."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job may cost.

    Attributes:
        workload: What the request asks for.
        book: The prices.
        estimate: What follows from both.
        unclear: Members of the request of which nobody here knows what they cost.
    """

    workload: Workload
    book: PriceBook
    estimate: Estimate
    unclear: tuple[str, ...]


def request_cost(request: Mapping[str, Any], spec: TuningSpec, seconds_per_trial: float | None = None) -> Cost | None:
    """Return what a job may cost, or ``None`` while it is not known on what it runs.

    Args:
        request: As it will be sent.
        spec: Says the region, and what an hour costs if the user knows better.
        seconds_per_trial: What a trial takes here, if that is known; the expected cost then is, too.
    """
    job = Job(request)
    uses = [use for one in job.definitions if (use := _use(one)) is not None]
    if not uses or len(uses) < len(job.definitions):
        return None
    cloud = spec.sagemaker or SageMaker()
    usd_per_hour = cloud.usd_per_hour
    if usd_per_hour is None and spec.limits.usd_per_hour is not None:
        usd_per_hour = spec.limits.usd_per_hour / sum(use.count for use in (uses[0], *uses[0].beside))
    stopping = [one.part("StoppingCondition") for one in job.definitions]
    waits = [wait for one in stopping if (wait := integer(one.get("MaxWaitTimeInSeconds"))) is not None]
    workload = Workload(
        instances=uses,
        region=str(cloud.region),
        max_trial_seconds=float(max(integer(one.get("MaxRuntimeInSeconds")) or DAY_SECONDS for one in stopping)),
        trials=planned_trials(request),
        parallel=job.limit("MaxParallelTrainingJobs") or 1,
        max_runtime_seconds=job.limit("MaxRuntimeInSeconds"),
        max_wait_seconds=max(waits, default=None),
        spot=any(one.body.get("EnableManagedSpotTraining") is True for one in job.definitions),
        stops_early=job.stops_early
        or job.strategy == "Hyperband"
        or bool(mapping(job.config.get("TuningJobCompletionCriteria"))),
        seconds_per_trial=seconds_per_trial,
        usd_per_hour=usd_per_hour,
    )
    book = PriceBook.load(home())
    unclear = tuple(member for one in job.definitions for member in _unclear(one))
    found = estimate(workload, book)
    notes = [f"{member} is not counted: what it costs is not known" for member in unclear]
    if seconds_per_trial is not None:  # a machine there may be faster than this one
        notes.append(f"expected: a trial takes {seconds_per_trial:.3g} s, as it did here")
        found = replace(found, usd=replace(found.usd, least=None), seconds=replace(found.seconds, least=None))
    return Cost(workload, book, replace(found, notes=(*notes, *found.notes)), unclear)


def planned_trials(request: Mapping[str, Any]) -> int | None:
    """Return how many trials a request asks for at most; of a grid its size, ``None`` if only time ends the job."""
    job = Job(request)
    most = job.limit("MaxNumberOfTrainingJobs")
    if most is not None or job.strategy != "Grid":
        return most
    counts = [one.search.count for one in job.definitions]
    return None if None in counts else sum(count for count in counts if count is not None)


def cap_problems(spec: TuningSpec, cost: Cost | None) -> Iterator[Problem]:
    """Yield what keeps a job from staying below the amounts that its spec names."""
    caps: Mapping[str, float | None] = {
        "sagemaker.max_cost_usd": None if spec.sagemaker is None else spec.sagemaker.max_cost_usd,
        "limits.max_cost_usd": spec.limits.max_cost_usd,
    }
    for field, cap in caps.items():
        if cap is None or cost is None:
            continue
        if cost.unclear:
            rule = f"cannot be kept: what {' and '.join(cost.unclear)} costs is not known"
            yield Problem(field, cap, rule, "take it out of the request, or leave the cap out")
        elif (problem := cap_problem(cap, cost.workload, cost.book, field=field)) is not None:
            yield problem


def _use(definition: Definition) -> InstanceUse | None:
    """Return the instances of a trial with what may stand in for them; ``None`` if none are named."""
    choices = [use for member in _RESOURCES for use in _choices(definition.part(member))]
    return replace(choices[0], fallbacks=tuple(choices[1:])) if choices else None


def _choices(resources: Mapping[str, Any]) -> Iterator[InstanceUse]:
    volume = float(integer(resources.get("VolumeSizeInGB")) or 0)
    groups = [use for one in entries(resources.get("InstanceGroups")) for use in _instances(mapping(one), volume)]
    if groups:
        yield replace(groups[0], beside=tuple(groups[1:]))
    yield from _instances(resources, volume)
    for member in _ALTERNATIVES:
        for one in entries(resources.get(member)):
            yield from _instances(mapping(one), volume)


def _instances(entry: Mapping[str, Any], volume: float) -> Iterator[InstanceUse]:
    named = text(entry.get("InstanceType"))
    if named is not None:
        own = integer(entry.get("VolumeSizeInGB"))
        yield InstanceUse(
            type=named, count=integer(entry.get("InstanceCount")) or 1, volume_gb=volume if own is None else float(own)
        )


def _unclear(definition: Definition) -> Iterator[str]:
    """Yield the members of a definition's resources whose price is not known, e.g. a training plan."""
    for member in _RESOURCES:
        resources = definition.part(member)
        yield from (dotted(definition.at(member, key)) for key in resources if key not in _UNDERSTOOD)
        for key, known in {"InstanceGroups": _GROUP, **dict.fromkeys(_ALTERNATIVES, _INSTANCE)}.items():
            for place, entry in enumerate(entries(resources.get(key))):
                unknown = (one for one in mapping(entry) if one not in known)
                yield from (dotted(definition.at(member, key, place, one)) for one in unknown)
