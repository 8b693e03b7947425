"""``CreateHyperParameterTuningJob``: a spec as the request that the service takes, and back.

::

    lower(spec, references)  ->  what of a spec is told to the service     (smtune.amt.lowering)
    encode_request(lowered)  ->  the request
    decode_request(request)  ->  the lowered spec again

Nothing of a request is lost: what smtune has no word for is kept in ``sagemaker.request``, ``sagemaker.definition`` and
a channel's ``request``, and is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smtune.amt.definition import Algorithm, decode_definition, encode_definition, encode_objective, told_region
from smtune.amt.patches import apply_patch, canonical, make_patch
from smtune.amt.ranges import encode_ranges
from smtune.errors import Problem, SpecError
from smtune.spec import (
    AMT_PREFIX,
    Definition,
    HyperbandConfig,
    MedianConfig,
    Objective,
    SageMaker,
    TuningSpec,
    checked,
    of_definition,
    resource_of,
)

MAIN = "main"
"""Name of a job's own definition where it has further ones, unless the spec names it."""

MOST_TRAININGS = 750
"""How many trainings a job has if neither a number nor a time ends it: the service's own limit."""

_STRATEGIES = {"bayesian": "Bayesian", "random": "Random", "grid": "Grid", "hyperband": "Hyperband"}
_DEFINITIONS = ("TrainingJobDefinition", "TrainingJobDefinitions")


