"""What every descent does: points in the box [0, 1]^n, one at a time, each told before the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from smtune.strategies.gradient.coordinates import Vector

MOST_FAILURES = 3
"""A descent is given up when so many trials in a row fail, each half as far from the last good point as the one before."""

ROUNDING = 1e-12
"""Distance from a bound that is none."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A point of the unit cube with the loss and its derivatives there."""

    point: Vector
    loss: float
    gradient: Vector


class Descent(ABC):
    """A walk from a start to a minimum near it, as a state machine: every evaluation is a trial that may take hours.

    A worked sequence::

        descent.point           # where to evaluate next; None: it came to its end
        descent.observe(...)    # what came of that
        descent.point

    Args:
        start: The start and what is known there.
        tolerance: The descent ends when no component of the gradient that leads into the box exceeds this share of the
            largest one at the start. Subclasses add how small a decrease ends it.
    """

    def __init__(self, start: Evaluation, *, tolerance: float) -> None:
        self._tolerance = tolerance
        self._enough = tolerance * largest(inward(start.point, start.gradient))
        self._failures = 0
        self.point: Vector | None = None

    def observe(self, evaluation: Evaluation) -> None:
        """Take in what came of :attr:`point`, and move it."""
        self._failures = 0
        self.point = self._next(evaluation)

    def fail(self) -> None:
        """Take in that there is no result at :attr:`point`; go half as far, or give up."""
        self._failures += 1
        self.point = None if self._failures > MOST_FAILURES else self._nearer()

    @abstractmethod
    def _next(self, evaluation: Evaluation) -> Vector | None:
        """Return the point after the present one, or ``None`` at the end."""

    @abstractmethod
    def _nearer(self) -> Vector:
        """Return the point half-way between the present one and the last that had a result."""

    def _stationary(self, evaluation: Evaluation) -> bool:
        return largest(inward(evaluation.point, evaluation.gradient)) <= self._enough


def clipped(point: Vector) -> Vector:
    """Return the nearest point of the box; what rounding alone keeps from a bound is at it."""
    return [0.0 if position < ROUNDING else 1.0 if position > 1 - ROUNDING else position for position in point]


def moved(point: Vector, direction: Vector, length: float = 1.0) -> Vector:
    """Return where ``length`` times a direction leads from a point of the box, projected back onto it."""
    return clipped([position + length * part for position, part in zip(point, direction, strict=True)])


def difference(one: Vector, other: Vector) -> Vector:
    """Return ``one - other``."""
    return [first - second for first, second in zip(one, other, strict=True)]


def dot(one: Vector, other: Vector) -> float:
    """Return the inner product."""
    return sum(first * second for first, second in zip(one, other, strict=True))


def largest(vector: Vector) -> float:
    """Return the largest magnitude in a vector."""
    return max(map(abs, vector), default=0.0)


def is_free(position: float, derivative: float) -> bool:
    """Return whether the loss can be lowered along this coordinate without leaving the box (Bertsekas, 1982)."""
    return not (position <= 0 and derivative > 0) and not (position >= 1 and derivative < 0)


def inward(point: Vector, gradient: Vector) -> Vector:
    """Return the gradient, zero where its descent leads out of the box; all zero at a stationary point."""
    return [
        derivative if is_free(position, derivative) else 0.0
        for position, derivative in zip(point, gradient, strict=True)
    ]
