"""Parameters of other libraries, recognised by their shape, so that none of them need be installed.

============================  ==================================================================
SageMaker SDK, v2 and v3      ``ContinuousParameter``, ``IntegerParameter``, ``CategoricalParameter``
Optuna                        ``FloatDistribution``, ``IntDistribution``, ``CategoricalDistribution``
============================  ==================================================================
"""

from __future__ import annotations

from typing import Any

from smtune.errors import Problem, SpecError
from smtune.space.parameters import CategoricalParameter, ContinuousParameter, IntegerParameter, Parameter


def as_parameter(thing: object) -> Parameter:
    """Return ``thing`` as a parameter of this package.

    Args:
        thing: A parameter of this package or of the SageMaker SDK, or a distribution of Optuna.

    Raises:
        SpecError: It is none of these, or its values are not legal here.
    """
    if isinstance(thing, Parameter):
        return thing
    source: Any = thing
    kind = type(thing).__name__
    if kind == "ContinuousParameter" and _has(thing, "min_value", "max_value"):
        return ContinuousParameter(source.min_value, source.max_value, getattr(thing, "scaling_type", "Auto"))
    if kind == "IntegerParameter" and _has(thing, "min_value", "max_value"):
        return IntegerParameter(source.min_value, source.max_value, getattr(thing, "scaling_type", "Auto"))
    if kind == "CategoricalParameter" and _has(thing, "values"):
        return CategoricalParameter(source.values)
    if kind == "FloatDistribution" and _has(thing, "low", "high", "log", "step"):
        return ContinuousParameter(source.low, source.high, _scaling(source), step=source.step)
    if kind == "IntDistribution" and _has(thing, "low", "high", "log", "step"):
        # Optuna's step of 1 is its default, not a wish for a full grid.
        return IntegerParameter(source.low, source.high, _scaling(source), step=source.step if source.step > 1 else None)
    if kind == "CategoricalDistribution" and _has(thing, "choices"):
        return CategoricalParameter(source.choices)
    raise SpecError(
        [
            Problem(
                "",
                thing,
                "is no parameter",
                "use ContinuousParameter, IntegerParameter or CategoricalParameter",
            )
        ]
    )


def _has(thing: object, *names: str) -> bool:
    return all(hasattr(thing, name) for name in names)


def _scaling(distribution: Any) -> str:
    return "Logarithmic" if distribution.log else "Linear"
