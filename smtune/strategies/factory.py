"""From the choice of a strategy to the strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtune.space import SearchSpace
from smtune.strategies.base import Strategy
from smtune.strategies.bookkeeping import BookkeepingStrategy
from smtune.strategies.evolutionary import EvolutionarySearch
from smtune.strategies.operators import BlendCrossover, GaussianMutation, Tournament
from smtune.strategies.proposer import Proposer
from smtune.strategies.random_search import RandomSearch

if TYPE_CHECKING:
    from smtune.spec.objective import Goal
    from smtune.spec.strategies import EvolutionaryConfig, StrategyConfig


def build_strategy(config: StrategyConfig, space: SearchSpace, *, goal: Goal, seed: int, repeats: int = 1) -> Strategy:
    """Return a new strategy that has suggested nothing yet.

    Args:
        config: Which one, with its settings.
        space: What it searches.
        goal: Which way the objective of the trials is better.
        seed: The same seed and the same tells, in the same order, give the same suggestions.
        repeats: How many times each configuration is suggested, in a row.

    Raises:
        SpecError: A setting does not fit the space.
    """
    proposer = build_proposer(config, space, seed=seed)
    return BookkeepingStrategy(proposer, space, sign=goal.sign, repeats=repeats)


def build_proposer(config: StrategyConfig, space: SearchSpace, *, seed: int) -> Proposer:
    """Return the part of a strategy that is its own."""
    match config.type:
        case "random":
            return RandomSearch(space, seed=seed)
        case "evolutionary":
            return _evolutionary(config, space, seed)
    raise NotImplementedError(config.type)


def _evolutionary(config: EvolutionaryConfig, space: SearchSpace, seed: int) -> EvolutionarySearch:
    return EvolutionarySearch(
        space,
        seed=seed,
        population=config.population,
        max_generations=config.max_generations,
        patience=config.patience,
        selection=Tournament(config.tournament),
        crossover=BlendCrossover(space, config.crossover),
        mutation=GaussianMutation(space, probability=config.mutation, sigma=config.sigma),
    )
