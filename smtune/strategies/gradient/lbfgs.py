"""L-BFGS in a box."""

from __future__ import annotations

import math
from collections import deque

from smtune.strategies.gradient.coordinates import Vector
from smtune.strategies.gradient.descent import (
    Descent,
    Evaluation,
    difference,
    dot,
    inward,
    is_free,
    largest,
    moved,
)

PAIRS = 10
"""Steps that the curvature is learned from; Nocedal and Wright (2006), section 7.2, find 3 to 20 enough."""

SUFFICIENT = 1e-4
"""Share of the decrease foretold by the slope that a step must bring; Nocedal and Wright (2006), eq. 3.4."""

LONGEST = 0.5
"""Farthest that one step goes along any coordinate: a small curvature measured far away says little."""

NEAR = 0.1
"""A bound is near that a move meets before this share of it."""

MOST_BACKTRACKS = 8
"""Shorter and shorter steps in a row before the descent has come to its end: the noise of the loss hides its slope."""

SMALL_DECREASES = 2
"""Steps in a row that lower the loss by no more than the tolerance before the descent has come to its end."""


class ProjectedLbfgs(Descent):
    """Projected quasi-Newton descent with limited memory (Nocedal and Wright, 2006, algorithm 7.4; Bertsekas, 1982).

    Coordinates at a bound that the loss pushes outward stay there; the others move by the inverse Hessian of the last
    steps, restricted to them, up to the first bound. Steps are shortened until they bring a sufficient decrease. A step
    that does at its full length costs one trial, since value and gradient come together.

    Args:
        start: The start and what is known there.
        step: Largest coordinate of the first move.
        tolerance: The descent ends at a gradient of this share of the first, or after two steps in a row each of which
            adds no more than this share to the decrease so far.
    """

    def __init__(self, start: Evaluation, *, step: float, tolerance: float) -> None:
        super().__init__(start, tolerance=tolerance)
        self._step = step
        self._pairs: deque[tuple[Vector, Vector]] = deque(maxlen=PAIRS)
        self._small_decreases = 0
        self._first_loss = start.loss
        self._stretch = 1.0
        self.point = self._depart(start)

    def _next(self, evaluation: Evaluation) -> Vector | None:
        best = self._best
        move = difference(evaluation.point, best.point)
        slope = dot(best.gradient, move)
        if evaluation.loss > best.loss + SUFFICIENT * slope:
            return self._backtrack(evaluation.loss - best.loss, slope)
        change = difference(evaluation.gradient, best.gradient)
        if dot(move, change) > 1e-10 * dot(change, change) ** 0.5 * dot(move, move) ** 0.5:
            self._pairs.append((move, change))
            self._stretch = 1.0
            is_small = best.loss - evaluation.loss <= self._tolerance * (self._first_loss - evaluation.loss)
            self._small_decreases = self._small_decreases + 1 if is_small else 0
            if self._small_decreases >= SMALL_DECREASES:
                return None
        else:  # the loss falls ever faster, as at the edge of a plateau: no curvature to learn, and no end in sight
            self._stretch *= 2
        return self._depart(evaluation)

    def _nearer(self) -> Vector:
        self._length /= 2
        return moved(self._best.point, self._direction, self._length)

    def _depart(self, best: Evaluation) -> Vector | None:
        """Return the first point of the line search from a new best point."""
        self._best, self._length, self._backtracks = best, 1.0, 0
        if self._stationary(best):
            return None
        self._direction = self._feasible_direction()
        return moved(best.point, self._direction)

    def _backtrack(self, rise: float, slope: float) -> Vector | None:
        """Return a point nearer to the best one, at the minimum of the parabola through what is known of the line.

        Nocedal and Wright (2006), eq. 3.58, kept between a tenth and a half of the present step.
        """
        self._backtracks += 1
        if self._backtracks > MOST_BACKTRACKS:
            return None
        self._length *= min(max(-slope / (2 * (rise - slope)), 0.1), 0.5)
        return moved(self._best.point, self._direction, self._length)

    def _feasible_direction(self) -> Vector:
        """Return a move that lowers the loss at first and stays in the box: it ends at the first bound on its way.

        Beyond a bound no projection follows the move, since what the other coordinates do is right only together with
        the one that would stay behind. One whose bound is near would hold them up: it goes there, and they on their own.
        """
        point, gradient = self._best.point, self._best.gradient
        free = [is_free(position, derivative) for position, derivative in zip(point, gradient, strict=True)]
        move = [0.0] * len(point)
        while (direction := self._quasi_newton(free)) is not None:
            share, place = _first_bound(point, direction)
            if share >= NEAR:
                move = [made + min(share, 1.0) * part for made, part in zip(move, direction, strict=True)]
                break
            free[place] = False
            move[place] = share * direction[place]
        if dot(gradient, move) < 0:
            return move
        slope = inward(point, gradient)
        length = min(self._stretch * self._step, LONGEST) / largest(slope)
        return difference(moved(point, slope, -length), point)

    def _quasi_newton(self, free: list[bool]) -> Vector | None:
        """Return minus the inverse Hessian times the gradient, on these coordinates; ``None`` without curvature."""
        pairs = [(_masked(move, free), _masked(change, free)) for move, change in self._pairs]
        pairs = [(move, change) for move, change in pairs if dot(move, change) > 0]
        slope = _masked(self._best.gradient, free)
        if not pairs or not any(slope):
            return None
        direction = _inverse_hessian_times(slope, pairs)
        length = min(self._stretch, LONGEST / largest(direction))
        return [-length * part for part in direction]


def _first_bound(point: Vector, direction: Vector) -> tuple[float, int]:
    """Return the share of a move after which it meets a bound, and the coordinate that does."""
    shares = [
        ((1.0 if part > 0 else 0.0) - position) / part if part else math.inf
        for position, part in zip(point, direction, strict=True)
    ]
    return min((share, place) for place, share in enumerate(shares))


def _masked(vector: Vector, free: list[bool]) -> Vector:
    return [part if is_kept else 0.0 for part, is_kept in zip(vector, free, strict=True)]


def _inverse_hessian_times(vector: Vector, pairs: list[tuple[Vector, Vector]]) -> Vector:
    """Return the two-loop recursion's product (Nocedal and Wright, 2006, algorithm 7.4).

    Args:
        vector: What is multiplied.
        pairs: Moves and the changes of the gradient along them, oldest first, with positive inner products.
    """
    shares = []
    for move, change in reversed(pairs):
        share = dot(move, vector) / dot(move, change)
        shares.append(share)
        vector = [part - share * by for part, by in zip(vector, change, strict=True)]
    move, change = pairs[-1]
    scale = dot(move, change) / dot(change, change)  # eq. 7.20
    vector = [scale * part for part in vector]
    for (move, change), share in zip(pairs, reversed(shares), strict=True):
        correction = share - dot(change, vector) / dot(move, change)
        vector = [part + correction * by for part, by in zip(vector, move, strict=True)]
    return vector
