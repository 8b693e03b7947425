"""What may vary: one class per kind of parameter, with the SageMaker SDK's names and arguments.

Both bounds of a range are inclusive. A ``step`` restricts the legal values to ``min_value + k * step``; the upper
bound is one of them only if the step lands on it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from smtune.container import encode_value
from smtune.errors import Problem, SpecError
from smtune.space.scaling import Scaling

Value = str | int | float | bool
"""What a parameter can be set to."""

_LARGEST_EXACT = 2**53


class Parameter(ABC):
    """A named thing's legal values, and their place on the unit interval.

    Equal lengths of the interval are equally likely under uniform draws whatever the scaling, and every one of
    finitely many values owns an equal share on its scaled axis.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def cardinality(self) -> int | None:
        """How many values are legal, or ``None`` for a continuum."""

    @abstractmethod
    def from_unit(self, position: float) -> Value:
        """Return the legal value at ``position`` in ``[0, 1]``."""

    @abstractmethod
    def to_unit(self, value: Value) -> float:
        """Return the position in ``[0, 1]`` of a legal value; finitely many values sit in the middle of their share."""

    @abstractmethod
    def cast(self, value: object) -> Value:
        """Return the legal value that ``value`` means.

        Raises:
            SpecError: It means none; the field of the problem is empty.
        """

    @abstractmethod
    def levels(self, count: int | None) -> tuple[Value, ...]:
        """Return at most ``count`` legal values, spread evenly along the scaling, ends included, ascending.

        Args:
            count: ``None`` for every legal value.

        Raises:
            SpecError: ``count`` is ``None`` and the values are a continuum.
        """

    @abstractmethod
    def narrowed(self, around: Value, factor: float) -> Parameter:
        """Return the same parameter on ``factor`` of its scaled width, around a legal value, inside its bounds."""


