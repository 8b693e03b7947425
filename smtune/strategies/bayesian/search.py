"""Bayesian optimisation as a proposer of configurations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats.qmc import Sobol
from threadpoolctl import ThreadpoolController

from smtune.errors import SpecError
from smtune.space import Configuration, SearchSpace
from smtune.strategies.bayesian.acquisition import log_expected_improvement
from smtune.strategies.bayesian.candidates import EXHAUSTIVE, STARTS, CandidateSearch
from smtune.strategies.bayesian.coding import Coding, Keys, Points
from smtune.strategies.bayesian.kernels import Kernel, Matern12, Matern52
from smtune.strategies.bayesian.process import GaussianProcess, Hyperparameters, fit, scaled_distances
from smtune.strategies.bayesian.responses import Vector, failures_cluster, standardise
from smtune.strategies.draws import Draws
from smtune.strategies.evolutionary import EvolutionarySearch
from smtune.strategies.proposer import Memory, Outcome, Proposal, Proposer
from smtune.strategies.random_search import RandomSearch

if TYPE_CHECKING:
    from smtune.strategies.bayesian.candidates import Score

FIT_EVERY_TRIAL, FIT_POINTS = 100, 150
"""Up to so many results, hyperparameters are fitted for every proposal; later ever more rarely, on so many results."""

FRESH_START_EVERY = 5
"""Every so many fits, one also begins anew: a fit that follows the last one may be stuck."""

PREDICTION_POINTS = 200
"""Predictions use so many results at most."""

STAGNATION, BREED_EVERY = 4, 3
"""After so many results without a new best, every so many proposals come from evolution instead of the model."""

ENUMERATED = 20_000
"""Finite spaces of at most so many configurations are enumerated once, and scored as a whole when few are left."""


class BayesianSearch(Proposer):
    """Proposes what a model of the outcomes so far finds most promising.

    The model is a Gaussian process over the unit cube, with two kernels that take turns: a smooth one, and a rough one
    as insurance for landscapes that are not smooth. The most promising configuration has the largest expected
    improvement on the best outcome (Jones, Schonlau and Welch, 1998). Trials under way count with what the model
    expects of them, so parallel trials stay apart. Where the model makes no progress in a continuum, as on landscapes of
    many basins, an evolutionary search of all outcomes takes a part of the proposals; in finite spaces, where nothing is
    tried twice, the model gets out by itself.

    Args:
        space: What to search.
        seed: The same seed and outcomes give the same proposals.
        startup: Outcomes that the model needs; until then, a scrambled Sobol sequence is followed.
    """

    def __init__(self, space: SearchSpace, *, seed: int, startup: int = 10) -> None:
        self._space = space
        self._draws = Draws(seed, "bayesian")
        self._startup = startup
        self._coding = Coding(space)
        self._candidates = CandidateSearch(self._coding)
        self._random = RandomSearch(space, seed=seed)
        self._history = _History(self._coding)
        self._proposed = 0
        self._models = [_Model(Matern52()), _Model(Matern12())]
        self._sobol: Iterator[NDArray[np.float64]] | None = None
        size = space.size()
        self._evolution = EvolutionarySearch(space, seed=seed) if math.isinf(size) else None
        self._enumerable = isinstance(size, int) and size <= ENUMERATED
        self._size = size
        self._blas = ThreadpoolController()

    def propose(self, number: int, memory: Memory) -> Proposal | None:
        """Return a point of the start design, or later the most promising one; a random one if that is no news."""
        proposal = None
        if self._coding.dimensions:
            # Until there are results, not only proposals: many parallel trials begin with a wider start design.
            starting = len(self._history) < self._startup or self._history.successes < 2
            proposal = self._initial() if starting else self._bred(number, memory) or self._promising(number, memory)
            self._proposed += 1
        if proposal is None or proposal.parameters in memory:
            proposal = self._random.propose(number, memory)
        return proposal

    def learn(self, outcome: Outcome, memory: Memory) -> None:
        """Take in an outcome; what failed is kept too, to be avoided where failures cluster."""
        self._history.add(outcome)
        if self._evolution is not None:
            self._evolution.learn(outcome, memory)

    def exhausted(self, memory: Memory) -> bool:
        """Return whether every configuration was suggested."""
        return self._random.exhausted(memory)

    def _initial(self) -> Proposal:
        if self._sobol is None:
            self._sobol = _sobol_points(len(self._space), self._draws.bits("start"))
        return Proposal(self._space.from_unit(next(self._sobol).tolist()), "initial")

    def _bred(self, number: int, memory: Memory) -> Proposal | None:
        """Return a child of the best configurations if it is evolution's turn, and there is a new one."""
        its_turn = self._history.without_gain >= STAGNATION and self._proposed % BREED_EVERY == BREED_EVERY - 1
        return self._evolution.child(number, memory) if self._evolution is not None and its_turn else None

    def _promising(self, number: int, memory: Memory) -> Proposal | None:
        """Return the new configuration with the largest expected improvement, or ``None`` if all found are known."""
        rng = np.random.default_rng(self._draws.bits("candidates", number))
        pending = self._pending(memory)
        # More threads than one make small matrices slower, and would be taken from the trials.
        with self._blas.limit(limits=1, user_api="blas"):
            model = self._models[self._history.successes % len(self._models)]
            points, responses = self._history.responses(model.hyperparameters)
            process = model.process(points, responses, self._coding.nominal, rng)
            best = points[np.argsort(responses, kind="stable")[:STARTS]]
            known = np.sort(np.concatenate([self._history.keys(), self._coding.keys(pending)]))
            if len(pending):
                process = process.believing(pending)
            score = self._score(process, responses)
            found = self._found(score, best, known, rng, memory)
        for point in found:
            parameters = self._coding.decode(point)
            if parameters not in memory:
                return Proposal(parameters, "bayesian")
        return None

    def _found(self, score: Score, best: Points, known: Keys, rng: np.random.Generator, memory: Memory) -> Points:
        if self._enumerable and self._size - len(memory) <= EXHAUSTIVE:
            return self._candidates.exhaustive(score, known=known)
        return self._candidates.ranked(score, best=best, known=known, rng=rng)

    @staticmethod
    def _score(process: GaussianProcess, responses: Vector) -> Score:
        # What the model takes for noise may be real roughness, and is exploited. Where it is noise, looking around the
        # lowest outcome has found better configurations than looking around the lowest mean all the same.
        target, noise = float(responses.min()), process.hyperparameters.noise

        def score(candidates: Points) -> Vector:
            mean, variance = process.predict(candidates)
            return log_expected_improvement(mean, variance + noise, target)

        return score

    def _pending(self, memory: Memory) -> Points:
        """Return the points of the configurations under way, as far as they lie in this space."""
        points = [self._coding.encode(one) for one in memory.under_way if self._is_legal(one)]
        return np.array(points).reshape(-1, self._coding.dimensions)

    def _is_legal(self, configuration: Configuration) -> bool:
        try:
            self._space.validate(configuration)
        except SpecError:
            return False
        return True


