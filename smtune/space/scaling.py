"""Scalings: monotone maps between a parameter's natural unit and the axis on which draws are uniform."""

from __future__ import annotations

import math
from enum import StrEnum


class Scaling(StrEnum):
    """SageMaker's scaling types.

    ``Auto`` leaves the choice to whoever searches. Here it means ``Logarithmic`` for ranges of positive numbers
    that span three orders of magnitude or more, and ``Linear`` otherwise; on SageMaker the service decides.
    """

    Auto = "Auto"
    Linear = "Linear"
    Logarithmic = "Logarithmic"
    ReverseLogarithmic = "ReverseLogarithmic"

    @classmethod
    def parse(cls, text: object) -> Scaling | None:
        """Return the scaling that ``text`` names, whatever its case, or ``None``.

        >>> Scaling.parse("logarithmic")
        <Scaling.Logarithmic: 'Logarithmic'>
        """
        if isinstance(text, str):
            for member in cls:
                if member.value.lower() == text.replace("-", "").replace("_", "").strip().lower():
                    return member
        return None

    def resolve(self, low: float, high: float) -> Scaling:
        """Return what ``Auto`` means for the range ``[low, high]``; the others mean themselves."""
        if self is not Scaling.Auto:
            return self
        # A little less than 1000, which the ratio of two rounded decimals may miss.
        return Scaling.Logarithmic if low > 0 and high / low > 999.999 else Scaling.Linear

    def forward(self, value: float) -> float:
        """Map a natural value to the axis; defined for resolved scalings."""
        if self is Scaling.Logarithmic:
            return math.log10(value)  # to base 10, in which users think: half-way from 0.01 to 1 is 0.1
        if self is Scaling.ReverseLogarithmic:
            return -math.log1p(-value)
        return value

    def backward(self, position: float) -> float:
        """Map a position on the axis back to the natural value; inverse of :meth:`forward`."""
        if self is Scaling.Logarithmic:
            return float(10.0**position)
        if self is Scaling.ReverseLogarithmic:
            return -math.expm1(-position)
        return position

    def slope(self, value: float) -> float:
        """Return by how much :meth:`backward` moves the natural value per unit of the axis, at ``value``.

        >>> Scaling.ReverseLogarithmic.slope(0.9)  # d(1 - exp(-p))/dp = exp(-p), where p = -log(1 - 0.9)
        0.09999999999999998
        """
        if self is Scaling.Logarithmic:
            return math.log(10) * value
        if self is Scaling.ReverseLogarithmic:
            return 1 - value
        return 1.0
