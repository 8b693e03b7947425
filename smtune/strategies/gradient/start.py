"""What happens from one start: its own trial, perhaps the check of its derivatives, then the descent."""

from __future__ import annotations

from collections.abc import Callable

from smtune.strategies.gradient.check import disagreement, probe
from smtune.strategies.gradient.coordinates import Vector
from smtune.strategies.gradient.descent import MOST_FAILURES, Descent, Evaluation


class Start:
    """A sequence of points, each of which waits for what came of the one before.

    Attributes:
        place: Which start it is, from 0.
        point: What to evaluate next; ``None`` at the end.
        is_waiting: Whether :attr:`point` is being evaluated.
        checks: Whether it compares its first derivatives with a finite difference.
        is_checked: Whether that was done.

    Args:
        place: Which start it is, from 0.
        point: Its first point.
        descend: Begins the descent.
        checks: Whether it compares its first derivatives with a finite difference.
    """

    def __init__(self, place: int, point: Vector, descend: Callable[[Evaluation], Descent], *, checks: bool) -> None:
        self.place = place
        self.point: Vector | None = point
        self.is_waiting = False
        self.checks = checks
        self.is_checked = False
        self._descend = descend
        self._base: Evaluation | None = None
        self._base_number = 0
        self._probes_failed = 0
        self._descent: Descent | None = None

    @property
    def origin(self) -> str:
        """What :attr:`point` is good for."""
        if self._base is None:
            return f"start {self.place}"
        return f"check of start {self.place}" if self._descent is None else f"descent from start {self.place}"

    def take(self, evaluation: Evaluation | None, number: int) -> str | None:
        """Take in what came of :attr:`point`, and move it.

        Args:
            evaluation: ``None`` if there is no result.
            number: The trial.

        Returns:
            How the derivatives disagree with the losses, if they do.
        """
        self.is_waiting = False
        if self._descent is not None:
            self._go_on(self._descent, evaluation)
        elif self._base is not None:
            return self._compare(self._base, evaluation, number)
        elif evaluation is None:
            self.point = None
        else:
            self._base, self._base_number = evaluation, number
            if self.checks and evaluation.point:
                self.point = probe(evaluation)
            else:
                self._depart(evaluation)
        return None

    def _compare(self, base: Evaluation, evaluation: Evaluation | None, number: int) -> str | None:
        if evaluation is None:
            self._probes_failed += 1
            nearer = [(here + there) / 2 for here, there in zip(base.point, self.point or [], strict=True)]
            self.point = None if self._probes_failed > MOST_FAILURES else nearer
            return None
        self.is_checked = True
        complaint = disagreement(base, evaluation)
        if complaint is None:
            self._depart(min(base, evaluation, key=lambda one: one.loss))
            return None
        self.point = None
        return f"the hypergradient is wrong: from trial {self._base_number} to trial {number}, {complaint}"

    def _depart(self, evaluation: Evaluation) -> None:
        self._descent = self._descend(evaluation)
        self.point = self._descent.point

    def _go_on(self, descent: Descent, evaluation: Evaluation | None) -> None:
        if evaluation is None:
            descent.fail()
        else:
            descent.observe(evaluation)
        self.point = descent.point