@dataclass(frozen=True, slots=True)
class _Range(Parameter):
    """What continuous and integer ranges share: an axis ``[_start, _end]`` on which draws are uniform."""

    min_value: Any
    max_value: Any
    scaling_type: Scaling = Scaling.Auto
    step: Any = None
    _scale: Scaling = field(init=False, repr=False, compare=False)
    _start: float = field(init=False, repr=False, compare=False)
    _end: float = field(init=False, repr=False, compare=False)
    _count: int | None = field(init=False, repr=False, compare=False)

    def _accept(self, problems: list[Problem]) -> None:
        """Check what needs both bounds, then place the axis."""
        low, high = self.min_value, self.max_value
        scaling = Scaling.parse(self.scaling_type)
        if scaling is None:
            names = ", ".join(member.value for member in Scaling)
            problems.append(Problem("scaling", self.scaling_type, "is no scaling", f"use one of {names}"))
        if problems:
            raise SpecError(problems)
        scaling = cast("Scaling", scaling)
        if low > high:
            problems.append(Problem("min", low, f"must not be above max = {high!r}", "swap the two bounds"))
        elif self.step is not None and not 0 < self.step <= max(high - low, 0 if high > low else math.inf):
            rule = "must be above 0" if self.step <= 0 else f"is larger than the range, {high - low!r}"
            problems.append(Problem("step", self.step, rule, f"use a step between 0 and {high - low!r}, or leave it out"))
        if scaling is Scaling.Logarithmic and low <= 0:
            example = "1" if isinstance(low, int) else "1e-4"
            problems.append(
                Problem("min", low, "Logarithmic scaling needs min > 0", f"use {example}, or scaling: Linear")
            )
        if scaling is Scaling.ReverseLogarithmic and not (low >= 0 and high < 1):
            name, value = ("min", low) if low < 0 else ("max", high)
            problems.append(
                Problem(
                    name,
                    value,
                    "ReverseLogarithmic scaling needs 0 <= min and max < 1",
                    "use 0.999 for values close to 1, or scaling: Linear",
                )
            )
        if problems:
            raise SpecError(problems)
        self._place(scaling)

    def _place(self, scaling: Scaling) -> None:
        low, high, step = self.min_value, self.max_value, self.step
        resolved = scaling.resolve(low, high)
        if step is None:
            count, first, last = None, low, high
        else:
            # Exact decimals: in binary, 0.5 + 0.1 * k misses 1.0 and would lose the upper bound.
            count = int((Decimal(repr(high)) - Decimal(repr(low))) / Decimal(repr(step))) + 1
            top = self._level(count - 1) if count else high
            # Half a step beyond either end gives the end levels the same share as the others; near a pole of the
            # scaling half a step may overshoot it, so go no more than half-way there.
            first, last = low - step / 2, top + step / 2
            if resolved is Scaling.Logarithmic:
                first = max(first, low / 2)
            elif resolved is Scaling.ReverseLogarithmic:
                first, last = max(first, 0.0), min(last, (1 + top) / 2)
        for name, value in (
            ("scaling_type", scaling),
            ("_scale", resolved),
            ("_count", count),
            ("_start", resolved.forward(first)),
            ("_end", resolved.forward(last)),
        ):
            object.__setattr__(self, name, value)

    @property
    def resolved_scaling(self) -> Scaling:
        """What ``scaling_type`` means here: never ``Auto``."""
        return self._scale

    @property
    def cardinality(self) -> int | None:
        """How many values are legal, or ``None`` for a continuum."""
        if self._count is None and self.min_value == self.max_value:
            return 1
        return self._count

    def _level(self, index: int) -> Any:
        """Return the ``index``-th legal value of a stepped range, free of accumulated rounding."""
        exact = Decimal(repr(self.min_value)) + index * Decimal(repr(self.step))
        return float(exact)

    def _index(self, value: float) -> int:
        """Return the index of the level nearest to ``value``."""
        count = self._count or 1
        return min(max(math.floor((value - self.min_value) / self.step + 0.5), 0), count - 1)

    def from_unit(self, position: float) -> Value:
        """Return the legal value at ``position`` in ``[0, 1]``."""
        value = self._scale.backward(self._start + position * (self._end - self._start))
        if self.step is None:
            # Rounding of exp(log(x)) must not leave the range, nor miss its ends.
            if position <= 0:
                return cast("float", self.min_value)
            if position >= 1:
                return cast("float", self.max_value)
            return cast("float", min(max(value, self.min_value), self.max_value))
        return cast("Value", self._level(self._index(value)))

    def to_unit(self, value: Value) -> float:
        """Return the position in ``[0, 1]`` of a legal value."""
        width = self._end - self._start
        if width <= 0:
            return 0.5
        number = float(value)
        if self.step is None:
            return min(max((self._scale.forward(number) - self._start) / width, 0.0), 1.0)
        index, count = self._index(number), self._count or 1
        below = self._start if index == 0 else self._scale.forward(self.min_value + (index - 0.5) * self.step)
        above = self._end if index == count - 1 else self._scale.forward(self.min_value + (index + 0.5) * self.step)
        return ((below + above) / 2 - self._start) / width

    def levels(self, count: int | None) -> tuple[Value, ...]:
        """Return at most ``count`` legal values, spread evenly along the scaling, ends included."""
        if count is None or (self._count is not None and count >= self._count):
            if self._count is not None:
                return tuple(self._level(index) for index in range(self._count))
            if self.min_value == self.max_value:
                return (self.min_value,)
            if count is None:
                raise SpecError([Problem("step", None, "a continuous range has no end of values", "give a step, or levels")])
        top = self.max_value if self._count is None else self._level(self._count - 1)
        start, end = self._scale.forward(self.min_value), self._scale.forward(top)
        fractions = [0.5] if count == 1 else [index / (count - 1) for index in range(count)]
        values = [self._nearest(self._scale.backward(start + share * (end - start))) for share in fractions]
        if count > 1:
            values[0], values[-1] = self.min_value, top
        return tuple(dict.fromkeys(values))

    def _nearest(self, value: float) -> Any:
        if self.step is None:
            return min(max(value, self.min_value), self.max_value)
        return self._level(self._index(value))

    def _window(self, around: float, factor: float) -> tuple[float, float]:
        """Return natural bounds of ``factor`` of the scaled width that hold ``around``, shifted inside the range."""
        start, end = self._scale.forward(self.min_value), self._scale.forward(self.max_value)
        width = (end - start) * factor
        low = min(max(self._scale.forward(around) - width / 2, start), end - width)
        return self._scale.backward(low), self._scale.backward(low + width)


