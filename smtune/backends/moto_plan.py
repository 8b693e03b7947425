"""What the ``moto`` backend checks, and what it fills in, before anything is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from smtune.backends.amt_plan import configured_region, plan_amt
from smtune.backends.base import Plan
from smtune.backends.moto_folder import has_ended
from smtune.emulator.clients import REGION, ROLE
from smtune.emulator.emulation import require_moto
from smtune.errors import LoweringError, Problem
from smtune.spec import AMT_PREFIX, SageMaker, TuningSpec


def plan_moto(spec: TuningSpec, *, name: str | None) -> Plan:
    """Return the plan of a tuning job of SageMaker on an emulator of its own.

    What only an account can give is filled in where it is missing: the role, and the region.

    Args:
        spec: What to tune.
        name: Name of the job; by default the spec's own, or one made from the time.

    Raises:
        SpecError: Everything that is wrong.
        LoweringError: The spec is fine, and SageMaker, or an emulator, cannot do what it asks for.
        MissingExtraError: moto is not installed, or what its server needs.
    """
    require_moto("the backend moto", server=True)
    if problems := [*_not_here(spec)]:
        raise LoweringError(problems)
    cloud = spec.sagemaker or SageMaker()
    filled = {"role": cloud.role or ROLE, "region": cloud.region or configured_region() or REGION}
    spec = spec.model_copy(update={"sagemaker": cloud.model_copy(update=filled)})
    return replace(plan_amt(spec, name=name, backend="moto"), estimate=None)


def parents_of(spec: TuningSpec) -> Sequence[str]:
    """Return the names of the jobs that a spec builds on."""
    return () if spec.warm_start is None else [one.removeprefix(AMT_PREFIX) for one in spec.warm_start.parents]


def buckets_of(request: Mapping[str, Any]) -> list[str]:
    """Return all buckets that a request names, sorted."""
    return sorted({uri.removeprefix("s3://").partition("/")[0] for uri in _addresses(request)})


def _addresses(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("s3://"):
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _addresses(one)
    elif isinstance(value, list):
        for one in value:
            yield from _addresses(one)


def _not_here(spec: TuningSpec) -> Iterator[Problem]:
    """Yield what the job's own emulator does not have."""
    trainings = {"training": spec.training}
    trainings |= {f"definitions.{key}.training": one.training for key, one in (spec.definitions or {}).items()}
    rule, fix = "is not on this machine", "copy it here, and name that folder"
    for prefix, training in trainings.items():
        if training is None:
            continue
        for name, channel in training.channels.items():
            if channel.is_remote:
                yield Problem(f"{prefix}.channels.{name}", channel.source, rule, fix)
        if training.has_remote_code:
            yield Problem(f"{prefix}.source_dir", training.source_dir, rule, fix)
    for place, parent in enumerate(parents_of(spec)):
        if not has_ended(parent):
            rule = "is no job of backend moto that has ended"
            fix = "name one of `smtune list`; backend local builds on jobs of all kinds"
            yield Problem(f"warm_start.parents[{place}]", parent, rule, fix)
