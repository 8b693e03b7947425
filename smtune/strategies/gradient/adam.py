"""Adam in a box."""

from __future__ import annotations

from smtune.strategies.gradient.coordinates import Vector
from smtune.strategies.gradient.descent import Descent, Evaluation, clipped

FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8
"""As recommended by Kingma and Ba (2015), algorithm 1."""

PATIENCE = 10
"""Steps in a row that do not lower the best loss by more than the tolerance before the descent has come to its end."""


class ProjectedAdam(Descent):
    """Steps by the mean of the gradients, relative to their spread (Kingma and Ba, 2015, algorithm 1), kept in the box.

    Steps become shorter with the square root of their number (Kingma and Ba, 2015, section 4).

    Args:
        start: The start and what is known there.
        step: Largest coordinate of the first move: the learning rate.
        tolerance: The descent ends at a gradient of this share of the first, or after ten steps in a row
            none of which adds more than this share to the decrease so far.
    """

    def __init__(self, start: Evaluation, *, step: float, tolerance: float) -> None:
        super().__init__(start, tolerance=tolerance)
        self._step = step
        self._count = 0
        self._first = [0.0] * len(start.point)
        self._second = [0.0] * len(start.point)
        self._first_loss = self._lowest = start.loss
        self._in_vain = 0
        self._here = self._target = start.point
        self.point = self._depart(start)

    def _next(self, evaluation: Evaluation) -> Vector | None:
        if self._lowest - evaluation.loss > self._tolerance * max(0.0, self._first_loss - evaluation.loss):
            self._lowest, self._in_vain = evaluation.loss, 0
        else:
            self._in_vain += 1
        return None if self._in_vain >= PATIENCE else self._depart(evaluation)

    def _nearer(self) -> Vector:
        self._target = [(here + there) / 2 for here, there in zip(self._here, self._target, strict=True)]
        return self._target

    def _depart(self, evaluation: Evaluation) -> Vector | None:
        if self._stationary(evaluation):
            return None
        self._count += 1
        gradient = evaluation.gradient
        self._first = _decayed(self._first, gradient, FIRST_DECAY)
        self._second = _decayed(self._second, [part * part for part in gradient], SECOND_DECAY)
        rate = self._step / self._count**0.5
        first_bias, second_bias = 1 - FIRST_DECAY**self._count, 1 - SECOND_DECAY**self._count
        self._here = evaluation.point
        self._target = clipped(
            [
                position - rate * (first / first_bias) / ((second / second_bias) ** 0.5 + EPSILON)
                for position, first, second in zip(evaluation.point, self._first, self._second, strict=True)
            ]
        )
        return self._target


def _decayed(mean: Vector, news: Vector, decay: float) -> Vector:
    return [decay * old + (1 - decay) * new for old, new in zip(mean, news, strict=True)]
