"""The unit cube of the parameters that vary, and the chain rule that takes derivatives there."""

from __future__ import annotations

from collections.abc import Mapping

from smtune.errors import Problem, SpecError
from smtune.space import Configuration, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.space.parameter import Parameter

Vector = list[float]
"""One number per parameter that varies, in canonical order."""


class Coordinates:
    """Maps between configurations and points of the unit cube, without ranges of one value.

    Args:
        space: Continuous parameters without steps.

    Raises:
        SpecError: There are others; all of them at once.
    """

    def __init__(self, space: SearchSpace) -> None:
        problems = [problem for name, one in space.items() for problem in _problems(name, one)]
        if problems:
            raise SpecError(problems)
        self._space = space
        self._free = {
            name: one for name, one in space.items() if isinstance(one, ContinuousParameter) and one.cardinality is None
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that vary."""
        return tuple(self._free)

    def configuration(self, point: Vector) -> Configuration:
        """Return the configuration at a point."""
        positions = dict(zip(self._free, point, strict=True))
        return {name: parameter.from_unit(positions.get(name, 0.5)) for name, parameter in self._space.items()}

    def point(self, configuration: Configuration) -> Vector:
        """Return the point of a configuration."""
        return [parameter.to_unit(configuration[name]) for name, parameter in self._free.items()]

    def gradient(self, configuration: Configuration, derivatives: Mapping[str, float]) -> Vector:
        """Turn derivatives with respect to the parameters into those with respect to their positions in the cube."""
        return [
            derivatives[name] * parameter.slope(float(configuration[name])) for name, parameter in self._free.items()
        ]


def _problems(name: str, parameter: Parameter) -> list[Problem]:
    if isinstance(parameter, ContinuousParameter) and (parameter.step is None or parameter.cardinality == 1):
        return []
    if isinstance(parameter, ContinuousParameter):
        what, without = f"{name} has a step", f"leave the step of {name} out"
    else:
        kind = "whole numbers" if isinstance(parameter, IntegerParameter) else "choices"
        what, without = f"{name} takes {kind}", f"give {name} a fixed value under static"
    rule = f"follows derivatives, which need continuous parameters without step, and {what}"
    return [Problem("type", "gradient", rule, f"use bayesian or evolutionary, or {without}")]
