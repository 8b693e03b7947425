"""The searches that are compared: smtune's strategies and what users would pick instead, each in its best form.

Every search gets the same tasks in the coding that serves it best. Ordinals are the delicate case, for instance the
learning rates 0.001, 0.005, 0.01. smtune takes the list as it is and is told that it is ordered. Optuna has no ordered
choices: there an ordinal becomes the integer index into the list, evenly spaced as the list was meant to be. Given as
categories instead, CMA-ES could not search it at all, NSGA-II could not mix neighbours, and TPE and the Gaussian
process would have to learn that neighbours are alike. Nominal values are categories for everybody.

Scikit-learn's own searches need no line of their own: random search is here, grids and their halving are not told
of a value before they choose the next configuration, so that they never beat random search for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.search_tasks import Configuration, Dimension, Nominal, Ordinal, Space

if TYPE_CHECKING:
    import optuna


class Search(Protocol):
    """A search under way: it is asked for configurations and told their values, to be minimised."""

    def ask(self) -> tuple[Any, Configuration]:
        """Return a configuration, and what to tell its value by."""

    def tell(self, handle: Any, value: float) -> None:
        """Learn the value of a configuration."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a search may know beforehand.

    Attributes:
        seed: Of the run.
        workers: How many configurations are evaluated at a time.
        noisy: Whether values are noisy.
    """

    seed: int
    workers: int = 1
    noisy: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of search.

    Attributes:
        title: What it is, for tables.
        start: Returns a new search.
        peer: The name under which it can be left out.
        module: What must be installed.
    """

    title: str
    start: Callable[[Space, Setting], Search]
    peer: str | None = None
    module: str | None = None


# --- ours -----------------------------------------------------------------------------------------------------


class _Strategy:
    """One of smtune's strategies."""

    def __init__(self, space: Space, strategy: str | Mapping[str, object], seed: int) -> None:
        from smtune import AskTell, CategoricalParameter, ContinuousParameter

        def parameter(dimension: Dimension) -> object:
            match dimension:
                case Ordinal(values):
                    return CategoricalParameter(values, ordered=True)
                case Nominal(values):
                    return CategoricalParameter(values)
                case _:
                    return ContinuousParameter(dimension.low, dimension.high)

        parameters = {name: parameter(dimension) for name, dimension in space.items()}
        self._search = AskTell(parameters, strategy=strategy, seed=seed)

    def ask(self) -> tuple[Any, Configuration]:
        trial = self._search.ask()
        return trial, trial.parameters

    def tell(self, handle: Any, value: float) -> None:
        self._search.tell(handle, value)


def _strategy(strategy: str | Mapping[str, object]) -> Callable[[Space, Setting], Search]:
    return lambda space, setting: _Strategy(space, strategy, setting.seed)


def _bayesian(space: Space, setting: Setting) -> Search:
    return _Strategy(space, {"type": "bayesian", "noisy": setting.noisy}, setting.seed)


# --- Optuna ---------------------------------------------------------------------------------------------------


class _Study:
    """One of Optuna's samplers."""

    def __init__(self, space: Space, sampler: optuna.samplers.BaseSampler) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)

        def distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
            match dimension:
                case Ordinal(values):
                    return optuna.distributions.IntDistribution(0, len(values) - 1)
                case Nominal(values):
                    return optuna.distributions.CategoricalDistribution(values)
                case _:
                    return optuna.distributions.FloatDistribution(dimension.low, dimension.high)

        self._ordinals = {name: one.values for name, one in space.items() if isinstance(one, Ordinal)}
        self._distributions = {name: distribution(dimension) for name, dimension in space.items()}
        self._study = optuna.create_study(sampler=sampler)

    def ask(self) -> tuple[Any, Configuration]:
        trial = self._study.ask(self._distributions)
        configuration = {
            name: self._ordinals[name][value] if name in self._ordinals else value
            for name, value in trial.params.items()
        }
        return trial, configuration

    def tell(self, handle: Any, value: float) -> None:
        self._study.tell(handle, value)


def _tpe(space: Space, setting: Setting) -> Search:
    import optuna

    return _Study(space, optuna.samplers.TPESampler(seed=setting.seed, constant_liar=setting.workers > 1))


SUBJECTS: Mapping[str, Subject] = {
    "random": Subject("smtune random", _strategy("random")),
    "evolutionary": Subject("smtune evolutionary", _strategy("evolutionary")),
    "bayesian": Subject("smtune bayesian", _bayesian),
    "optuna-tpe": Subject("Optuna TPE", _tpe, "optuna-tpe", "optuna"),
}
