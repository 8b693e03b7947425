"""Numeric parameters, with the SageMaker SDK's names and arguments.

Both bounds of a range are inclusive. A ``step`` restricts the legal values to ``min_value + k * step``; the upper
bound is one of them only if the step lands on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import SupportsFloat, TypeVar, cast

from smtune.errors import Problem, SpecError
from smtune.space.axes import Continuum, Lattice
from smtune.space.parameter import Parameter, Value
from smtune.space.scaling import Scaling

_Number = TypeVar("_Number", int, float)

_LARGEST = 10**12
"""Largest whole number, and largest ratio of a bound to its step.

Beyond it, doubles in [0, 1] no longer tell neighbouring levels apart on every scaling.
"""

_FARTHEST = 1e300
"""Largest bound; distances and rounding stay finite."""


@dataclass(frozen=True, slots=True, init=False)
class _Range(Parameter):
    """What continuous and integer ranges share: two bounds, a scaling, a step, and the axis that they make."""

    min_value: float
    max_value: float
    scaling_type: Scaling
    step: float | None
    _axis: Continuum | Lattice = field(repr=False, compare=False)
    _resolved: Scaling = field(repr=False, compare=False)

    def _set(
        self,
        numbers: Mapping[str, float],
        problems: list[Problem],
        scaling_type: Scaling | str,
        *,
        default_step: int | None = None,
    ) -> None:
        """Check what needs several fields at once, place the axis, and fill in the frozen fields.

        Args:
            numbers: ``min``, ``max`` and perhaps ``step``; incomplete if there are problems.
            problems: What is known to be wrong.
            scaling_type: As the user wrote it.
            default_step: Distance of the legal values without ``step``; ``None`` for a continuum.
        """
        scaling = Scaling.parse(scaling_type)
        if scaling is None:
            names = ", ".join(member.value for member in Scaling)
            problems.append(Problem("scaling", scaling_type, "is no scaling", f"use one of {names}"))
        if problems or scaling is None:
            raise SpecError(problems)
        low, high, step = numbers["min"], numbers["max"], numbers.get("step")
        problems = [
            *_bounds_problems(low, high),
            *_step_problems(low, high, step),
            *_scaling_problems(low, high, scaling),
        ]
        if problems:
            raise SpecError(problems)
        resolved, distance = scaling.resolve(low, high), step or default_step
        axis = Continuum(low, high, resolved) if distance is None else Lattice(low, high, distance, resolved)
        values = {"min_value": low, "max_value": high, "scaling_type": scaling, "step": step}
        for name, value in {**values, "_axis": axis, "_resolved": resolved}.items():
            object.__setattr__(self, name, value)

    @property
    def resolved_scaling(self) -> Scaling:
        """What ``scaling_type`` means here: never ``Auto``."""
        return self._resolved

    @property
    def cardinality(self) -> int | None:
        """How many values are legal, or ``None`` for a continuum."""
        return self._axis.cardinality

    def to_unit(self, value: Value) -> float:
        """Return the position in ``[0, 1]`` of a legal value; levels sit in the middle of their share."""
        return self._axis.to_unit(cast("float", value))

    def index(self, value: Value) -> int:
        """Return the place of a legal value among finitely many."""
        return self._axis.index(cast("float", value))

    def _window(self, around: float, factor: float) -> tuple[float, float]:
        """Return the bounds of ``factor`` of the unit interval that hold ``around``, shifted inside it."""
        place = self._axis.to_unit(around)
        if place <= factor / 2:
            ends = 0.0, factor
        elif place + factor / 2 >= 1:
            ends = 1 - factor, 1.0
        else:
            ends = place - factor / 2, place + factor / 2
        low, high = (self._axis.from_unit(end) for end in ends)
        return min(low, around), max(high, around)


@dataclass(frozen=True, slots=True, init=False)
class ContinuousParameter(_Range):
    """A float between two bounds, both inclusive.

    >>> ContinuousParameter(0.01, 1.0, scaling_type="Logarithmic").from_unit(0.5)
    0.1
    >>> ContinuousParameter(0.5, 1.0, step=0.1).levels(None)
    (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

    Args:
        min_value: Lower bound, a legal value.
        max_value: Upper bound, a legal value unless ``step`` does not land on it.
        scaling_type: How draws spread: a :class:`Scaling` or its name.
        step: Distance of the legal values, or ``None`` for a continuum.

    Raises:
        SpecError: A bound is no finite number, the bounds are swapped, the scaling cannot hold them, or the step is
            larger than the range.
    """

    def __init__(
        self,
        min_value: float,
        max_value: float,
        scaling_type: Scaling | str = Scaling.Auto,
        *,
        step: float | None = None,
    ) -> None:
        fields = {"min": min_value, "max": max_value, "step": step}
        numbers, problems = _read(_float, fields, "must be a finite number", "write it as 0.1 or 1e-4")
        self._set(numbers, problems, scaling_type)

    def from_unit(self, position: float) -> float:
        """Return the legal float at ``position`` in ``[0, 1]``."""
        return self._axis.from_unit(position)

    def slope(self, value: float) -> float:
        """Return the derivative of :meth:`from_unit` with respect to the position, where it gives ``value``.

        The chain rule of the scaling: a derivative with respect to the parameter, times this, is one with respect to
        its position in ``[0, 1]``. 0 for a range of one value; defined without ``step``.
        """
        width = self._resolved.forward(self.max_value) - self._resolved.forward(self.min_value)
        return self._resolved.slope(value) * width

    def level(self, index: int) -> float:
        """Return the ``index``-th legal float of finitely many."""
        return self._axis.level(index)

    def levels(self, count: int | None) -> tuple[float, ...]:
        """Return at most ``count`` legal floats, spread evenly along the scaling, ends included."""
        return self._axis.levels(count)

    def cast(self, value: object) -> float:
        """Return ``value`` as a legal float.

        Raises:
            SpecError: It is no number, lies outside the bounds, or off the step.
        """
        number = _float(value)
        if number is None or not self.min_value <= number <= self.max_value:
            rule = "is no finite number" if number is None else "lies outside the range"
            fix = f"use a number from {self.min_value!r} to {self.max_value!r}, both inclusive"
            raise SpecError([Problem("", value, rule, fix)])
        if self.step is None:
            return number
        nearest = self.level(self.index(number))
        if not math.isclose(nearest, number, rel_tol=1e-9, abs_tol=1e-9 * self.step):
            raise SpecError([Problem("", value, f"is off the step of {self.step!r}", f"the nearest is {nearest!r}")])
        return nearest

    def narrowed(self, around: Value, factor: float) -> ContinuousParameter:
        """Return the range of ``factor`` of the scaled width around ``around``; the step keeps its lattice."""
        low, high = self._window(cast("float", around), factor)
        return ContinuousParameter(low, high, self._resolved, step=None if low == high else self.step)


@dataclass(frozen=True, slots=True, init=False)
class IntegerParameter(_Range):
    """A whole number between two bounds, both inclusive.

    >>> IntegerParameter(1, 4).from_unit(0.9)
    4
    >>> IntegerParameter(1, 1024, scaling_type="Logarithmic").levels(3)
    (1, 32, 1024)

    Args:
        min_value: Lower bound, a legal value.
        max_value: Upper bound, a legal value unless ``step`` does not land on it.
        scaling_type: How draws spread; SageMaker knows no ``ReverseLogarithmic`` for integers.
        step: Distance of the legal values; ``None`` means 1, and leaves grids free to take fewer.

    Raises:
        SpecError: A bound is no whole number, the bounds are swapped, the scaling cannot hold them, or the step is
            larger than the range.
    """

    min_value: int
    max_value: int
    step: int | None

    def __init__(
        self, min_value: int, max_value: int, scaling_type: Scaling | str = Scaling.Auto, *, step: int | None = None
    ) -> None:
        fields = {"min": min_value, "max": max_value, "step": step}
        numbers, problems = _read(_whole, fields, "must be a whole number", "use a continuous parameter for fractions")
        problems += [
            Problem(label, number, f"must lie within ±{_LARGEST:.0e}", "search its logarithm instead")
            for label, number in numbers.items()
            if label != "step" and abs(number) > _LARGEST
        ]
        if Scaling.parse(scaling_type) is Scaling.ReverseLogarithmic:
            problems.append(
                Problem("scaling", scaling_type, "is for continuous parameters only", "use Linear or Logarithmic")
            )
        self._set(numbers, problems, scaling_type, default_step=1)

    def from_unit(self, position: float) -> int:
        """Return the legal whole number at ``position`` in ``[0, 1]``."""
        return cast("int", self._axis.from_unit(position))

    def level(self, index: int) -> int:
        """Return the ``index``-th legal whole number."""
        return cast("int", self._axis.level(index))

    def levels(self, count: int | None) -> tuple[int, ...]:
        """Return at most ``count`` legal whole numbers, spread evenly along the scaling, ends included."""
        return cast("tuple[int, ...]", self._axis.levels(count))

    def cast(self, value: object) -> int:
        """Return ``value`` as a legal whole number.

        Raises:
            SpecError: It is no whole number, lies outside the bounds, or off the step.
        """
        number = _whole(value)
        if number is None or not self.min_value <= number <= self.max_value:
            rule = "is no whole number" if number is None else "lies outside the range"
            fix = f"use a whole number from {self.min_value} to {self.max_value}, both inclusive"
            raise SpecError([Problem("", value, rule, fix)])
        nearest = self.level(self.index(number))
        if nearest != number:
            raise SpecError([Problem("", value, f"is off the step of {self.step}", f"the nearest is {nearest}")])
        return number

    def narrowed(self, around: Value, factor: float) -> IntegerParameter:
        """Return the range of ``factor`` of the scaled width around ``around``; the step keeps its lattice."""
        low, high = self._window(cast("int", around), factor)
        return IntegerParameter(int(low), int(high), self._resolved, step=None if low == high else self.step)


def _step_problems(low: float, high: float, step: float | None) -> list[Problem]:
    if step is None:
        return []
    if step <= 0:
        return [Problem("step", step, "must be above 0", "use a positive step, or leave it out")]
    if max(abs(low), abs(high)) / step > _LARGEST:
        return [Problem("step", step, "is too fine for numbers of this size", "use a larger step, or leave it out")]
    if low < high and Lattice(low, high, step, Scaling.Linear).cardinality == 1:
        fix = f"use at most {high - low!r}, or leave it out"
        return [Problem("step", step, f"is larger than the range, {high - low!r}", fix)]
    return []


def _bounds_problems(low: float, high: float) -> list[Problem]:
    if max(abs(low), abs(high)) > _FARTHEST:
        label, value = ("min", low) if abs(low) > abs(high) else ("max", high)
        return [Problem(label, value, f"must lie within ±{_FARTHEST:g}", "search its logarithm instead")]
    if low > high:
        return [Problem("min", low, f"must not be above max = {high!r}", "swap the two bounds")]
    return []


def _scaling_problems(low: float, high: float, scaling: Scaling) -> list[Problem]:
    if scaling is Scaling.Logarithmic and low <= 0:
        example = "1" if isinstance(low, int) else "1e-4"
        return [Problem("min", low, "Logarithmic scaling needs min > 0", f"use {example}, or scaling: Linear")]
    if scaling is Scaling.ReverseLogarithmic and not 0 <= low <= high < 1:
        label, value = ("min", low) if low < 0 else ("max", high)
        rule = "ReverseLogarithmic scaling needs 0 <= min and max < 1"
        return [Problem(label, value, rule, "use 0.999 for values close to 1, or scaling: Linear")]
    return []


def _read(
    convert: Callable[[object], _Number | None], fields: Mapping[str, object], rule: str, fix: str
) -> tuple[dict[str, _Number], list[Problem]]:
    """Return the numbers by label, without an absent step, and a problem for each field that is none."""
    numbers: dict[str, _Number] = {}
    problems: list[Problem] = []
    for label, value in fields.items():
        if label == "step" and value is None:
            continue
        number = convert(value)
        if number is None:
            problems.append(Problem(label, value, rule, fix))
        else:
            numbers[label] = number
    return numbers, problems


def _float(value: object) -> float | None:
    """Return ``value`` as a float if it is a finite real number (numpy's included), else ``None``."""
    if isinstance(value, bool | str | bytes) or not isinstance(value, SupportsFloat):
        return None
    try:
        number = float(value) + 0.0  # turns -0.0, which prints differently, into 0.0
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    """Return ``value`` as an ``int`` if it is a whole number, else ``None``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    number = _float(value)
    return int(number) if number is not None and number.is_integer() else None
