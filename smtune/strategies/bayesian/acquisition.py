"""How promising points are."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, ndtr

from smtune.strategies.bayesian.responses import Vector

_LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
_SQRT_HALF_PI = np.sqrt(0.5 * np.pi)
_SQRT_HALF = np.sqrt(0.5)


def log_expected_improvement(mean: Vector, variance: Vector, target: float) -> Vector:
    """Return the logarithm of the expected improvement on a target, for minimisation.

    Far from the target the improvement itself underflows to 0, where no point is better than another; its logarithm
    does not (Ament, Daulton, Eriksson, Balandat and Bakshy, 2023, equations 8 and 9).

    Args:
        mean: Of the prediction, shape ``(n,)``.
        variance: Positive, shape ``(n,)``.
        target: What is to be improved on.
    """
    deviation = np.sqrt(variance)
    z = (target - mean) / deviation
    result = np.empty_like(z)
    near = z > -1.0
    close = z[near]
    result[near] = np.log(np.exp(-0.5 * close * close - _LOG_SQRT_2PI) + close * ndtr(close))
    far = z[~near]
    # phi(z) + z Phi(z) = phi(z) (1 - sqrt(pi/2) |z| erfcx(|z| / sqrt2)); the bracket is 1/z**2 in the limit.
    with np.errstate(divide="ignore"):
        bracket = np.where(
            far > -1e5,
            np.log1p(-np.minimum(_SQRT_HALF_PI * -far * erfcx(-far * _SQRT_HALF), 1.0 - 1e-15)),
            -2.0 * np.log(-far),
        )
    result[~near] = -0.5 * far * far - _LOG_SQRT_2PI + bracket
    result += np.log(deviation)
    return result
