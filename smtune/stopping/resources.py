"""How much training a trial has had, read off its reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(slots=True)
class _Curve:
    """What a trial reported, over the attempts between its pauses.

    Attributes:
        points: Resource, objective and all metrics there, ever more resource.
        kept: How many of them were there at the last pause.
        count: Reports of the present attempt.
        first_is_one: Whether its steps count from 1; ``None`` before the first report with a step.
    """

    points: list[tuple[int, float, Mapping[str, float]]] = field(default_factory=list)
    kept: int = 0
    count: int = 0
    first_is_one: bool | None = None

    def position(self, step: int | None) -> int | None:
        """Return the resource after a report; ``None`` for the outcome that a function returns at its end."""
        if step is None:
            if self.first_is_one is not None:
                return None
            self.count += 1
            return self.count
        if self.first_is_one is None:
            self.first_is_one = step == 1
        return step if self.first_is_one else step + 1


class ResourceMeter:
    """Knows how many steps each trial has trained and what its objective was there.

    A script that reports step 0 has then trained one step: steps count from 0, unless the first one that a trial
    reports is 1. Where there are no steps, every report of the objective is one, as in SageMaker's Hyperband.

    >>> meter = ResourceMeter()
    >>> for step, value in enumerate([0.9, 0.7, 0.6]):
    ...     meter.report(3, value, step)
    >>> meter.used(3), meter.reached(3, 2), meter.reached(3, 9)
    (3, 0.7, None)
    """

    def __init__(self) -> None:
        """Know of no trials."""
        self._curves: dict[int, _Curve] = {}

    def begin(self, number: int, *, goes_on: bool = False) -> None:
        """Note that a trial starts: afresh, or to go on from its last pause. An attempt in between does not count."""
        if goes_on and number in self._curves:
            curve = self._curves[number]
            curve.count = 0
            del curve.points[curve.kept :]
        else:
            self._curves.pop(number, None)

    def pause(self, number: int) -> None:
        """Keep what a trial reported so far for when it goes on."""
        if number in self._curves:
            self._curves[number].kept = len(self._curves[number].points)

    def report(
        self, number: int, value: float, step: int | None, metrics: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        """Take in a report of the objective. What a resumed script does once more counts as it was.

        Args:
            number: Trial number.
            value: The objective.
            step: The script's own count, or ``None``.
            metrics: All that the trial has reported so far.
        """
        curve = self._curves.setdefault(number, _Curve())
        position = curve.position(step)
        if position is not None and position > self.used(number):
            curve.points.append((position, value, metrics))

    def used(self, number: int) -> int:
        """Return how many steps a trial has trained; 0 before its first report."""
        curve = self._curves.get(number)
        return curve.points[-1][0] if curve is not None and curve.points else 0

    def first(self, number: int) -> int | None:
        """Return how many steps a trial had trained at its first report, or ``None`` before it."""
        curve = self._curves.get(number)
        return curve.points[0][0] if curve is not None and curve.points else None

    def reached(self, number: int, resource: int) -> float | None:
        """Return a trial's objective at the first report at or past a resource; ``None`` if it has not come there."""
        return next((value for position, value, _ in self._points(number) if position >= resource), None)

    def metrics_at(self, number: int, resource: int) -> Mapping[str, float]:
        """Return all metrics of a trial there; none if it has not come there."""
        return next((metrics for position, _, metrics in self._points(number) if position >= resource), {})

    def _points(self, number: int) -> Sequence[tuple[int, float, Mapping[str, float]]]:
        curve = self._curves.get(number)
        return () if curve is None else curve.points

    def forget(self, number: int) -> None:
        """Drop what is known of a trial."""
        self._curves.pop(number, None)
