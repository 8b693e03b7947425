"""From the choice of a strategy to the strategy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from smtune.errors import MissingExtraError, Problem, SpecError
from smtune.space import SearchSpace
from smtune.strategies.base import Strategy
from smtune.strategies.bookkeeping import BookkeepingStrategy
from smtune.strategies.chain import Chain, Step
from smtune.strategies.draws import Draws
from smtune.strategies.evolutionary import EvolutionarySearch
from smtune.strategies.gradient import GradientSearch
from smtune.strategies.grid import GridSearch
from smtune.strategies.manual import ManualSearch
from smtune.strategies.operators import BlendCrossover, GaussianMutation, Tournament
from smtune.strategies.presets import choose, preset_steps, shared_trials
from smtune.strategies.proposer import Proposer
from smtune.strategies.random_search import RandomSearch
from smtune.strategies.sobol import SobolSearch

_FEW_RESULTS, _SOME_RESULTS = 5, 10
"""From so many on, a model learns from a rung. ASHA climbs slowly: a model of its lower rungs would learn for too long
what trains quickly instead of what trains well. Chosen on the train half of ``benchmarks/fidelity.py``."""

if TYPE_CHECKING:
    from smtune.spec.objective import Goal
    from smtune.spec.repeats import Repeats
    from smtune.spec.strategies import (
        AshaConfig,
        ChainConfig,
        ChainStep,
        EvolutionaryConfig,
        GradientConfig,
        HyperbandConfig,
        SingleStrategy,
        StrategyConfig,
    )
    from smtune.spec.tuning import TuningSpec


def build_strategy(
    config: StrategyConfig,
    space: SearchSpace,
    *,
    goal: Goal,
    seed: int,
    repeats: int | Mapping[str, Any] | Repeats = 1,
    max_trials: int | None = None,
    max_parallel: int = 1,
) -> Strategy:
    """Return a new strategy that has suggested nothing yet.

    Args:
        config: Which one, with its settings.
        space: What it searches.
        goal: Which way the objective of the trials is better.
        seed: The same seed and the same tells, in the same order, give the same suggestions.
        repeats: How many times each configuration is suggested: a number, or ``{"min": 1, "max": 5}`` for a race.
        max_trials: How many trials there will be at most; ``None`` for no limit.
        max_parallel: How many trials run at a time, for ``auto`` to choose by.

    Raises:
        SpecError: Settings do not fit the space; paths are relative to the strategy.
        MissingExtraError: ``sobol`` or ``bayesian`` is part of it, and what that needs is not installed.
    """
    times = parse_repeats(repeats)
    configurations = shared_trials(max_trials, times.min)
    if config.type == "auto":
        config = choose(space, configurations=configurations, max_parallel=max_parallel).config
    elif config.type == "chain" and config.preset is not None:
        from smtune.spec.strategies import ChainConfig

        steps = preset_steps(config.preset, space, configurations=configurations, repeats=times.min)
        config = ChainConfig(steps=steps)
    _check_extras(config)
    match config.type:
        case "hyperband" | "asha":
            return _multifidelity(config, space, goal=goal, seed=seed, repeats=times, max_trials=max_trials)
        case "chain":
            proposer: Proposer = _chain(config, space, seed, times)
        case _:
            proposer = _single(config, space, seed)
    return BookkeepingStrategy(proposer, space, sign=goal.sign, repeats=times, max_trials=max_trials)


def strategy_of(spec: TuningSpec) -> Strategy:
    """Return the strategy of a job, as :func:`build_strategy` does."""
    return build_strategy(
        spec.strategy,
        spec.parameters,
        goal=spec.objective.goal,
        seed=spec.seed,
        repeats=spec.repeats,
        max_trials=spec.limits.max_trials,
        max_parallel=spec.limits.max_parallel,
    )


def parse_repeats(given: object) -> Repeats:
    """Return what a number or a mapping means.

    Raises:
        SpecError: It is no number of trainings.
    """
    from smtune.spec.repeats import read_repeats

    try:
        return read_repeats(given)
    except SpecError as error:
        raise SpecError([problem.under("repeats") for problem in error.problems]) from None


def _check_extras(config: SingleStrategy | HyperbandConfig | AshaConfig | ChainConfig) -> None:
    """Ask for optional packages now, and not when the step of a chain that needs them begins."""
    types: set[str]
    match config.type:
        case "chain":
            types = {step.strategy.type for step in config.steps}
        case "hyperband" | "asha":
            types = {config.sampler.type}
        case _:
            types = {config.type}
    for strategy, modules in (("sobol", ["scipy"]), ("bayesian", ["scipy", "threadpoolctl"])):
        if strategy in types and not all(find_spec(module) for module in modules):
            raise MissingExtraError(f"strategy {strategy}", strategy)


def _single(config: SingleStrategy, space: SearchSpace, seed: int) -> Proposer:  # noqa: PLR0911 - one for each type
    match config.type:
        case "manual":
            return ManualSearch(space, config.configurations)
        case "grid":
            return GridSearch(space, levels=config.levels)
        case "random":
            return RandomSearch(space, seed=seed)
        case "sobol":
            return SobolSearch(space, seed=seed)
        case "evolutionary":
            return _evolutionary(config, space, seed)
        case "bayesian":
            from smtune.strategies.bayesian import BayesianSearch

            return BayesianSearch(space, seed=seed, startup=config.startup)
        case "gradient":
            return _gradient(config, space, seed)


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
        children=config.preselection,
    )


def _gradient(config: GradientConfig, space: SearchSpace, seed: int) -> GradientSearch:
    return GradientSearch(
        space,
        seed=seed,
        method=config.method,
        starts=config.starts,
        step=config.step,
        tolerance=config.tolerance,
        check=config.check,
    )


def _multifidelity(
    config: HyperbandConfig | AshaConfig,
    space: SearchSpace,
    *,
    goal: Goal,
    seed: int,
    repeats: Repeats,
    max_trials: int | None,
) -> Strategy:
    from smtune.spec.resources import repeats_refused, resource_missing

    problems = []
    if config.resource is None:
        problems.append(resource_missing())
    if repeats.max > 1:
        problems.append(repeats_refused(config.type, repeats.max))
    if config.sampler.type == "evolutionary":
        rule = f"cannot end the sampler of {config.type}: results of different resources are not counted together"
        problems += [
            Problem(f"sampler.{name}", value, rule, "leave it out, and set limits.max_trials")
            for name in ("max_generations", "patience")
            if (value := getattr(config.sampler, name)) is not None
        ]
    if config.resource is None or problems:
        raise SpecError(problems)
    from smtune.strategies import multifidelity

    least, most, eta = config.resource.min, config.resource.max, config.eta
    resources = multifidelity.rung_resources(least, most, eta)
    scheduler: multifidelity.Scheduler
    if config.type == "asha":
        scheduler = multifidelity.AsynchronousHalving(resources, eta=eta)
        enough = _FEW_RESULTS
    else:
        brackets = multifidelity.hyperband_brackets(least, most, eta)[: config.brackets]
        scheduler = multifidelity.Hyperband(brackets, eta=eta)
        enough = _SOME_RESULTS
    sampler = multifidelity.LevelSampler(
        lambda: _single(config.sampler, space, seed),
        rungs=len(resources),
        learns=config.sampler.type in ("evolutionary", "bayesian"),
        enough=enough,
    )
    return multifidelity.MultiFidelityStrategy(
        scheduler, sampler, space, resources=resources, sign=goal.sign, max_trials=max_trials
    )


def _chain(config: ChainConfig, space: SearchSpace, seed: int, repeats: Repeats) -> Chain:
    steps = config.steps
    problems: list[Problem] = []
    for place, step in enumerate(steps):
        is_last = place == len(steps) - 1
        problems += [problem.under(f"steps[{place}]") for problem in _step_problems(step, space, is_last=is_last)]
    if problems:
        raise SpecError(problems)
    # Each step has a seed of its own, lest two Sobol steps propose the same points. The first has the chain's, so a
    # chain of one step proposes what that step would alone.
    seeds = [seed if place == 0 else Draws(seed, "step", place).bits() for place in range(len(steps))]
    return Chain([_step(step, own, repeats) for step, own in zip(steps, seeds, strict=True)], space)


def _step(step: ChainStep, seed: int, repeats: Repeats) -> Step:
    # Repeats of one configuration stay together, so a step ends at the first whole configuration at or after `trials`.
    # How many trials a race takes is not known before: then the first trainings count, and the others come on top.
    configurations = None if step.trials is None else math.ceil(step.trials / repeats.min)
    return Step(lambda space: _single(step.strategy, space, seed), configurations, step.narrow)


def _step_problems(step: ChainStep, space: SearchSpace, *, is_last: bool) -> list[Problem]:
    problems: list[Problem] = []
    try:
        _single(step.strategy, space, seed=0)
    except SpecError as error:
        problems += [problem.under("strategy") for problem in error.problems]
    if step.strategy.type == "manual" and step.narrow is not None:
        problems.append(Problem("narrow", step.narrow, "means nothing for listed configurations", "leave it out"))
    if not is_last and step.trials is None and math.isinf(space.size()) and _never_ends(step.strategy):
        rule = f"is missing, and {step.strategy.type} search of a continuum never ends, so no later step would begin"
        problems.append(Problem("trials", None, rule, "say after how many trials the next step begins"))
    return problems


def _never_ends(config: SingleStrategy) -> bool:
    """Return whether a strategy goes on for ever where the space does."""
    if config.type == "evolutionary":
        return config.max_generations is None and config.patience is None
    return config.type in ("random", "sobol", "bayesian")
