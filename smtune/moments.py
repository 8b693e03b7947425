"""Means and spreads of any floats: no sum or square of huge losses overflows, and nothing raises."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import stdev

_SMALLER = 2.0**-64
"""Sums of fewer than 2**64 numbers so much smaller do not overflow; a power of two loses no digit of huge ones."""


def mean(values: Iterable[float]) -> float:
    """Return the mean; ``nan`` where infinities cancel.

    >>> mean([0.5, 0.7]), mean([1e308, 1e308]), mean([math.inf, -math.inf])
    (0.6, 1e+308, nan)

    Args:
        values: At least one.
    """
    own = [*values]
    try:
        return math.fsum(own) / len(own)
    except OverflowError:
        return math.fsum(value * _SMALLER for value in own) / len(own) / _SMALLER
    except ValueError:  # inf - inf
        return math.nan


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean, ``s / sqrt(n)``; ``nan`` if a value is not finite.

    >>> standard_error([1e308, -1e308]) == 1e308
    True

    Args:
        values: At least two.
    """
    if not all(map(math.isfinite, values)):
        return math.nan
    try:
        return stdev(values) / math.sqrt(len(values))
    except OverflowError:
        return stdev([value * _SMALLER for value in values]) / math.sqrt(len(values)) / _SMALLER
