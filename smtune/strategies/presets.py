"""Choices that smtune makes for the user: the steps of a preset chain, and the strategy of ``auto``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtune.errors import Problem, SpecError
from smtune.space import CategoricalParameter, Parameter, SearchSpace

if TYPE_CHECKING:
    from smtune.spec.strategies import ChainStep, Preset, SingleStrategy

MODEL_TRIALS = 1000
"""Up to so many configurations `auto` takes a model; it learns from a few hundred of them at a time."""

LOCAL_SHARE = 0.2
"""Share of every range that is searched around the best, where a preset narrows."""

GRID_LEVELS = 5
"""Most levels per parameter of the grid around the best."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What ``auto`` chose.

    Attributes:
        config: The strategy.
        reason: Why, in one line that begins with its name.
    """

    config: SingleStrategy
    reason: str


def choose(space: SearchSpace, *, configurations: int | None, max_parallel: int) -> Choice:
    """Return the strategy that suits a job.

    Args:
        space: What is searched.
        configurations: How many there will be at most, or ``None`` if only time ends the job.
        max_parallel: How many trials run at a time.
    """
    from smtune.spec.strategies import BayesianConfig, EvolutionaryConfig, GridConfig, SobolConfig

    size = space.size()
    if configurations is not None and size <= configurations:
        levels = {name: parameter.cardinality or 1 for name, parameter in space.items()}
        fit = f"{'it fits' if size == 1 else 'all fit'} into {_count(configurations, 'trial')}"
        return Choice(GridConfig(levels=levels), f"grid: the space has {_count(size, 'configuration')}, and {fit}")
    if configurations is not None and max_parallel >= configurations:
        only = "the only configuration has no other"
        several = f"all {configurations} configurations run at a time, so there is nothing"
        return Choice(SobolConfig(), f"sobol: {only if configurations == 1 else several} to learn from")
    if configurations is not None and configurations > MODEL_TRIALS:
        return Choice(
            EvolutionaryConfig(),
            f"evolutionary: with {configurations} configurations, more than {MODEL_TRIALS}, a model costs more than it saves",
        )
    budget = "until the time is over" if configurations is None else f"with {_count(configurations, 'configuration')}"
    at_a_time = "one trial" if max_parallel == 1 else f"{max_parallel} trials"
    return Choice(
        BayesianConfig(),
        f"bayesian: {budget}, {at_a_time} at a time, a model of the results finds good ones in the fewest trials",
    )


def _count(number: float, noun: str) -> str:
    return f"{number:.0f} {noun}{'s' if number != 1 else ''}"


def preset_steps(
    preset: Preset, space: SearchSpace, *, configurations: int | None, repeats: int = 1
) -> list[ChainStep]:
    """Return the steps of a preset chain.

    Args:
        preset: Its name.
        space: What is searched.
        configurations: How many there will be at most.
        repeats: How often each is trained; the steps count trials.

    Raises:
        SpecError: They are too few, or not known; paths are relative to the strategy.
    """
    if configurations is None:
        rule = f"shares limits.max_trials among its steps, which is missing: {preset}"
        raise SpecError([Problem("preset", preset, rule, "set limits.max_trials, or write the steps")])
    from smtune.spec.strategies import BayesianConfig, ChainStep, GridConfig, RandomConfig, SobolConfig

    match preset:
        case "random-grid":
            grid = GridConfig(levels=_grid_levels(space, configurations))
            return [
                ChainStep(strategy=RandomConfig(), trials=repeats * (configurations - configurations // 2)),
                ChainStep(strategy=grid, narrow=LOCAL_SHARE),
            ]
        case "sobol-bayesian":
            spread = max(1, configurations // 4)
            return [ChainStep(strategy=SobolConfig(), trials=repeats * spread), ChainStep(strategy=BayesianConfig())]
        case "bayesian-local":
            wide = max(1, configurations * 2 // 3)
            return [
                ChainStep(strategy=BayesianConfig(), trials=repeats * wide),
                ChainStep(strategy=BayesianConfig(), narrow=LOCAL_SHARE),
            ]


def preset_outline(preset: Preset, space: SearchSpace, *, configurations: int | None, repeats: int = 1) -> list[str]:
    r"""Return the steps of a preset chain in words, one line each.

    >>> from smtune.space import IntegerParameter
    >>> space = SearchSpace({"depth": IntegerParameter(1, 99)})
    >>> print(*preset_outline("random-grid", space, configurations=20), sep="\n")
    step 1: random, 10 trials
    step 2: grid around the best, within 20% of every range, the rest

    Raises:
        SpecError: As :func:`preset_steps` does.
    """
    lines = []
    for place, step in enumerate(preset_steps(preset, space, configurations=configurations, repeats=repeats), 1):
        narrowed = "" if step.narrow is None else f" around the best, within {step.narrow:.0%} of every range"
        share = "the rest" if step.trials is None else _count(step.trials, "trial")
        lines.append(f"step {place}: {step.strategy.type}{narrowed}, {share}")
    return lines


def _grid_levels(space: SearchSpace, configurations: int) -> dict[str, int]:
    """Return as many levels per parameter as the second half of the trials can pay for; every unordered choice."""
    most = configurations // 2
    for levels in range(GRID_LEVELS, 1, -1):
        counts = {name: _levels(parameter, levels) for name, parameter in space.items()}
        if math.prod(counts.values()) <= most:
            return counts
    least = 2 * math.prod(_levels(parameter, 2) for parameter in space.values())
    rule = f"needs limits.max_trials of {least} or more for a grid over {_count(len(space), 'parameter')}"
    raise SpecError([Problem("preset", "random-grid", rule, "raise it, or use preset: bayesian-local")])


def _levels(parameter: Parameter, most: int) -> int:
    choices = parameter.cardinality or most
    nominal = isinstance(parameter, CategoricalParameter) and not parameter.ordered
    return choices if nominal else min(most, choices)


def shared_trials(max_trials: int | None, repeats: int) -> int | None:
    """Return how many configurations a limit of trials leaves."""
    return None if max_trials is None else max(1, math.ceil(max_trials / repeats))
