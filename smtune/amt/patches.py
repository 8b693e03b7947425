"""What a request says beyond a spec, kept as a JSON merge patch (RFC 7396), and the form in which requests are compared."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_DEFAULTS: Mapping[str, Any] = {
    "CompleteOnConvergence": "Disabled",
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
    "EnableNetworkIsolation": False,
    "S3DataDistributionType": "FullyReplicated",
    "ScalingType": "Auto",
    "TrainingJobEarlyStoppingType": "Off",
}
"""Members that mean the same when they are left out."""

_COLLECTIONS = frozenset(
    {
        "AttributeNames",
        "AutoParameters",
        "BestObjectiveNotImproving",
        "CategoricalParameterRanges",
        "ContinuousParameterRanges",
        "ConvergenceDetected",
        "Environment",
        "HyperParameterRanges",
        "HyperbandStrategyConfig",
        "InputDataConfig",
        "InstanceGroupNames",
        "IntegerParameterRanges",
        "MetricDefinitions",
        "ParameterRanges",
        "StaticHyperParameters",
        "StrategyConfig",
        "Tags",
        "TuningJobCompletionCriteria",
    }
)
"""Members that mean the same when they are left out as when they are empty."""

_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_BOUNDS = ("MinValue", "MaxValue")
_SORTED_BY = ("Name", "Key")


def apply_patch(target: Any, patch: Any) -> Any:
    """Return ``target`` with a JSON merge patch applied to it; neither is changed.

    >>> apply_patch({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": 4}})
    {'b': {'c': 4, 'd': 3}}
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply_patch(merged.get(key), value)
    return merged


def make_patch(source: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that turns ``source`` into ``target``, in which no value is ``None``.

    >>> make_patch({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4, "d": 3}})
    {'a': None, 'b': {'c': 4}}
    """
    patch: dict[str, Any] = {key: None for key in source if key not in target}
    for key, value in target.items():
        if key not in source:
            patch[key] = value
        elif isinstance(value, Mapping) and isinstance(source[key], Mapping):
            inner = make_patch(source[key], value)
            if inner:
                patch[key] = inner
        elif source[key] != value:
            patch[key] = value
    return patch


def canonical(request: Any) -> Any:
    """Return a request, or a part of one, in the form that all requests with the same meaning share.

    Left out are members that are null, at their default, or collections that are empty. Numbers of ranges are spelled
    in one way, and ranges and tags are sorted by name. What the service model does not know stays as it is.

    >>> canonical({"ParameterRanges": {"CategoricalParameterRanges": []}, "TrainingJobEarlyStoppingType": "Off"})
    {}
    """
    if isinstance(request, Mapping):
        members = {key: canonical(value) for key, value in request.items()}
        return {
            key: _spelled(value) if key in _BOUNDS else value
            for key, value in members.items()
            if value is not None and not _is_silent(key, value)
        }
    if isinstance(request, Sequence) and not isinstance(request, str):
        return _in_order([canonical(one) for one in request])
    return request


def read_number(text: str) -> int | float | None:
    """Return the number that the text of a bound means, or ``None`` if it is none.

    >>> read_number(" 1E-4"), read_number("5.0"), read_number("12"), read_number("1_000"), read_number("nan")
    (0.0001, 5.0, 12, None, None)
    """
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    number = float(stripped)
    if not math.isfinite(number):
        return None
    return int(stripped) if stripped.lstrip("+-").isdecimal() else number


def _is_silent(key: str, value: Any) -> bool:
    """Return whether a member says nothing that its absence would not say."""
    return (key in _COLLECTIONS and value in ({}, [])) or (key in _DEFAULTS and value == _DEFAULTS[key])


def _in_order(items: list[Any]) -> list[Any]:
    for name in _SORTED_BY:
        if items and all(isinstance(one, Mapping) and isinstance(one.get(name), str) for one in items):
            return sorted(items, key=lambda one: str(one[name]))
    return items


def _spelled(text: Any) -> Any:
    number = read_number(text) if isinstance(text, str) else None
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        number = int(number)
    return text if number is None else repr(number)
