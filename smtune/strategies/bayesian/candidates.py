"""The search for the point that an acquisition function likes best."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from smtune.strategies.bayesian.coding import Coding, Keys, Points
from smtune.strategies.bayesian.responses import Vector

Score: TypeAlias = Callable[[Points], Vector]

UNIFORM = 500
"""Points drawn anywhere."""

STARTS, AROUND_START, START_STEP = 5, 100, 0.1
"""Best observations that are perturbed, how often each, and how far."""

LEADERS, AROUND_LEADER, STEPS = 5, 60, (0.1, 0.05, 0.02, 0.01)
"""Best candidates that are perturbed in every later round, how often each, and how far."""

EXHAUSTIVE = 2000
"""Finite spaces with at most this many configurations left are scored as a whole."""


class CandidateSearch:
    """Looks for the best point that is neither evaluated nor under way.

    Known points are dropped in every round, not at its end only: on tables the acquisition is highest at known points,
    and a search that drops them last has nothing left.

    Args:
        coding: How configurations become points.
    """

    def __init__(self, coding: Coding) -> None:
        self._coding = coding
        dimensions = max(coding.dimensions, 1)
        self._change = max(1.5 / dimensions, 0.15)
        self._least = np.where(coding.nominal | (coding.counts == 0), 0.0, 1.0 / np.maximum(coding.counts, 1))

    def ranked(self, score: Score, *, best: Points, known: Keys, rng: np.random.Generator) -> Points:
        """Return the most promising points, the best one first.

        Args:
            score: Higher is better.
            best: Observed points, the best one first, shape ``(count, dimensions)``.
            known: Sorted keys of the points to leave out.
            rng: Source of all candidates.

        Returns:
            Some ten points or fewer; none if every candidate was known.
        """
        cube = rng.random((UNIFORM, self._coding.dimensions))
        around = self._perturbed(np.repeat(best[:STARTS], AROUND_START, axis=0), START_STEP, rng)
        leaders, scores = self._scored(np.concatenate([self._coding.from_cube(cube), around]), score, known)
        for step in STEPS:
            if not len(leaders):
                break
            candidates = self._perturbed(np.repeat(leaders[:LEADERS], AROUND_LEADER, axis=0), step, rng)
            points, values = self._scored(candidates, score, known)
            leaders, scores = _top(np.concatenate([leaders, points]), np.concatenate([scores, values]), self._coding)
        return leaders

    def exhaustive(self, score: Score, *, known: Keys) -> Points:
        """Return the points of a finite space that are not known, the best one first."""
        points, _ = self._scored(self._coding.all_points(), score, known)
        return points

    def _scored(self, points: Points, score: Score, known: Keys) -> tuple[Points, Vector]:
        points = points[~_contains(known, self._coding.keys(points))]
        return _top(points, score(points), self._coding) if len(points) else (points, np.empty(0))

    def _perturbed(self, points: Points, step: float, rng: np.random.Generator) -> Points:
        """Return each point with some of its coordinates changed, at least one."""
        count, dimensions = points.shape
        coding = self._coding
        changes = rng.random((count, dimensions)) < self._change
        changes[np.arange(count), rng.integers(dimensions, size=count)] = True
        moves = step * rng.standard_normal((count, dimensions))
        # A step that stays on its level would make a known point of a known point.
        moves = np.copysign(np.maximum(np.abs(moves), self._least), moves)
        choices = np.floor(rng.random((count, dimensions)) * np.maximum(coding.counts, 1))
        moved = np.where(coding.nominal, choices, np.clip(points + moves, 0.0, 1.0))
        return coding.snap(np.where(changes, moved, points))


def _contains(known: Keys, keys: Keys) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if not len(known):
        return np.zeros(len(keys), dtype=bool)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = known[places] == keys
    return found


def _top(points: Points, scores: Vector, coding: Coding) -> tuple[Points, Vector]:
    """Return the best points, each once."""
    order = np.argsort(-scores, kind="stable")[: 4 * LEADERS]
    _, first = np.unique(coding.keys(points[order]), return_index=True)
    order = order[np.sort(first)]
    return points[order], scores[order]
