"""The two kinds of numeric axes: a continuum, and a lattice of evenly stepped values.

An axis maps the unit interval to legal numbers and back; uniform positions are uniform along the scaling.
"""

from __future__ import annotations

import math
from decimal import Decimal

from smtune.errors import Problem, SpecError
from smtune.space.scaling import Scaling

MOST_LISTED = 1_000_000
"""How many values of one parameter may be listed; more are a mistake that would fill the memory."""


class Continuum:
    """Every float from ``low`` to ``high``."""

    __slots__ = ("_end", "_high", "_low", "_scaling", "_start")

    def __init__(self, low: float, high: float, scaling: Scaling) -> None:
        """Place the axis; ``scaling`` is resolved and can hold both bounds."""
        self._low, self._high, self._scaling = low, high, scaling
        self._start, self._end = scaling.forward(low), scaling.forward(high)

    @property
    def cardinality(self) -> int | None:
        """1 for a range of one value, else ``None``."""
        return 1 if self._low == self._high else None

    def from_unit(self, position: float) -> float:
        """Return the value at ``position``."""
        # Rounding in 10**log10(x) must neither miss the ends nor leave the range.
        if position <= 0:
            return self._low
        if position >= 1:
            return self._high
        value = self._scaling.backward(self._start + position * (self._end - self._start))
        return min(max(value, self._low), self._high)

    def to_unit(self, value: float) -> float:
        """Return the position of ``value``."""
        width = self._end - self._start
        if width <= 0:
            return 0.5
        return min(max((self._scaling.forward(value) - self._start) / width, 0.0), 1.0)

    def level(self, index: int) -> float:
        """Return the only value; ``index`` is 0."""
        return (self._low,)[index]

    def index(self, _value: float) -> int:
        """Return 0."""
        return 0

    def levels(self, count: int | None) -> tuple[float, ...]:
        """Return ``count`` values, spread evenly along the scaling, ends included."""
        if self._low == self._high:
            return (self._low,)
        if count is None:
            raise SpecError(
                [Problem("step", None, "a continuous range has no end of values", "give a step, or levels")]
            )
        return tuple(dict.fromkeys(self.from_unit(share) for share in _shares(count)))


class Lattice:
    """The numbers ``low + k * step`` up to ``high``, exact: ``0.5 + 5 * 0.1`` is ``1.0``."""

    __slots__ = ("_count", "_end", "_first", "_low", "_scaling", "_start", "_step", "_stride", "_unit", "_whole")

    def __init__(self, low: float, high: float, step: float, scaling: Scaling) -> None:
        """Place the axis; ``scaling`` is resolved and can hold both bounds, and ``step`` is positive."""
        self._low, self._step, self._scaling = low, step, scaling
        self._whole = isinstance(low, int) and isinstance(step, int)
        self._count, self._first, self._stride, self._unit = _fractions(low, high, step)
        self._start, self._end = self._ends()

    def _ends(self) -> tuple[float, float]:
        """Return the ends of the scaled axis: half a step beyond the outermost levels, so that these get their share.

        Half a step may overshoot a pole of the scaling; then it is half of the way there.
        """
        scaling, low, top = self._scaling, self._low, self.level(self._count - 1)
        if scaling is Scaling.Logarithmic and self._step > low:
            start = scaling.forward(low) - math.log10(2)
        else:
            start = scaling.forward(low - self._step / 2)
        if scaling is Scaling.ReverseLogarithmic and self._step > 1 - top:
            end = scaling.forward(top) + math.log(2)
        else:
            end = scaling.forward(top + self._step / 2)
        return start, end

    @property
    def cardinality(self) -> int:
        """How many levels there are."""
        return self._count

    def from_unit(self, position: float) -> float:
        """Return the level that owns ``position``."""
        if self._scaling is Scaling.Linear:
            return self.level(min(int(position * self._count), self._count - 1))
        return self.level(self.index(self._scaling.backward(self._start + position * (self._end - self._start))))

    def to_unit(self, value: float) -> float:
        """Return the middle of the share of a level."""
        index = self.index(value)
        if self._scaling is Scaling.Linear:
            return (index + 0.5) / self._count
        forward, low, step = self._scaling.forward, self._low, self._step
        below = self._start if index == 0 else forward(low + (index - 0.5) * step)
        above = self._end if index == self._count - 1 else forward(low + (index + 0.5) * step)
        return ((below + above) / 2 - self._start) / (self._end - self._start)

    def level(self, index: int) -> float:
        """Return the ``index``-th level, rounded once: no error accumulates."""
        if self._whole:
            return self._first + index * self._stride
        return (self._first + index * self._stride) / self._unit

    def index(self, value: float) -> int:
        """Return the index of the level nearest to ``value``."""
        return min(max(math.floor((value - self._low) / self._step + 0.5), 0), self._count - 1)

    def levels(self, count: int | None) -> tuple[float, ...]:
        """Return at most ``count`` levels, spread evenly along the scaling, ends included; ``None`` for all."""
        if count is not None and count < self._count:
            low, high = self._scaling.forward(self._low), self._scaling.forward(self.level(self._count - 1))
            places = [low + share * (high - low) for share in _shares(count)]
            return tuple(dict.fromkeys(self.level(self.index(self._scaling.backward(place))) for place in places))
        if self._count > MOST_LISTED:
            rule = f"there are {self._count} values, more than the {MOST_LISTED} that can be listed"
            raise SpecError([Problem("levels", count, rule, "give levels, or a larger step")])
        return tuple(self.level(index) for index in range(self._count))


def _fractions(low: float, high: float, step: float) -> tuple[int, int, int, int]:
    """Return how many levels there are, and ``low`` and ``step`` as numerators over a common denominator.

    In binary ``0.5 + 0.1 * k`` misses 1.0 and would lose the upper bound, so this counts with the decimals that the
    user wrote.
    """
    ratios = [Decimal(repr(number)).as_integer_ratio() for number in (low, high, step)]
    unit = math.lcm(*(denominator for _, denominator in ratios))
    first, last, stride = (numerator * (unit // denominator) for numerator, denominator in ratios)
    return (last - first) // stride + 1, first, stride, unit


def _shares(count: int) -> list[float]:
    return [0.5] if count == 1 else [index / (count - 1) for index in range(count)]
