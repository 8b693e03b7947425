"""Pre-selection: which of several children is worth a trial.

Breeding costs next to nothing and a trial costs minutes, so an evolutionary search breeds several children per trial
and runs the one that a cheap model thinks best (Jin, 2011, "Surrogate-assisted evolutionary computation", section 3).
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import repeat
from operator import mul
from statistics import fmean
from typing import Protocol

from smtune.space import CategoricalParameter, Configuration, SearchSpace
from smtune.strategies.proposer import Outcome

Point = tuple[float, ...]

OPTIMISM = 3.0
"""What lies far from everything known counts as better by this much, in log ranks; chosen, as all constants here, by
the train half of ``benchmarks/search.py``."""
NOVELTY_RATE = 8.0
"""How soon distance makes a child new: at 1 / 8 of the space's diagonal, it has 63 % of the novelty there is."""
SOFTENING = 0.02
"""Added to distances, times the root of the number of parameters, so that no neighbour decides alone."""
MISMATCH = 0.5
"""Distance of two unordered choices, where the ends of a range are 1 apart."""
WEIGHT_FLOOR = 0.03
"""Of the variance: a parameter that seems to explain nothing still has some weight."""
RESULTS_TO_WEIGH = 10
"""With fewer results than this, all parameters weigh the same."""
REFIT_SHARE = 0.05
"""Weights are estimated anew after this share of new results, at least :data:`REFIT_LEAST`."""
REFIT_LEAST = 5
FAILURES = 30
"""Only so many failed configurations are remembered: the latest."""
FAILURES_TO_JUDGE = 3
"""With fewer failures than this, they count as a property of their region."""
FAILURE_NEIGHBOURS = 3
"""Whose fate is compared with that of a failure."""
CLUSTERED = 0.25
"""From this correlation between neighbours on, failures count as a property of their region and not as bad luck."""


class Preselection(Protocol):
    """Chooses among candidates for the next trial, from what came of earlier ones."""

    def learn(self, outcome: Outcome) -> None:
        """Take in what came of a configuration."""

    def choose(self, candidates: Sequence[Configuration]) -> int:
        """Return the place of the candidate that is worth a trial; there is at least one."""


@dataclass(slots=True, order=True)
class _Known:
    """A configuration with an outcome.

    Attributes:
        loss: What is minimised; infinite if it failed.
        number: Its trial.
        coordinates: In ``[0, 1]`` per parameter that varies, or the index of an unordered choice.
        point: The same, scaled such that Euclidean distance is the weighted one.
    """

    loss: float
    number: int
    coordinates: Point = field(compare=False)
    point: Point = field(compare=False)


