"""Shared by the tests of single strategies: build one, and tell it what came of a suggestion."""

from collections.abc import Mapping
from typing import Any

from smtune.space import SearchSpace
from smtune.spec import Goal, read_strategy
from smtune.strategies import Strategy, Suggestion, build_strategy
from smtune.trial import Trial, TrialStatus


def build(config: str | Mapping[str, Any], space: SearchSpace, *, seed: int = 7, repeats: Any = 1) -> Strategy:
    return build_strategy(read_strategy(config), space, goal=Goal.Minimize, seed=seed, repeats=repeats)


def ask(strategy: Strategy) -> Suggestion:
    """Return the next suggestion; there must be one."""
    (suggestion,) = strategy.ask(1)
    return suggestion


def number(suggestion: Suggestion, name: str) -> float:
    """Return a numeric value of a suggestion."""
    return float(suggestion.parameters[name])


def tell(strategy: Strategy, suggestion: Suggestion, loss: float | None) -> None:
    """Tell a result, or a failure if there is no loss."""
    status = TrialStatus.Failed if loss is None else TrialStatus.Completed
    strategy.tell(Trial(suggestion.number, suggestion.parameters, status, loss))
