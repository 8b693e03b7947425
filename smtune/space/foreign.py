"""Parameters of other libraries, recognised by their shape, so that none of them need be installed.

============================  ==================================================================
SageMaker SDK, v2 and v3      ``ContinuousParameter``, ``IntegerParameter``, ``CategoricalParameter``
Optuna                        ``FloatDistribution``, ``IntDistribution``, ``CategoricalDistribution``
============================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smtune.errors import Problem, SpecError
from smtune.space.categorical import CategoricalParameter
from smtune.space.parameter import Parameter
from smtune.space.ranges import ContinuousParameter, IntegerParameter


def as_parameter(thing: object) -> Parameter:
    """Return ``thing`` as a parameter of this package.

    Args:
        thing: A parameter of this package or of the SageMaker SDK, or a distribution of Optuna.

    Raises:
        SpecError: It is none of these, or its values are not legal here.
    """
    if isinstance(thing, Parameter):
        return thing
    attributes, read = _READERS.get(type(thing).__name__, ((), None))
    if read is None or not all(hasattr(thing, name) for name in attributes):
        fix = "use ContinuousParameter, IntegerParameter or CategoricalParameter"
        raise SpecError([Problem("", thing, "is no parameter", fix)])
    return read(thing)


def _scaling(distribution: Any) -> str:
    return "Logarithmic" if distribution.log else "Linear"


def _whole_step(distribution: Any) -> int | None:
    """Return the step; Optuna's 1 is its default, not a wish for a full grid."""
    return distribution.step if distribution.step > 1 else None


_BOUNDS = ("min_value", "max_value")
_DISTRIBUTION = ("low", "high", "log", "step")
_READERS: dict[str, tuple[tuple[str, ...], Callable[[Any], Parameter]]] = {
    "ContinuousParameter": (
        _BOUNDS,
        lambda x: ContinuousParameter(x.min_value, x.max_value, getattr(x, "scaling_type", "Auto")),
    ),
    "IntegerParameter": (
        _BOUNDS,
        lambda x: IntegerParameter(x.min_value, x.max_value, getattr(x, "scaling_type", "Auto")),
    ),
    "CategoricalParameter": (("values",), lambda x: CategoricalParameter(x.values)),
    "FloatDistribution": (_DISTRIBUTION, lambda x: ContinuousParameter(x.low, x.high, _scaling(x), step=x.step)),
    "IntDistribution": (_DISTRIBUTION, lambda x: IntegerParameter(x.low, x.high, _scaling(x), step=_whole_step(x))),
    "CategoricalDistribution": (("choices",), lambda x: CategoricalParameter(x.choices)),
}