@dataclass(frozen=True, slots=True)
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

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        for name, label in (("min_value", "min"), ("max_value", "max"), ("step", "step")):
            value = getattr(self, name)
            if value is None and name == "step":
                continue
            number = _number(value)
            if number is None:
                problems.append(Problem(label, value, "must be a finite number", "write it as 0.1 or 1e-4"))
            else:
                object.__setattr__(self, name, float(number))
        self._accept(problems)

    def cast(self, value: object) -> float:
        """Return ``value`` as a legal float.

        Raises:
            SpecError: It is no number, lies outside the bounds, or off the step.
        """
        number = _number(value)
        if number is None:
            raise SpecError([Problem("", value, "is no finite number", f"use a number {self._bounds()}")])
        number = float(number)
        if self.min_value <= number <= self.max_value:
            if self.step is None:
                return number
            nearest = float(self._level(self._index(number)))
            if math.isclose(nearest, number, rel_tol=1e-9, abs_tol=1e-9 * self.step):
                return nearest
            raise SpecError([Problem("", value, f"is off the step of {self.step!r}", f"the nearest is {nearest!r}")])
        raise SpecError([Problem("", value, "lies outside the range", f"use a number {self._bounds()}")])

    def _bounds(self) -> str:
        return f"from {self.min_value!r} to {self.max_value!r}, both inclusive"

    def narrowed(self, around: Value, factor: float) -> ContinuousParameter:
        """Return the range of ``factor`` of the scaled width around ``around``; the step keeps its lattice."""
        low, high = self._window(float(around), factor)
        if self.step is not None:
            low, high = _lattice_cover(low, high, self)
        return ContinuousParameter(
            max(low, self.min_value), min(high, self.max_value), self._scale, None if low == high else self.step
        )


@dataclass(frozen=True, slots=True)
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

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        for name, label in (("min_value", "min"), ("max_value", "max"), ("step", "step")):
            value = getattr(self, name)
            if value is None and name == "step":
                continue
            number = _whole(value)
            if number is None:
                problems.append(Problem(label, value, "must be a whole number", "use a continuous parameter for fractions"))
            elif abs(number) > _LARGEST_EXACT:
                problems.append(Problem(label, value, "must lie within ±2**53", "search its logarithm instead"))
            else:
                object.__setattr__(self, name, number)
        if Scaling.parse(self.scaling_type) is Scaling.ReverseLogarithmic:
            problems.append(
                Problem("scaling", "ReverseLogarithmic", "is for continuous parameters only", "use Linear or Logarithmic")
            )
        self._accept(problems)

    def _place(self, scaling: Scaling) -> None:
        given = self.step
        # Whole numbers always stand on a lattice; `step=None` differs from `step=1` only in what a grid makes of it.
        object.__setattr__(self, "step", given or 1)
        _Range._place(self, scaling)
        object.__setattr__(self, "step", given)

    def _level(self, index: int) -> int:
        return int(self.min_value + index * (self.step or 1))

    def _index(self, value: float) -> int:
        count = self._count or 1
        return min(max(math.floor((value - self.min_value) / (self.step or 1) + 0.5), 0), count - 1)

    def from_unit(self, position: float) -> int:
        """Return the whole number at ``position`` in ``[0, 1]``."""
        return self._level(self._index(self._scale.backward(self._start + position * (self._end - self._start))))

    def to_unit(self, value: Value) -> float:
        """Return the position in ``[0, 1]`` of a legal whole number: the middle of its share."""
        width = self._end - self._start
        index, count, step = self._index(float(value)), self._count or 1, self.step or 1
        below = self._start if index == 0 else self._scale.forward(self.min_value + (index - 0.5) * step)
        above = self._end if index == count - 1 else self._scale.forward(self.min_value + (index + 0.5) * step)
        return ((below + above) / 2 - self._start) / width

    def _nearest(self, value: float) -> int:
        return self._level(self._index(value))

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
        nearest = self._level(self._index(number))
        if nearest != number:
            raise SpecError([Problem("", value, f"is off the step of {self.step}", f"the nearest is {nearest}")])
        return number

    def narrowed(self, around: Value, factor: float) -> IntegerParameter:
        """Return the range of ``factor`` of the scaled width around ``around``; the step keeps its lattice."""
        low, high = _lattice_cover(*self._window(float(around), factor), self)
        return IntegerParameter(int(low), int(high), self._scale, None if low == high else self.step)