def encode_request(spec: TuningSpec) -> dict[str, Any]:
    """Return the request that creates a tuning job.

    What the service cannot be told must have been taken out by :func:`smtune.amt.lower`; what a spec leaves open, such as
    the role, is missing in the request.

    Args:
        spec: As :func:`smtune.amt.lower` returns it.

    Raises:
        KeyError: The service has no such strategy.
    """
    cloud = spec.sagemaker or SageMaker()
    several = spec.definitions is not None
    request: dict[str, Any] = {
        "HyperParameterTuningJobName": spec.name,
        "HyperParameterTuningJobConfig": _config(spec, cloud, several=several),
    }
    region = cloud.region
    main = Algorithm.main(spec)
    if spec.definitions is None:
        definition = encode_definition(main, name=cloud.definition_name, own_ranges=False, region=region)
        request["TrainingJobDefinition"] = definition
    else:
        name = cloud.definition_name or MAIN
        request["TrainingJobDefinitions"] = [
            encode_definition(main, name=name, own_ranges=True, region=region),
            *(
                encode_definition(Algorithm.further(one, spec), name=key, own_ranges=True, region=region)
                for key, one in spec.definitions.items()
            ),
        ]
    if spec.warm_start is not None:
        parents = [{"HyperParameterTuningJobName": one.removeprefix(AMT_PREFIX)} for one in spec.warm_start.parents]
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": parents,
            "WarmStartType": spec.warm_start.type.value,
        }
    if cloud.tags:
        request["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(cloud.tags.items())]
    if cloud.autotune:
        request["Autotune"] = {"Mode": "Enabled"}
    return dict(apply_patch({key: value for key, value in request.items() if value is not None}, cloud.request))


def _config(spec: TuningSpec, cloud: SageMaker, *, several: bool) -> dict[str, Any]:
    limits = spec.limits
    resource_limits = {
        "MaxNumberOfTrainingJobs": limits.max_trials,
        "MaxParallelTrainingJobs": limits.max_parallel,
        "MaxRuntimeInSeconds": None if limits.max_runtime_seconds is None else int(limits.max_runtime_seconds),
    }
    config: dict[str, Any] = {"Strategy": _STRATEGIES[spec.strategy.type]}
    if isinstance(spec.strategy, HyperbandConfig) and spec.strategy.resource is not None:
        resource = spec.strategy.resource
        hyperband = {"MinResource": resource.min, "MaxResource": resource.max}
        config["StrategyConfig"] = {"HyperbandStrategyConfig": hyperband}
    if not several:
        config["HyperParameterTuningJobObjective"] = encode_objective(spec.objective)
    config["ResourceLimits"] = {key: value for key, value in resource_limits.items() if value is not None}
    if not several:
        ranges = encode_ranges(spec.parameters, cloud.auto_parameters, cloud.quoting)
        config |= {"ParameterRanges": ranges} if ranges else {}
    config["TrainingJobEarlyStoppingType"] = "Off" if spec.early_stopping is None else "Auto"
    criteria: dict[str, Any] = {}
    if spec.completion.target is not None:
        criteria["TargetObjectiveMetricValue"] = spec.completion.target
    if spec.completion.not_improving is not None:
        count = spec.completion.not_improving
        criteria["BestObjectiveNotImproving"] = {"MaxNumberOfTrainingJobsNotImproving": count}
    if spec.completion.on_convergence:
        criteria["ConvergenceDetected"] = {"CompleteOnConvergence": "Enabled"}
    return {**config, **({"TuningJobCompletionCriteria": criteria} if criteria else {}), "RandomSeed": spec.seed}


def decode_request(request: Mapping[str, Any]) -> TuningSpec:
    """Return the spec that a request means; :func:`encode_request` makes the same request of it again.

    Two requests are the same if their :func:`smtune.amt.patches.canonical` forms are equal.

    Raises:
        SpecError: Something in it is wrong, or missing.
    """
    try:
        spec = TuningSpec(**_fields(request))
    except SpecError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SpecError(_refusals(request, error)) from None
    cloud = spec.sagemaker or SageMaker()
    rest = make_patch(_of_the_job(encode_request(spec)), _of_the_job(request))
    return spec.model_copy(update={"sagemaker": cloud.model_copy(update={"request": rest})})


def _refusals(request: Mapping[str, Any], error: Exception) -> list[Problem]:
    """Return what is wrong with a request that cannot be read, in the service's own words where it has any."""
    from smtune.amt.limits import Severity, check_request

    found = [one for one in check_request(request) if one.severity is Severity.error]
    unnamed = Problem("", type(error).__name__, f"is met in reading the request: {error}", "see `smtune check`")
    return [Problem(one.field, one.value, one.rule, one.fix, one.source) for one in found] or [unnamed]


def _of_the_job(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without its definitions, in canonical form."""
    return dict(canonical({key: value for key, value in request.items() if key not in _DEFINITIONS}))


def _fields(request: Mapping[str, Any]) -> dict[str, Any]:
    config = request["HyperParameterTuningJobConfig"]
    several = request.get("TrainingJobDefinition") is None
    encoded = _encoded_definitions(request, several=several)
    region = next((one for one in map(told_region, encoded) if one is not None), None)
    main = _algorithm(encoded[0], config, region, several=several)
    further = {str(one["DefinitionName"]): _definition(one, config, region) for one in encoded[1:]}
    of_the_job = {
        "region": region,
        "tags": {one["Key"]: one["Value"] for one in request.get("Tags") or ()},
        "autotune": (request.get("Autotune") or {}).get("Mode") == "Enabled",
    }
    cloud = checked(SageMaker, {**dict(main.sagemaker), **of_the_job}, "sagemaker")
    return {
        "name": request["HyperParameterTuningJobName"],
        "objective": main.objective,
        "parameters": main.parameters,
        "static": main.static,
        "metrics": main.metrics,
        "training": main.training,
        "sagemaker": cloud,
        "strategy": _strategy(config, main.static),
        "limits": {**_limits(config, cloud), "max_trial_seconds": main.max_trial_seconds},
        "early_stopping": MedianConfig() if config.get("TrainingJobEarlyStoppingType") == "Auto" else None,
        "completion": _completion(config),
        "seed": config.get("RandomSeed") or 0,
        "warm_start": _warm_start(request),
        "definitions": further if several else None,
    }


def _encoded_definitions(request: Mapping[str, Any], *, several: bool) -> Sequence[Mapping[str, Any]]:
    """Return the definitions of a request: its only one, or several, each with a name of its own."""
    member = "TrainingJobDefinitions"
    definitions = request.get(member)
    if not several:
        if definitions:
            fix = "keep one of the two members"
            raise SpecError([Problem(member, None, "cannot stand beside TrainingJobDefinition", fix)])
        return [request["TrainingJobDefinition"]]
    if not definitions:
        raise KeyError("TrainingJobDefinition")
    names = [one.get("DefinitionName") for one in definitions]
    problems = [
        Problem(
            f"{member}[{place}].DefinitionName", name, "must be a name of its own", "name the definition, e.g. second"
        )
        for place, name in enumerate(names)
        if not isinstance(name, str) or not name or name in names[:place]
    ]
    if problems:
        raise SpecError(problems)
    return list(definitions)


def _algorithm(
    encoded: Mapping[str, Any], config: Mapping[str, Any], region: str | None, *, several: bool
) -> Algorithm:
    ranges = encoded.get("HyperParameterRanges") if several else config.get("ParameterRanges")
    objective = encoded["TuningObjective"] if several else config["HyperParameterTuningJobObjective"]
    return decode_definition(encoded, ranges or {}, _objective(objective), own_ranges=several, region=region)


def _objective(encoded: Mapping[str, Any]) -> Objective:
    return checked(Objective, {"metric": encoded["MetricName"], "goal": encoded["Type"]}, "objective")


def _definition(encoded: Mapping[str, Any], config: Mapping[str, Any], region: str | None) -> Definition:
    try:
        algorithm = _algorithm(encoded, config, region, several=True)
        return Definition(
            objective=algorithm.objective,
            parameters=algorithm.parameters,
            static=dict(algorithm.static),
            metrics=dict(algorithm.metrics),
            max_trial_seconds=algorithm.max_trial_seconds,
            training=algorithm.training,
            sagemaker=of_definition(algorithm.sagemaker),
        )
    except SpecError as error:
        raise SpecError(one.under(f"definitions.{encoded['DefinitionName']}") for one in error.problems) from None


def _strategy(config: Mapping[str, Any], static: Mapping[str, Any]) -> dict[str, Any]:
    types = {word: type_ for type_, word in _STRATEGIES.items()}
    word = config["Strategy"]
    if word not in types:
        raise SpecError([Problem("strategy", word, "is no strategy of the service", f"use {', '.join(types)}")])
    if word != "Hyperband":
        return {"type": types[word]}
    stated = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    inferred = resource_of(static)
    most = stated.get("MaxResource", inferred.max if inferred is not None else None)
    if most is None:
        return {"type": "hyperband"}  # refused by the spec's own rule, which says what to do
    return {
        "type": "hyperband",
        "resource": {"unit": unit_of(static, most), "min": stated.get("MinResource", 1), "max": most},
    }


def unit_of(static: Mapping[str, Any], most: int) -> str:
    """Return what Hyperband's resource counts, by the static hyperparameters: the service has no name for it.

    >>> unit_of({"epochs": 27}, 27), unit_of({}, 27)
    ('epochs', 'steps')

    Args:
        static: Name to value.
        most: The whole of a training.
    """
    inferred = resource_of(static)
    return inferred.unit if inferred is not None and inferred.max >= most else "steps"


def _limits(config: Mapping[str, Any], cloud: SageMaker) -> dict[str, Any]:
    limits = config["ResourceLimits"]
    most, seconds = limits.get("MaxNumberOfTrainingJobs"), limits.get("MaxRuntimeInSeconds")
    if most is None and seconds is None and config["Strategy"] != "Grid" and not cloud.autotune:
        most = MOST_TRAININGS
    return {
        "max_trials": most,
        "max_parallel": limits["MaxParallelTrainingJobs"],
        "max_runtime_seconds": seconds,
    }


def _completion(config: Mapping[str, Any]) -> dict[str, Any]:
    criteria = config.get("TuningJobCompletionCriteria") or {}
    not_improving = criteria.get("BestObjectiveNotImproving") or {}
    converged = (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence")
    return {
        "target": criteria.get("TargetObjectiveMetricValue"),
        "not_improving": not_improving.get("MaxNumberOfTrainingJobsNotImproving"),
        "on_convergence": converged == "Enabled",
    }


def _warm_start(request: Mapping[str, Any]) -> dict[str, Any] | None:
    config = request.get("WarmStartConfig")
    if not config:
        return None
    parents = [AMT_PREFIX + one["HyperParameterTuningJobName"] for one in config["ParentHyperParameterTuningJobs"]]
    return {"parents": parents, "type": config["WarmStartType"]}
