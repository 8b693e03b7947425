"""Whether reported derivatives are those of the reported objective."""

from __future__ import annotations

from smtune.strategies.gradient.coordinates import Vector
from smtune.strategies.gradient.descent import Evaluation, difference, dot

DISTANCE = 0.01
"""How far the second point lies from the first along every coordinate, as a share of the scaled range."""

DISAGREEMENT = 0.1
"""Share of the larger one by which the change of the loss and what the derivatives foretell may differ."""

RESOLUTION = 1e-6
"""Share of the loss below which a change says nothing: training often ends no closer to its optimum."""


def probe(base: Evaluation) -> Vector:
    """Return a point near another one, along the descent of every coordinate that has room for it.

    All changes then have the same sign and cannot cancel, so that a wrong derivative shows, unless it is small beside
    the others. Where no coordinate has room to descend, as in a minimum at a corner, it is the ascent of all of them.
    """
    downward = [-DISTANCE if derivative > 0 else DISTANCE for derivative in base.gradient]
    moves = [move if 0 <= position + move <= 1 else 0.0 for position, move in zip(base.point, downward, strict=True)]
    if not any(moves):
        moves = [-move for move in downward]
    return [position + move for position, move in zip(base.point, moves, strict=True)]


def disagreement(base: Evaluation, other: Evaluation) -> str | None:
    """Return how the change of the loss from one point to another differs from what its derivatives foretell.

    The slope in between is taken for the mean of both ends (the trapezoidal rule), so curvature makes no difference.

    Returns:
        Both numbers and what may be wrong, in one line; ``None`` if they agree within a tenth of the larger one.
    """
    move = difference(other.point, base.point)
    foretold = (dot(base.gradient, move) + dot(other.gradient, move)) / 2
    change = other.loss - base.loss
    allowed = DISAGREEMENT * max(abs(change), abs(foretold)) + RESOLUTION * max(abs(base.loss), abs(other.loss))
    if abs(change - foretold) <= allowed:
        return None
    if abs(change + foretold) <= allowed:
        remedy = "the sign is wrong"
    else:
        remedy = (
            "derive the objective itself, with respect to the parameter as the script receives it, not its logarithm"
        )
    return f"the loss changed by {change:.4g} where the derivatives foretell {foretold:.4g}: {remedy}"