class NearestNeighbours:
    """Expects of a configuration the rank that its nearest evaluated neighbours have.

    The expectation is the mean of log(1 + rank) over the neighbours, weighted by inverse distance (Shepard, 1968), less
    a bonus for being far from all of them. Parameters weigh in the distance by how much of the ranks' variance each
    explains alone.

    What is remembered is bounded, so a choice costs the same after any number of trials: the best half of ``size``
    stays, and of all others the latest half. Failed configurations are neighbours with the worst rank if they lie
    together; failures that lie anywhere say nothing about a configuration and are left out.

    >>> from smtune.space import ContinuousParameter
    >>> neighbours = NearestNeighbours(SearchSpace({"x": ContinuousParameter(0.0, 1.0)}))
    >>> for number, x in enumerate([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]):
    ...     neighbours.learn(Outcome(number, {"x": x}, loss=(x - 0.3) ** 2))
    >>> neighbours.choose([{"x": 0.9}, {"x": 0.3}, {"x": 0.1}])
    1

    Args:
        space: Whose configurations.
        neighbours: How many count, and all that are as near as the last of them.
        size: How many configurations with a loss are remembered.
    """

    def __init__(self, space: SearchSpace, *, neighbours: int = 5, size: int = 120) -> None:
        self._parameters = {name: parameter for name, parameter in space.items() if parameter.cardinality != 1}
        self._levels = [
            parameter.cardinality if isinstance(parameter, CategoricalParameter) and not parameter.ordered else None
            for parameter in self._parameters.values()
        ]
        self._neighbours = neighbours
        self._size = size
        self._softening = SOFTENING * math.sqrt(max(len(self._parameters), 1))
        self._ranked: list[_Known] = []
        self._failed: list[_Known] = []
        self._avoids_failures = True
        self._learned = 0
        self._weigh([1.0] * len(self._parameters))

    def learn(self, outcome: Outcome) -> None:
        """Remember a configuration."""
        coordinates = self._coordinates(outcome.parameters)
        loss = math.inf if outcome.loss is None else outcome.loss
        known = _Known(loss, outcome.number, coordinates, self._point(coordinates))
        insort(self._failed if outcome.loss is None else self._ranked, known)
        self._learned += 1

    def choose(self, candidates: Sequence[Configuration]) -> int:
        """Return the place of the candidate with the lowest score, of equals the first."""
        scores = self.scores(candidates)
        return scores.index(min(scores))

    def scores(self, candidates: Sequence[Configuration]) -> list[float]:
        """Return the expected log(1 + rank) of each candidate less its bonus: lower is better; 0 if nothing is known."""
        if not self._ranked:
            return [0.0] * len(candidates)
        self._forget()
        if self._learned >= max(REFIT_LEAST, REFIT_SHARE * len(self._ranked)):
            self._learned = 0
            self._refit()
        points, targets = [known.point for known in self._ranked], self._log_ranks()
        if self._failed and self._avoids_failures:
            points += [known.point for known in self._failed]
            targets += [math.log1p(len(self._ranked))] * len(self._failed)
        return [self._score(self._point(self._coordinates(one)), points, targets) for one in candidates]

    def _score(self, point: Point, points: Sequence[Point], targets: Sequence[float]) -> float:
        distances = [*map(math.dist, repeat(point), points)]
        reach = sorted(distances)[: self._neighbours][-1]
        near = [(one, target) for one, target in zip(distances, targets, strict=True) if one <= reach]
        shares = [1 / (distance + self._softening) for distance, _ in near]
        expected = sum(share * target for share, (_, target) in zip(shares, near, strict=True)) / sum(shares)
        return expected + OPTIMISM * math.expm1(-NOVELTY_RATE * min(distances) / self._diagonal)

    def _forget(self) -> None:
        """Keep the best, the latest of the others, and the latest failures."""
        if len(self._ranked) > self._size:
            best = self._size // 2
            others = sorted(self._ranked[best:], key=lambda known: known.number)
            self._ranked[best:] = sorted(others[best - self._size :])
        del self._failed[:-FAILURES]

    def _log_ranks(self) -> list[float]:
        """Return log(1 + rank) of what is remembered, from the best on; equal losses have equal ranks."""
        ranks: dict[float, float] = {}
        return [ranks.setdefault(known.loss, math.log1p(rank)) for rank, known in enumerate(self._ranked)]

    def _coordinates(self, configuration: Configuration) -> Point:
        return tuple(
            [
                parameter.to_unit(configuration[name])
                if levels is None
                else float(parameter.index(configuration[name]))
                for (name, parameter), levels in zip(self._parameters.items(), self._levels, strict=True)
            ]
        )

    def _point(self, coordinates: Point) -> Point:
        """Scale coordinates; an unordered choice becomes one coordinate per level."""
        point: list[float] = []
        for scale, levels, coordinate in zip(self._scales, self._levels, coordinates, strict=True):
            if levels is None:
                point.append(scale * coordinate)
            else:
                point += [0.0] * levels
                point[int(coordinate) - levels] = scale
        return tuple(point)

    def _weigh(self, weights: Sequence[float]) -> None:
        """Take new weights of the parameters; all that is remembered moves."""
        # Two one-hot vectors with the entry s are s * sqrt(2) apart.
        shares = [1.0 if levels is None else MISMATCH for levels in self._levels]
        spans = [weight * share for weight, share in zip(weights, shares, strict=True)]
        self._diagonal = math.hypot(*spans) or 1.0
        self._scales = [
            span if levels is None else span / math.sqrt(2) for span, levels in zip(spans, self._levels, strict=True)
        ]
        for known in (*self._ranked, *self._failed):
            known.point = self._point(known.coordinates)

    def _refit(self) -> None:
        """Estimate how much each parameter matters, and whether failures lie together."""
        targets = self._log_ranks()
        mean = fmean(targets)
        spread = math.sqrt(fmean([(target - mean) ** 2 for target in targets]))
        if len(targets) >= RESULTS_TO_WEIGH and spread > 0:
            scores = [(target - mean) / spread for target in targets]
            columns = zip(*[known.coordinates for known in self._ranked], strict=True)
            explained = [
                explained_by_line_and_parabola(column, scores) if levels is None else explained_by_group(column, scores)
                for column, levels in zip(columns, self._levels, strict=True)
            ]
            # Chance alone explains 1 / n with each degree of freedom.
            roots = [math.sqrt(max(share - 2 / len(scores), 0.0) + WEIGHT_FLOOR) for share in explained]
            self._weigh([root / max(roots) for root in roots])
        self._avoids_failures = self._failures_cluster()

    def _failures_cluster(self) -> bool:
        """Return whether failed configurations have neighbours of their kind, so that their region is to be avoided.

        Failures of the machine fall anywhere: to take these for bad configurations would hide good regions. Failures
        of the configuration, such as a lack of memory, come from a region: to ignore these would try it again and again.
        """
        if len(self._failed) < FAILURES_TO_JUDGE:
            return True
        known = [*self._ranked, *self._failed]
        found = 0
        for failed in self._failed:
            others = zip(map(math.dist, repeat(failed.point), [one.point for one in known]), known, strict=False)
            near = nsmallest(FAILURE_NEIGHBOURS, (other for other in others if other[1] is not failed))
            found += sum(math.isinf(one.loss) for _, one in near)
        base = len(self._failed) / len(known)
        return found / (FAILURE_NEIGHBOURS * len(self._failed)) - base > CLUSTERED * (1 - base)


