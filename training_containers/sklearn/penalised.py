"""Ridge and logistic regression, and how their validation loss changes with their penalties."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

# The hypergradient is that of the optimum, so the optimum must be met: its error grows with the distance from it.
_GRADIENT_NORM = 1e-9
_MOST_NEWTON_STEPS = 100


class Regression(ABC):
    """A linear model with a twice differentiable loss; scores are ``features @ weights``, the last weight the intercept."""

    name: str
    """The metric that :meth:`loss` is, after the channel's name."""

    @abstractmethod
    def loss(self, scores: Array, labels: Array) -> float:
        """Return the mean loss that validation measures."""

    @abstractmethod
    def derivatives(self, scores: Array, labels: Array) -> tuple[Array, Array]:
        """Return first and second derivative with respect to the score of each row's training loss."""

    @abstractmethod
    def slope(self, scores: Array, labels: Array) -> Array:
        """Return the derivative of :meth:`loss` with respect to every score."""

    def fit(self, features: Array, labels: Array, penalties: Array) -> Array:
        """Return the weights that minimise the sum of the training losses and of ``penalties / 2 * weights ** 2``.

        Newton's method, with steps halved until the gradient becomes smaller: the objective is strictly convex.

        Args:
            features: Shape ``(rows, columns)``; the last column is all ones.
            labels: Shape ``(rows,)``.
            penalties: Shape ``(columns,)``; the last one is zero.

        Raises:
            ArithmeticError: The weights do not settle.
        """
        weights = np.zeros(features.shape[1])
        gradient, hessian = self._training(features, labels, penalties, weights)
        enough = _GRADIENT_NORM * max(1.0, float(np.linalg.norm(gradient)))
        for _ in range(_MOST_NEWTON_STEPS):
            if np.linalg.norm(gradient) <= enough:
                return weights
            step = np.linalg.solve(hessian, gradient)
            length = 1.0
            while length > 1e-10:
                tried = weights - length * step
                slope, curvature = self._training(features, labels, penalties, tried)
                if np.linalg.norm(slope) < np.linalg.norm(gradient):
                    break
                length /= 2
            weights, gradient, hessian = tried, slope, curvature
        raise ArithmeticError(f"the weights did not settle in {_MOST_NEWTON_STEPS} steps: raise the penalties")

    def hypergradient(self, learnt: Fit, features: Array, labels: Array) -> Array:
        """Return the derivative of the validation loss with respect to the penalty of each column.

        By the implicit function theorem (Bengio, 2000; Pedregosa, 2016): the weights follow their
        optimality condition, so the derivative is minus the mixed derivative of the training objective, which is the
        weight itself, times its inverse Hessian times the gradient of the validation loss.

        Args:
            learnt: The optimum and what it was learnt from.
            features: Rows to validate on, shape ``(rows, columns)``.
            labels: Shape ``(rows,)``.

        Returns:
            Shape ``(columns,)``; the last one is that of the intercept.
        """
        weights = learnt.weights
        gradient = features.T @ self.slope(features @ weights, labels)
        _, hessian = self._training(learnt.features, learnt.labels, learnt.penalties, weights)
        product: Array = -weights * np.linalg.solve(hessian, gradient)
        return product

    def _training(self, features: Array, labels: Array, penalties: Array, weights: Array) -> tuple[Array, Array]:
        """Return gradient and Hessian of the training objective."""
        first, second = self.derivatives(features @ weights, labels)
        gradient: Array = features.T @ first + penalties * weights
        hessian: Array = (features.T * second) @ features + np.diag(penalties)
        return gradient, hessian


@dataclass(frozen=True)
class Fit:
    """Weights at the optimum of their training objective.

    Attributes:
        weights: Shape ``(columns,)``.
        features: What was learnt from, shape ``(rows, columns)``.
        labels: Shape ``(rows,)``.
        penalties: Shape ``(columns,)``.
    """

    weights: Array
    features: Array
    labels: Array
    penalties: Array


class Ridge(Regression):
    """Half the squared error in training, as scikit-learn's ``Ridge``; the mean squared error in validation."""

    name = "mse"

    def loss(self, scores: Array, labels: Array) -> float:
        """Return the mean squared error."""
        return float(np.mean((scores - labels) ** 2))

    def derivatives(self, scores: Array, labels: Array) -> tuple[Array, Array]:
        """Return the residuals, and ones."""
        return scores - labels, np.ones(len(labels))

    def slope(self, scores: Array, labels: Array) -> Array:
        """Return the derivative of the mean squared error."""
        derivative: Array = 2 * (scores - labels) / len(labels)
        return derivative


class Logistic(Regression):
    """The log loss, of labels 0 and 1; in training as scikit-learn's ``LogisticRegression`` with ``C = 1 / alpha``."""

    name = "logloss"

    def loss(self, scores: Array, labels: Array) -> float:
        """Return the mean log loss."""
        return float(np.mean(np.logaddexp(0, scores) - labels * scores))

    def derivatives(self, scores: Array, labels: Array) -> tuple[Array, Array]:
        """Return the errors of the probabilities, and their variances."""
        probabilities = 0.5 * (1 + np.tanh(scores / 2))
        return probabilities - labels, probabilities * (1 - probabilities)

    def slope(self, scores: Array, labels: Array) -> Array:
        """Return the derivative of the mean log loss."""
        errors, _ = self.derivatives(scores, labels)
        derivative: Array = errors / len(labels)
        return derivative
