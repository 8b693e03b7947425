"""A Gaussian process with its hyperparameters at their most probable values.

Rasmussen and Williams (2006), *Gaussian Processes for Machine Learning*: algorithm 2.1 for predictions, equation 2.30
for the likelihood, equation 5.9 for its gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtrmm
from scipy.linalg.lapack import dpotrf, dpotri, dtrtri
from scipy.optimize import minimize

from smtune.strategies.bayesian.coding import Points
from smtune.strategies.bayesian.kernels import Array, Kernel
from smtune.strategies.bayesian.responses import Vector

LENGTHS, VARIANCE, NOISE = (0.03, 50.0), (np.exp(-4.0), np.exp(4.0)), (np.exp(-14.0), np.exp(1.0))
"""Bounds of the hyperparameters."""

_LENGTH_SPREAD = 3.0
_NOISE_MEAN, _NOISE_SPREAD = -6.0, 4.0
_JITTERS = (0.0, 1e-6, 1e-4, 1e-2, 1e-1)
"""Added to the diagonal, as shares of the variance, until the matrix is positive definite."""

_HUGE = 1e25
"""Stands for the loss where there is none, so that the optimiser steps back."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Of a Gaussian process on responses of mean 0 and standard deviation 1.

    Attributes:
        lengths: Length-scale per coordinate, shape ``(dimensions,)``: over what distance the function changes.
        variance: Of the function.
        noise: Variance of what the function does not explain.
    """

    lengths: NDArray[np.float64]
    variance: float
    noise: float

    @classmethod
    def at_start(cls, dimensions: int) -> Self:
        """Return what a fit may begin with."""
        return cls(np.full(dimensions, 0.5), 1.0, float(np.exp(-5.0)))

    def logarithms(self) -> Vector:
        """Return them as an optimiser sees them, shape ``(dimensions + 2,)``."""
        return np.concatenate([np.log(self.lengths), [np.log(self.variance), np.log(self.noise)]])

    @classmethod
    def from_logarithms(cls, theta: Vector) -> Self:
        """Return what an optimiser has found."""
        return cls(np.exp(theta[:-2]), float(np.exp(theta[-2])), float(np.exp(theta[-1])))


def squared_differences(first: Points, second: Points, nominal: NDArray[np.bool_]) -> Array:
    """Return squared differences per coordinate, shape ``(dimensions, len(first), len(second))``.

    Unordered choices differ by 0 or 1.
    """
    differences = first.T[:, :, None] - second.T[:, None, :]
    np.square(differences, out=differences)
    np.minimum(differences, 1.0, out=differences, where=nominal[:, None, None])
    return differences


def scaled_distances(first: Points, second: Points, nominal: NDArray[np.bool_], lengths: Vector) -> Array:
    """Return squared distances in units of the length-scales, shape ``(len(first), len(second))``."""
    choices = [int(max(first[:, place].max(), second[:, place].max())) + 1 for place in np.flatnonzero(nominal)]
    one = _embedded(first, nominal, lengths, choices)
    two = _embedded(second, nominal, lengths, choices)
    # |a - b|**2 = |a|**2 + |b|**2 - 2 a'b, in one product.
    square_one, square_two = np.einsum("ij,ij->i", one, one), np.einsum("ij,ij->i", two, two)
    left = np.column_stack([one, square_one, np.ones(len(one))])
    right = np.column_stack([-2.0 * two, np.ones(len(two)), square_two])
    distances: Array = left @ right.T
    return np.maximum(distances, 0.0, out=distances)  # the difference of nearly equal numbers may be below 0


def _embedded(points: Points, nominal: NDArray[np.bool_], lengths: Vector, choices: list[int]) -> Points:
    """Return points whose Euclidean distances are the scaled ones; an unordered choice is a corner of a simplex."""
    columns = [points[:, ~nominal] / lengths[~nominal]]
    for place, count in zip(np.flatnonzero(nominal), choices, strict=True):
        columns.append((points[:, place, None] == np.arange(count)) / (np.sqrt(2.0) * lengths[place]))
    return np.concatenate(columns, axis=1)


def fit(
    kernel: Kernel, points: Points, responses: Vector, nominal: NDArray[np.bool_], *, starts: list[Hyperparameters]
) -> tuple[Hyperparameters, float]:
    """Return the most probable hyperparameters (MAP), and minus their log posterior density but for a constant.

    The prior of the length-scales is log-normal and grows with the root of the dimension (Hvarfner, Hellsten and
    Nardi, 2024, equation 8, its mean lowered by 1), so that distances between random points look alike in any
    dimension; those of variance and noise are log-normal, too.

    Args:
        kernel: Of variance 1.
        points: Shape ``(n, dimensions)``.
        responses: Shape ``(n,)``.
        nominal: Which coordinates are unordered.
        starts: Where the optimiser begins; the best end counts.
    """
    objective = _Posterior(kernel, points, responses, nominal)
    bounds = [tuple(np.log(LENGTHS))] * points.shape[1] + [tuple(np.log(VARIANCE)), tuple(np.log(NOISE))]
    best, least = starts[0], np.inf
    for start in starts:
        found = minimize(
            objective, start.logarithms(), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 40}
        )
        if found.fun < least and np.isfinite(found.x).all():
            best, least = Hyperparameters.from_logarithms(found.x), float(found.fun)
    return best, least


class _Posterior:
    """Minus the log posterior density of the logarithms of the hyperparameters, with its gradient."""

    def __init__(self, kernel: Kernel, points: Points, responses: Vector, nominal: NDArray[np.bool_]) -> None:
        self._kernel = kernel
        self._responses = responses
        self._count, dimensions = points.shape
        self._differences = squared_differences(points, points, nominal).reshape(dimensions, -1)
        self._length_mean = np.sqrt(2.0) - 1.0 + 0.5 * np.log(dimensions)

    def __call__(self, theta: Vector) -> tuple[float, Vector]:
        """Return the value and the gradient, shape ``(dimensions + 2,)``."""
        count = self._count
        weights = np.exp(-2.0 * theta[:-2])
        variance, noise = np.exp(theta[-2]), np.exp(theta[-1])
        value, slope = self._kernel.value_and_slope((weights @ self._differences).reshape(count, count))
        covariance = variance * value
        covariance.flat[:: count + 1] += noise
        factor, problem = dpotrf(covariance, lower=1, clean=1, overwrite_a=0)
        if problem:
            return _HUGE, np.zeros_like(theta)
        inverse = _symmetric(dpotri(factor, lower=1)[0])
        alpha = inverse @ self._responses
        fit = 0.5 * self._responses @ alpha + np.log(np.diag(factor)).sum()
        # Equation 5.9: dL/dtheta = tr((K^-1 - alpha alpha') dK/dtheta) / 2.
        inverse -= np.outer(alpha, alpha)
        gradient = np.empty_like(theta)
        slope *= inverse
        gradient[:-2] = 0.5 * variance * weights * (self._differences @ slope.ravel())
        gradient[-2] = 0.5 * variance * np.vdot(inverse, value)
        gradient[-1] = 0.5 * noise * np.trace(inverse)
        lengths = theta[:-2] - self._length_mean
        excess = theta[-1] - _NOISE_MEAN
        fit += 0.5 * lengths @ lengths / _LENGTH_SPREAD + 0.5 * theta[-2] ** 2 + 0.5 * excess**2 / _NOISE_SPREAD
        gradient[:-2] += lengths / _LENGTH_SPREAD
        gradient[-2] += theta[-2]
        gradient[-1] += excess / _NOISE_SPREAD
        return float(fit), gradient


def _symmetric(lower: Array) -> Array:
    """Return the matrix of which LAPACK has filled the lower half."""
    matrix: Array = np.tril(lower)
    matrix += np.tril(lower, -1).T
    return matrix


class GaussianProcess:
    """Predicts responses from those that were seen.

    Args:
        kernel: Of variance 1.
        hyperparameters: As :func:`fit` finds them.
        points: Shape ``(n, dimensions)``.
        responses: Shape ``(n,)``.
        nominal: Which coordinates are unordered.
    """

    def __init__(
        self,
        kernel: Kernel,
        hyperparameters: Hyperparameters,
        points: Points,
        responses: Vector,
        nominal: NDArray[np.bool_],
    ) -> None:
        self.hyperparameters = hyperparameters
        self._kernel = kernel
        self._nominal = nominal
        self._points = points
        self._responses = responses
        self._whitening = self._inverse_factor()
        self._alpha = self._whitening.T @ (self._whitening @ responses)

    def _inverse_factor(self) -> Array:
        """Return the inverse of the lower Cholesky factor of the covariance."""
        correlation = self._kernel.value(self.distances(self._points))
        variance, noise = self.hyperparameters.variance, self.hyperparameters.noise
        for jitter in _JITTERS:
            covariance = variance * correlation
            covariance.flat[:: len(covariance) + 1] += noise + jitter * variance
            factor, problem = dpotrf(covariance, lower=1, clean=1, overwrite_a=1)
            if not problem:
                inverse: Array = dtrtri(factor, lower=1, overwrite_c=1)[0]
                return inverse
        # Not even then: the variance dwarfs everything, and the responses' own mean is the best guess.
        diagonal: Array = np.eye(len(covariance), order="F") / np.sqrt(variance + noise)
        return diagonal

    def distances(self, points: Points) -> Array:
        """Return squared scaled distances to the points that were seen, shape ``(count, n)``."""
        return scaled_distances(points, self._points, self._nominal, self.hyperparameters.lengths)

    def predict(self, points: Points) -> tuple[Vector, Vector]:
        """Return the mean and the variance of the function, without noise, each of shape ``(count,)``."""
        variance = self.hyperparameters.variance
        covariance = variance * self._kernel.value(self.distances(points))
        mean = covariance @ self._alpha
        whitened = dtrmm(1.0, self._whitening, covariance.T, lower=1, overwrite_b=1)  # half the work of a solution
        explained = np.einsum("ij,ij->j", whitened, whitened)
        return mean, np.maximum(variance - explained, 1e-12 * variance)

    def believing(self, points: Points) -> GaussianProcess:
        """Return the process that takes its own mean at these points for what was seen there.

        The kriging believer of Ginsbourger, Le Riche and Carraro (2010, section 4.2): trials under way lose what makes
        them interesting, and nothing else is assumed of them.
        """
        mean, _ = self.predict(points)
        return GaussianProcess(
            self._kernel,
            self.hyperparameters,
            np.concatenate([self._points, points]),
            np.concatenate([self._responses, mean]),
            self._nominal,
        )
