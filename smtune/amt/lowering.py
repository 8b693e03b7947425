"""What of a spec is told to the service, and what is not: *lowering*.

A lowered spec holds what goes over the wire and nothing else; :func:`smtune.amt.decode_request` gives it back. What the
service has no way to do is refused where the search would be another one without it (a strategy of smtune's own,
repeats), and told where it is only lost (steps, a baseline).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from smtune.amt.definition import DAY_SECONDS
from smtune.amt.images import image_uri, is_managed
from smtune.amt.request import MAIN, unit_of
from smtune.container import metric_regex
from smtune.errors import LoweringError, Problem, SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, Parameter, SearchSpace
from smtune.spec import (
    AMT_PREFIX,
    TUNING_JOB_ARN,
    Definition,
    HyperbandConfig,
    Limits,
    MedianConfig,
    Objective,
    SageMaker,
    Training,
    TuningSpec,
    is_json_file,
)

STRATEGIES = ("bayesian", "random", "grid", "hyperband")
"""The service's own."""

_STRATEGY_FIX = f"use {', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}, or backend local"


@dataclass(frozen=True, slots=True)
class References:
    """What a spec leaves open, or has on this machine only.

    Attributes:
        name: Name of the tuning job.
        role: ARN of the role.
        region: Where the job runs.
        output: ``s3://`` URI for models.
        code: ``s3://`` URI of the training code, by definition: ``""`` for the job's own.
        channels: ``s3://`` URI of data that are here, by definition and channel.
    """

    name: str | None = None
    role: str | None = None
    region: str | None = None
    output: str | None = None
    code: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[tuple[str, str], str] = field(default_factory=dict)


NOTHING_KNOWN = References()


