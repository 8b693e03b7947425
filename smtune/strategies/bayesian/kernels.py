"""Covariance functions of the scaled distance, with what their gradients need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

_SQRT5 = np.sqrt(5.0)
_TINY = 1e-10
"""Added to the squared distance where its root is divided by, alike in values and gradients."""


class Kernel(ABC):
    """A stationary kernel of variance 1.

    With the scaled distance ``r**2 = sum_k d_k**2 / l_k**2``, the derivative of the kernel by ``log l_k`` is
    ``slope(r) * d_k**2 / l_k**2`` (Rasmussen and Williams, 2006, section 5.1): one matrix serves all length-scales.
    """

    @abstractmethod
    def value(self, squared: Array) -> Array:
        """Return the correlation at squared scaled distances of any shape."""

    @abstractmethod
    def value_and_slope(self, squared: Array) -> tuple[Array, Array]:
        """Return the correlation, and what its derivatives share."""


class Matern52(Kernel):
    """Twice differentiable (Rasmussen and Williams, 2006, equation 4.17; Snoek, Larochelle and Adams, 2012)."""

    def value(self, squared: Array) -> Array:
        """Return ``(1 + sqrt5 r + 5 r**2 / 3) exp(-sqrt5 r)``."""
        root = np.sqrt(squared)
        root *= _SQRT5
        value = root + 1.0
        value += (5.0 / 3.0) * squared
        np.negative(root, out=root)
        value *= np.exp(root, out=root)
        return value

    def value_and_slope(self, squared: Array) -> tuple[Array, Array]:
        """Return the correlation and ``(5/3) (1 + sqrt5 r) exp(-sqrt5 r)``."""
        root = np.sqrt(squared)
        root *= _SQRT5
        decay = np.exp(-root)
        root += 1.0
        slope = root * decay
        value = slope + (5.0 / 3.0) * squared * decay
        slope *= 5.0 / 3.0
        return value, slope


class Matern12(Kernel):
    """Continuous but rough, the exponential kernel (Rasmussen and Williams, 2006, equation 4.18)."""

    def value(self, squared: Array) -> Array:
        """Return ``exp(-r)``."""
        root = np.sqrt(squared + _TINY)
        np.negative(root, out=root)
        return np.exp(root, out=root)

    def value_and_slope(self, squared: Array) -> tuple[Array, Array]:
        """Return the correlation and ``exp(-r) / r``."""
        root = np.sqrt(squared + _TINY)
        value = np.exp(-root)
        return value, value / root