@dataclass(frozen=True, slots=True)
class CategoricalParameter(Parameter):
    """One of finitely many values.

    >>> CategoricalParameter(["gbtree", "dart"]).from_unit(0.75)
    'dart'

    Args:
        values: The choices: text, numbers or booleans, which keep their type. Their order is kept; draws depend on it.
        ordered: Whether neighbours in this order are similar (an ordinal, such as batch sizes).

    Raises:
        SpecError: No values, a duplicate, or something else than text, numbers and booleans.
    """

    values: tuple[Value, ...]
    ordered: bool = False
    _places: dict[str, int] = field(init=False, repr=False, compare=False, hash=False)

    def __init__(self, values: Iterable[Value] | Value, *, ordered: bool = False) -> None:
        """Keep the values, each once."""
        given = (values,) if isinstance(values, str | int | float) else tuple(values)
        problems = []
        places: dict[str, int] = {}
        if not given:
            problems.append(Problem("values", [], "needs at least one value", "list the choices"))
        for value in given:
            if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
                problems.append(
                    Problem("values", value, "must be text, a finite number or a boolean", "write it as text")
                )
                continue
            if places.setdefault(encode_value(value), len(places)) != len(places) - 1:
                problems.append(Problem("values", value, "stands twice", "list every choice once"))
        if problems:
            raise SpecError(problems)
        object.__setattr__(self, "values", given)
        object.__setattr__(self, "ordered", ordered)
        object.__setattr__(self, "_places", places)

    @property
    def cardinality(self) -> int:
        """How many choices there are."""
        return len(self.values)

    def from_unit(self, position: float) -> Value:
        """Return the choice at ``position`` in ``[0, 1]``."""
        return self.values[min(int(position * len(self.values)), len(self.values) - 1)]

    def to_unit(self, value: Value) -> float:
        """Return the middle of the choice's share of ``[0, 1]``."""
        return (self._places[encode_value(value)] + 0.5) / len(self.values)

    def cast(self, value: object) -> Value:
        """Return the choice that ``value`` means; ``"16"`` and ``16`` mean the same where only one of them is there.

        Raises:
            SpecError: It is none of the choices.
        """
        if isinstance(value, str | int | float):
            index = self._places.get(encode_value(value))
            if index is None and isinstance(value, str):
                index = next((i for i, known in enumerate(self.values) if encode_value(known) == value), None)
            if index is not None:
                return self.values[index]
        choices = ", ".join(str(known) for known in self.values)
        raise SpecError([Problem("", value, "is none of the choices", f"use one of {choices}")])

    def levels(self, count: int | None) -> tuple[Value, ...]:
        """Return the choices; of ordered ones at most ``count``, spread evenly, ends included."""
        total = len(self.values)
        if count is None or count >= total or not self.ordered:
            return self.values
        places = [(total - 1) // 2] if count == 1 else [round(i * (total - 1) / (count - 1)) for i in range(count)]
        return tuple(self.values[place] for place in dict.fromkeys(places))

    def narrowed(self, around: Value, factor: float) -> CategoricalParameter:
        """Return the choices near ``around``: a window if they are ordered, else ``around`` alone."""
        if not self.ordered:
            return CategoricalParameter([around])
        total = len(self.values)
        size = max(1, round(total * factor))
        place = self._places[encode_value(around)]
        start = min(max(place - size // 2, 0), total - size)
        return CategoricalParameter(self.values[start : start + size], ordered=True)


def _number(value: object) -> float | int | None:
    """Return ``value`` if it is a finite real number (numpy scalars included), else ``None``."""
    if isinstance(value, bool) or isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        return None
    if isinstance(value, int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    """Return ``value`` as an ``int`` if it is a whole number, else ``None``."""
    number = _number(value)
    return None if number is None or int(number) != number else int(number)


def _lattice_cover(low: float, high: float, parameter: ContinuousParameter | IntegerParameter) -> tuple[Any, Any]:
    """Return the outermost levels within half a step of ``[low, high]``."""
    return parameter._level(parameter._index(low)), parameter._level(parameter._index(high))  # noqa: SLF001
