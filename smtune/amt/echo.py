"""The request in the description of its job: what the service adds to it, and takes away."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smtune.amt.definition import PROGRAM, TUNING_OBJECTIVE
from smtune.amt.images import built_in_definitions

_ADDED = (
    "BestTrainingJob",
    "ConsumedResources",
    "CreationTime",
    "FailureReason",
    "HyperParameterTuningEndTime",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobStatus",
    "LastModifiedTime",
    "ObjectiveStatusCounters",
    "OverallBestTrainingJob",
    "ResponseMetadata",
    "TrainingJobStatusCounters",
    "TuningJobCompletionDetails",
)
"""Members of a description that are no part of the request."""

_RANGES = ("CategoricalParameterRanges", "ContinuousParameterRanges", "IntegerParameterRanges")


def request_of(description: Mapping[str, Any], tags: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """Return the ``CreateHyperParameterTuningJob`` request that a description echoes.

    Args:
        description: What ``DescribeHyperParameterTuningJob`` answers. Members that smtune does not know are kept.
        tags: What ``ListTags`` answers for the job: a description leaves them out. AWS's own are left out.
    """
    request = {name: value for name, value in description.items() if name not in _ADDED and value is not None}
    if request.get("TrainingJobDefinition") is not None:
        request["TrainingJobDefinition"] = _requested(request["TrainingJobDefinition"])
    if request.get("TrainingJobDefinitions") is not None:
        request["TrainingJobDefinitions"] = [_requested(one) for one in request["TrainingJobDefinitions"]]
    own = [dict(tag) for tag in tags if not tag["Key"].startswith("aws:")]
    return {**request, "Tags": own} if own else request


def _requested(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition without what the service adds to it."""
    requested = dict(definition)
    static = dict(requested.pop("StaticHyperParameters", None) or {})
    static.pop(TUNING_OBJECTIVE, None)
    if static:
        requested["StaticHyperParameters"] = static
    if "ResourceConfig" in requested and requested["ResourceConfig"] == _copied_resources(definition):
        del requested["ResourceConfig"]
    algorithm = dict(requested.get("AlgorithmSpecification") or {})
    if algorithm.get("MetricDefinitions") and algorithm["MetricDefinitions"] == _brought_along(algorithm, static):
        del algorithm["MetricDefinitions"]
        requested["AlgorithmSpecification"] = algorithm
    return requested


def echo_definition(definition: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """Return a definition with what the service adds, and what version 2 of the SageMaker SDK reads besides.

    Args:
        definition: As it was requested.
        metric: Its objective metric. It stands in quotes where the other hyperparameters do.
    """
    static = dict(definition.get("StaticHyperParameters") or {})
    static[TUNING_OBJECTIVE] = json.dumps(metric) if static.get(PROGRAM, "").startswith('"') else metric
    resources = _copied_resources(definition)
    copied = {} if resources is None else {"ResourceConfig": resources}
    echo = {**copied, **with_all_ranges(definition, "HyperParameterRanges"), "StaticHyperParameters": static}
    algorithm = definition.get("AlgorithmSpecification") or {}
    brought = _brought_along(algorithm, static)
    if brought and not algorithm.get("MetricDefinitions"):
        echo["AlgorithmSpecification"] = {**algorithm, "MetricDefinitions": brought}
    return echo


def with_all_ranges(members: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return members with the ranges of every type, as the service tells them: of some types there may be none.

    Version 2 of the SageMaker SDK reads all of them.

    Args:
        members: What holds the ranges, if it does.
        key: Their name in it.
    """
    if members.get(key) is None:
        return dict(members)
    return {**members, key: {**{name: [] for name in _RANGES}, **members[key]}}


def _brought_along(algorithm: Mapping[str, Any], static: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the metric definitions that AWS's algorithm brings along; none if a script takes its place."""
    if PROGRAM in static:
        return []
    definitions = built_in_definitions(algorithm.get("TrainingImage") or "")
    return [{"Name": name, "Regex": regex} for name, regex in definitions.items()]


def _copied_resources(definition: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a definition's ``HyperParameterTuningResourceConfig`` as a ``ResourceConfig``; ``None`` if it has none.

    Version 2 of the SageMaker SDK reads the latter only. Of several instances it is the first.
    """
    tuning = definition.get("HyperParameterTuningResourceConfig")
    if tuning is None:
        return None
    first: Mapping[str, Any] = next(iter(tuning.get("InstanceConfigs") or ()), {})
    rest = {name: value for name, value in tuning.items() if name not in ("InstanceConfigs", "AllocationStrategy")}
    return {**first, **rest}