def lower(spec: TuningSpec, references: References = NOTHING_KNOWN) -> TuningSpec:
    """Return what of a spec is told to the service. Lowering it again changes nothing.

    Args:
        spec: Any spec.
        references: Fill in what it leaves open.

    Raises:
        LoweringError: The service cannot do what the spec asks for; each problem says what it can.
        SpecError: A managed image is not known.
    """
    problems = [*_refusals(spec)]
    if problems:
        raise LoweringError(problems)
    region = (spec.sagemaker and spec.sagemaker.region) or references.region
    main = _Part("", spec.objective, spec.parameters, spec.metrics, spec.training, spec.sagemaker or SageMaker())
    objective, parameters, metrics, training, cloud = _lowered(main, references, region, spec.limits.max_trial_seconds)
    # Only the training toolkit is told of the region.
    scripts = training is not None and training.entry_point is not None
    definitions = None
    if spec.definitions is not None:
        definitions = {key: _definition(key, one, spec, references, region) for key, one in spec.definitions.items()}
        cloud = cloud.model_copy(update={"definition_name": cloud.definition_name or MAIN})
        scripts |= any(one.training and one.training.entry_point is not None for one in definitions.values())
    return spec.model_copy(
        update={
            "name": references.name or spec.name,
            "objective": objective,
            "parameters": parameters,
            "metrics": metrics,
            "strategy": _strategy(spec),
            "limits": _limits(spec),
            "warm_start": _warm_start(spec),
            "training": training,
            "sagemaker": cloud.model_copy(update={"region": region if scripts else None}),
            "definitions": definitions,
            "selection": None,
            "baseline": None,
        }
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What a job's own definition and a further one have in common."""

    key: str
    objective: Objective
    parameters: SearchSpace
    metrics: Mapping[str, str]
    training: Training | None
    sagemaker: SageMaker


def _lowered(
    part: _Part, references: References, region: str | None, max_trial_seconds: float | None
) -> tuple[Objective, SearchSpace, Mapping[str, str], Training | None, SageMaker]:
    """Return objective, parameters, metrics, training and block as the service is told them."""
    cloud = _block(part.sagemaker, references, region, max_trial_seconds or DAY_SECONDS)
    training = None if part.training is None else _training(part.key, part.training, references, region)
    plain = {name: _plain(parameter) for name, parameter in part.parameters.items()}
    return (
        part.objective.model_copy(update={"holdout": None}),
        SearchSpace(plain) if plain else SearchSpace.empty(),
        part.metrics or dict(_reported(part.objective, training)),
        training,
        cloud,
    )


def _definition(
    key: str, definition: Definition, spec: TuningSpec, references: References, region: str | None
) -> Definition:
    part = _Part(
        key,
        definition.objective or spec.objective,
        definition.parameters,
        definition.metrics,
        definition.training,
        definition.sagemaker or SageMaker(),
    )
    seconds = definition.max_trial_seconds or spec.limits.max_trial_seconds
    objective, parameters, metrics, training, cloud = _lowered(part, references, region, seconds)
    return definition.model_copy(
        update={
            "objective": objective,
            "parameters": parameters,
            "metrics": metrics,
            "max_trial_seconds": float(seconds or DAY_SECONDS),
            "training": training,
            "sagemaker": cloud,
        }
    )


def _block(cloud: SageMaker, references: References, region: str | None, max_trial_seconds: float) -> SageMaker:
    filled: dict[str, Any] = {
        "role": cloud.role or references.role,
        "bucket": None,
        "prefix": None,
        "network_isolation": bool(cloud.network_isolation),
        "encrypt_traffic": bool(cloud.encrypt_traffic),
        "max_cost_usd": None,
        "usd_per_hour": None,
    }
    if cloud.image is not None and region is not None:
        filled["image"] = _image(cloud.image, region, "sagemaker.image")
    if cloud.spot and cloud.max_wait_seconds is None:
        filled["max_wait_seconds"] = int(max_trial_seconds) + _SPOT_PATIENCE_SECONDS
    return cloud.model_copy(update=filled)


_SPOT_PATIENCE_SECONDS = 3_600
"""How long a trial waits for spare capacity, interruptions included, unless the spec says."""


def _image(image: str, region: str, path: str) -> str:
    try:
        return image_uri(image, region)
    except SpecError as error:
        fields = {"image": path, "region": "sagemaker.region"}
        raise SpecError(replace(one, field=fields.get(one.field, one.field)) for one in error.problems) from None


def _training(key: str, training: Training, references: References, region: str | None) -> Training:
    channels = {
        name: channel.model_copy(update={"source": references.channels.get((key, name), channel.source)})
        for name, channel in training.channels.items()
    }
    path = f"definitions.{key}.training.image" if key else "training.image"
    image = training.image
    return training.model_copy(
        update={
            "channels": channels,
            "source_dir": references.code.get(key, training.source_dir) if training.entry_point is not None else ".",
            "image": _image(image, region, path) if image is not None and region is not None else image,
            "output": training.output if (training.output or "").startswith("s3://") else references.output,
            "preload": False,
        }
    )


def _plain(parameter: Parameter) -> Parameter:
    """Return a parameter without what the service does not know of: steps, and an order of choices."""
    if isinstance(parameter, CategoricalParameter):
        return CategoricalParameter(parameter.values) if parameter.ordered else parameter
    if isinstance(parameter, ContinuousParameter | IntegerParameter) and parameter.step is not None:
        return type(parameter)(parameter.min_value, parameter.max_value, parameter.scaling_type)  # type: ignore[arg-type]
    return parameter


def _reported(objective: Objective, training: Training | None) -> Iterator[tuple[str, str]]:
    """Yield the expressions that read what a script reports with ``smtune.container.report``."""
    if training is None or training.algorithm is not None or (training.image and is_managed(training.image)):
        return  # these have metrics of their own
    for name in (objective.metric, objective.holdout_metric):
        if name is not None:
            try:
                yield name, metric_regex(name)
            except ValueError:  # no name that a script could report
                continue


def _strategy(spec: TuningSpec) -> Any:
    strategy = spec.strategy
    if isinstance(strategy, HyperbandConfig) and strategy.resource is not None:
        unit = unit_of(spec.static, strategy.resource.max)
        return HyperbandConfig(resource=strategy.resource.model_copy(update={"unit": unit}))
    return type(strategy)()


def _limits(spec: TuningSpec) -> Limits:
    limits = spec.limits
    return Limits(
        max_trials=limits.max_trials if spec.strategy.type == "grid" else spec.planned_trials,
        max_parallel=limits.max_parallel,
        max_runtime_seconds=limits.max_runtime_seconds,
        max_trial_seconds=float(limits.max_trial_seconds or DAY_SECONDS),
    )


def _warm_start(spec: TuningSpec) -> Any:
    if spec.warm_start is None:
        return None
    names = [_tuning_job(parent) for parent in spec.warm_start.parents]
    return spec.warm_start.model_copy(update={"parents": [AMT_PREFIX + name for name in names]})


def _tuning_job(parent: str) -> str:
    matched = TUNING_JOB_ARN.fullmatch(parent)
    return parent.removeprefix(AMT_PREFIX) if matched is None else matched["name"]


def _refusals(spec: TuningSpec) -> Iterator[Problem]:
    """Yield what the service cannot do."""
    if spec.strategy.type not in STRATEGIES:
        rule = f"is no strategy of SageMaker, which has {', '.join(STRATEGIES)}"
        yield Problem("strategy", spec.strategy.type, rule, _STRATEGY_FIX)
    if spec.repeats.max > 1:
        rule = "cannot be done by SageMaker, which trains a configuration once"
        yield Problem("repeats", spec.repeats.max, rule, "use repeats: 1, or let the script average over seeds")
    yield from _stopping_refusals(spec)
    for place, parent in enumerate(spec.warm_start.parents if spec.warm_start is not None else ()):
        if is_json_file(parent):
            rule = "is no tuning job of SageMaker, which learns from its own only"
            yield Problem(f"warm_start.parents[{place}]", parent, rule, "name a tuning job, or use backend local")
    if spec.training is None:
        fix = "name training.entry_point with sagemaker.image, or training.image"
        yield Problem("training", None, "is missing: SageMaker trains containers", fix)


def _stopping_refusals(spec: TuningSpec) -> Iterator[Problem]:
    if spec.early_stopping is not None and spec.early_stopping != MedianConfig():
        rule = "cannot be told to SageMaker, which has its own rule"
        yield Problem("early_stopping", spec.early_stopping.type, rule, "use Auto or Off")
    for key in ("convergence_window", "min_improvement"):
        value = getattr(spec.completion, key)
        if value != type(spec.completion).model_fields[key].default:
            yield Problem(f"completion.{key}", value, "cannot be told to SageMaker, which has its own", "leave it out")
    for key in ("max_runtime_seconds", "max_trial_seconds"):
        value = getattr(spec.limits, key)
        if value is not None and not float(value).is_integer():
            yield Problem(f"limits.{key}", value, "must be whole seconds for SageMaker", f"use {int(value) + 1}")


def losses(spec: TuningSpec) -> list[str]:
    """Return what the service does not do of what a spec asks for, one line each; the search goes on without it."""
    lost = [*_lost_steps("", spec.parameters)]
    for key, one in (spec.definitions or {}).items():
        lost += _lost_steps(f"definitions.{key}.", one.parameters)
    lost += _lost_settings(spec)
    if spec.baseline is not None:
        lost.append("baseline: SageMaker takes no configurations of yours; it is not trained")
    if spec.limits.max_failures is not None:
        lost.append("limits.max_failures: SageMaker goes on, unless the first 5 trials all fail")
    planned, most = spec.planned_trials, spec.limits.max_trials
    if spec.strategy.type != "grid" and planned is not None and most is not None and planned < most:
        lost.append(f"limits.max_trials: there are only {planned} configurations, and SageMaker is asked for those")
    return [*lost, *_overridden(spec)]


def _lost_steps(prefix: str, space: SearchSpace) -> Iterator[str]:
    for name, parameter in space.items():
        if isinstance(parameter, ContinuousParameter | IntegerParameter) and parameter.step not in (None, 1):
            kind = "whole number" if isinstance(parameter, IntegerParameter) else "number"
            bounds = f"{parameter.min_value} to {parameter.max_value}"
            yield (
                f"{prefix}parameters.{name}.step: SageMaker draws any {kind} from {bounds}; "
                "as categorical values they would be kept"
            )
        if isinstance(parameter, CategoricalParameter) and parameter.ordered:
            yield f"{prefix}parameters.{name}.ordered: SageMaker takes choices for unrelated"


def _lost_settings(spec: TuningSpec) -> Iterator[str]:
    own = spec.strategy
    ignored = {"type", "resource", "levels"} if own.type in ("hyperband", "grid") else {"type"}
    for name, declared in type(own).model_fields.items():
        if name not in ignored and getattr(own, name) != declared.get_default(call_default_factory=True):
            yield f"strategy.{name}: cannot be told to SageMaker, which has its own {own.type} search"


def _overridden(spec: TuningSpec) -> Iterator[str]:
    """Yield what stands in for other keys of the spec, whatever those say."""
    blocks = {
        "": spec.sagemaker,
        **{f"definitions.{key}.": one.sagemaker for key, one in (spec.definitions or {}).items()},
    }
    for prefix, block in blocks.items():
        for key, patch in (("request", block.request), ("definition", block.definition)) if block is not None else ():
            for member in sorted(patch):
                yield f"{prefix}sagemaker.{key}.{member} is sent as it is, whatever other keys say of it"