def explained_by_line_and_parabola(values: Sequence[float], scores: Sequence[float]) -> float:
    """Return the share of the scores' variance that a polynomial of degree two in the values explains.

    Args:
        values: Shape ``(n,)``.
        scores: Shape ``(n,)``, with mean 0 and variance 1.
    """
    count, mean = len(values), fmean(values)
    line = [value - mean for value in values]
    squares = [one * one for one in line]
    variance = sum(squares) / count
    if variance < 1e-12:
        return 0.0
    explained = (_product(line, scores) / count) ** 2 / variance
    # Gram and Schmidt: the parabola's part that neither a constant nor the line explains.
    skew = _product(line, squares) / count / variance
    parabola = [square - variance - skew * one for one, square in zip(line, squares, strict=True)]
    remainder = _product(parabola, parabola) / count
    if remainder > 1e-12:
        explained += (_product(parabola, scores) / count) ** 2 / remainder
    return explained


def explained_by_group(groups: Sequence[float], scores: Sequence[float]) -> float:
    """Return the share of the scores' variance that lies between groups.

    Args:
        groups: Of which group each score is, shape ``(n,)``.
        scores: Shape ``(n,)``, with mean 0 and variance 1.
    """
    members: dict[float, list[float]] = {}
    for group, score in zip(groups, scores, strict=True):
        members.setdefault(group, []).append(score)
    return sum(sum(some) ** 2 / len(some) for some in members.values()) / len(scores)


def _product(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the inner product."""
    return sum(map(mul, first, second), start=0.0)