class _History:
    """All outcomes, in the order in which they were told, in arrays that double when they are full.

    Attributes:
        successes: How many have a loss.
        without_gain: How many there were since the best.
    """

    def __init__(self, coding: Coding) -> None:
        self._coding = coding
        self._points = np.empty((64, coding.dimensions))
        self._losses = np.empty(64)
        self._keys = np.empty(64, dtype=np.uint64)
        self._count = 0
        self._best = math.inf
        self.successes = 0
        self.without_gain = 0

    def __len__(self) -> int:
        return self._count

    def add(self, outcome: Outcome) -> None:
        if self._count == len(self._losses):
            self._points = np.concatenate([self._points, np.empty_like(self._points)])
            self._losses = np.concatenate([self._losses, np.empty_like(self._losses)])
            self._keys = np.concatenate([self._keys, np.empty_like(self._keys)])
        point = self._coding.encode(outcome.parameters)
        self._points[self._count] = point
        self._losses[self._count] = np.nan if outcome.loss is None else outcome.loss
        self._keys[self._count] = self._coding.keys(point[None])[0]
        self._count += 1
        self.successes += outcome.loss is not None
        self.without_gain += 1
        if outcome.loss is not None and outcome.loss < self._best:
            self._best, self.without_gain = outcome.loss, 0

    def keys(self) -> Keys:
        return self._keys[: self._count]

    def responses(self, hyperparameters: Hyperparameters | None) -> tuple[Points, Vector]:
        """Return points and responses to learn from; failures have the worst response, or are left out."""
        points, losses = self._points[: self._count], self._losses[: self._count]
        failed = np.isnan(losses)
        if failed.any():
            recent = slice(-PREDICTION_POINTS, None)
            lengths = np.ones(points.shape[1]) if hyperparameters is None else hyperparameters.lengths
            distances = scaled_distances(points[recent], points[recent], self._coding.nominal, lengths)
            if failures_cluster(failed[recent], distances):
                losses = np.where(failed, np.nanmax(losses), losses)
            else:
                points, losses = points[~failed], losses[~failed]
        return points, standardise(losses)


class _Model:
    """One kernel with its hyperparameters, which every fit begins from."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._fits = 0
        self._fitted_at = 0
        self.hyperparameters: Hyperparameters | None = None

    def process(
        self, points: Points, responses: Vector, nominal: NDArray[np.bool_], rng: np.random.Generator
    ) -> GaussianProcess:
        """Return the model of the responses, fitted anew if it is time."""
        count = len(responses)
        known = self.hyperparameters
        if known is None or count <= FIT_EVERY_TRIAL or count - self._fitted_at >= count / 40:
            chosen = _subset(responses, FIT_POINTS, FIT_POINTS // 2, rng)
            fresh = Hyperparameters.at_start(points.shape[1])
            starts = [fresh] if known is None else [known]
            if known is not None and self._fits % FRESH_START_EVERY == 0:
                starts.append(fresh)
            known, _ = fit(self._kernel, points[chosen], responses[chosen], nominal, starts=starts)
            self.hyperparameters = known
            self._fits += 1
            self._fitted_at = count
        chosen = _subset(responses, PREDICTION_POINTS, PREDICTION_POINTS // 2, rng)
        return GaussianProcess(self._kernel, known, points[chosen], responses[chosen], nominal)


def _subset(responses: Vector, most: int, best: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the places of at most so many responses: the best ones, and others at random."""
    order = np.argsort(responses, kind="stable")
    if len(order) <= most:
        return np.arange(len(order))
    return np.concatenate([order[:best], rng.choice(order[best:], most - best, replace=False)])


def _sobol_points(dimensions: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield a scrambled Sobol sequence (Sobol, 1967; Owen, 1998)."""
    sampler = Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    while True:
        yield from sampler.random(64)
