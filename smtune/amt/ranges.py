"""A search space and hyperparameters as SageMaker has them: names to texts, ranges grouped by kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from smtune.amt.patches import read_number
from smtune.container import decode_value, encode_value
from smtune.errors import Problem, SpecError
from smtune.space import (
    CategoricalParameter,
    ContinuousParameter,
    IntegerParameter,
    Parameter,
    Scaling,
    SearchSpace,
)

Texts = Mapping[str, str]


def encode_text(value: object, quoting: str) -> str:
    """Return the text of a hyperparameter.

    >>> encode_text("gbtree", "plain"), encode_text("gbtree", "json"), encode_text("7", "plain")
    ('gbtree', '"gbtree"', '"7"')
    >>> encode_text(True, "plain"), encode_text(True, "python")
    ('true', 'True')

    Args:
        value: What :func:`smtune.container.encode_value` takes.
        quoting: ``"json"`` puts every string in quotes, as version 2 of the SageMaker SDK does for scripts; the others
            only those that would be read as something else. ``"python"`` spells booleans as Python does, as the tuner of
            version 3 does, and that of version 2 for images.

    Raises:
        TypeError, ValueError: It cannot be written.
    """
    if quoting == "python" and isinstance(value, bool):
        return str(value)
    text = encode_value(value)
    return json.dumps(value) if quoting == "json" and isinstance(value, str) else text


def quoting_of(texts: Sequence[str]) -> str:
    """Return how hyperparameters are quoted, by those among them that show it."""
    if any(_is_quoted_needlessly(text) for text in texts):
        return "json"
    return "python" if any(text in ("True", "False") for text in texts) else "plain"


def encode_ranges(space: SearchSpace, auto: Texts, quoting: str) -> dict[str, Any]:
    """Return ``ParameterRanges``; empty kinds are left out.

    Args:
        space: What varies. Steps and the order of choices are lost.
        auto: Names to values that are known to work, for parameters whose ranges SageMaker chooses.
        quoting: As in :func:`encode_text`.
    """
    ranges: dict[str, list[dict[str, Any]]] = {}
    for name, parameter in space.items():
        if isinstance(parameter, CategoricalParameter):
            values = [encode_text(value, quoting) for value in parameter.values]
            ranges.setdefault("CategoricalParameterRanges", []).append({"Name": name, "Values": values})
        elif isinstance(parameter, ContinuousParameter | IntegerParameter):
            kind = "Integer" if isinstance(parameter, IntegerParameter) else "Continuous"
            one = {
                "Name": name,
                "MinValue": encode_value(parameter.min_value),
                "MaxValue": encode_value(parameter.max_value),
                "ScalingType": parameter.scaling_type.value,
            }
            ranges.setdefault(f"{kind}ParameterRanges", []).append(one)
        else:
            raise TypeError(f"no range for {parameter!r}")
    if auto:
        ranges["AutoParameters"] = [{"Name": name, "ValueHint": hint} for name, hint in sorted(auto.items())]
    return dict(sorted(ranges.items()))


def decode_ranges(ranges: Mapping[str, Any]) -> tuple[SearchSpace, dict[str, str]]:
    """Return the space and the automatic parameters that ``ParameterRanges`` means.

    Raises:
        SpecError: Everything that is wrong, with paths below ``parameters``.
    """
    problems: list[Problem] = []
    parameters: dict[str, Parameter] = {}
    for kind in ("Integer", "Continuous", "Categorical"):
        for one in ranges.get(f"{kind}ParameterRanges") or ():
            name = one["Name"]
            if name in parameters:
                problems.append(Problem(f"parameters.{name}", name, "stands in two ranges", "keep one of them"))
                continue
            try:
                parameters[name] = _parameter(kind, one)
            except SpecError as error:
                problems += [problem.under(f"parameters.{name}") for problem in error.problems]
    if problems:
        raise SpecError(problems)
    auto = {one["Name"]: one["ValueHint"] for one in ranges.get("AutoParameters") or ()}
    try:
        space = SearchSpace(parameters) if parameters else SearchSpace.empty()
    except SpecError as error:
        raise SpecError(problem.under("parameters") for problem in error.problems) from None
    return space, auto


def _parameter(kind: str, one: Mapping[str, Any]) -> Parameter:
    if kind == "Categorical":
        return CategoricalParameter(_choices(one["Values"]))
    scaling = one.get("ScalingType") or Scaling.Auto.value
    if kind == "Integer":
        return IntegerParameter(_whole("min", one["MinValue"]), _whole("max", one["MaxValue"]), scaling)
    low, high = (float(_number(field, one[member])) for field, member in (("min", "MinValue"), ("max", "MaxValue")))
    return ContinuousParameter(low, high, scaling)


def _choices(texts: Sequence[str]) -> list[str | int | float | bool]:
    """Return what the texts mean; the texts themselves where two of them would mean the same."""
    choices = [_choice(text) for text in texts]
    distinct = len({(type(choice), choice) for choice in choices}) == len(choices)
    return choices if distinct else list(texts)


def _choice(text: str) -> str | int | float | bool:
    value = decode_value(text)
    return value if isinstance(value, str | int | float | bool) else text


def _number(field: str, text: str) -> int | float:
    number = read_number(text)
    if number is None:
        raise SpecError([Problem(field, text, "is no finite number", "write a number")])
    return number


def _whole(field: str, text: str) -> int:
    number = _number(field, text)
    if number != int(number):
        raise SpecError([Problem(field, text, "is no whole number", "write a whole number")])
    return int(number)


def _is_quoted_needlessly(text: str) -> bool:
    value = decode_value(text)
    return isinstance(value, str) and text.startswith('"') and encode_value(value) != text
