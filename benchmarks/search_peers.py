"""The searches that are compared: smtune's strategies and what users would pick instead, each in its best form.

Every search gets the tasks in the coding that serves it best. Ordinals are the delicate case, for instance the learning
rates 0.001, 0.005, 0.01. smtune takes such a list as it is and is told that it is ordered. Optuna has no ordered
choices: there an ordinal becomes the integer index into the list, which is evenly spaced as the list was meant to be.
As categories, CMA-ES could not search it at all, NSGA-II could not mix neighbours, and TPE and the Gaussian process
would have to learn that neighbours are alike. As floats, most suggestions would lie between two values, and the search
would be told the value of another configuration than the one it suggested. What is nominal is a category for everybody;
CMA-ES, which knows no categories, leaves them to random draws.

Scikit-learn's searches have no line of their own: ``RandomizedSearchCV`` is random search, ``GridSearchCV`` learns from
nothing either, and the halving searches are about training less per configuration, which is not compared here.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.measuring import installed
from benchmarks.search_tasks import Configuration, Dimension, Linear, Nominal, Ordinal, Space

if TYPE_CHECKING:
    import optuna


POPULATION = 20
"""Of the peers' evolutionary searches: their own defaults, 50 and 100, would spend most trials on random draws."""


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
    """

    seed: int
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of search.

    Attributes:
        name: What it is asked for by.
        title: What it is, for tables.
        start: Returns a new search.
        modules: What must be installed.
    """

    name: str
    title: str
    start: Callable[[Space, Setting], Search]
    modules: Sequence[str] = ()

    @property
    def peer(self) -> str:
        """The name under which it can be left out."""
        return self.name

    @property
    def module(self) -> str | None:
        """The first module that must be installed and is not."""
        return next((module for module in self.modules if not installed(module)), None)

    @property
    def ours(self) -> bool:
        """Whether it is one of smtune's."""
        return self.title.startswith("smtune ")


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


# --- Optuna ---------------------------------------------------------------------------------------------------


class _Study:
    """One of Optuna's samplers."""

    def __init__(self, space: Space, sampler: optuna.samplers.BaseSampler) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

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


def _sampler(name: str, **options: object) -> Callable[[Space, Setting], Search]:
    def start(space: Space, setting: Setting) -> Search:
        import optuna

        return _Study(space, getattr(optuna.samplers, name)(seed=setting.seed, **options))

    return start


def _tpe(space: Space, setting: Setting) -> Search:
    """Start TPE as it comes, which is multivariate; with several workers as its documentation advises."""
    return _sampler("TPESampler", constant_liar=setting.workers > 1)(space, setting)


# --- Syne Tune ------------------------------------------------------------------------------------------------


class _RegularizedEvolution:
    """Syne Tune's regularised evolution, driven without its tuner.

    It draws a new value for one parameter at a time, whatever its order, so an index is as good as the value itself.
    """

    def __init__(self, space: Space, setting: Setting) -> None:
        import numpy as np
        from syne_tune import config_space
        from syne_tune.optimizer.schedulers.searchers.regularized_evolution import RegularizedEvolution

        def domain(dimension: Dimension) -> object:
            match dimension:
                case Linear(low, high):
                    return config_space.uniform(low, high)
                case _:
                    return config_space.randint(0, len(dimension.values) - 1)

        np.random.seed(setting.seed)  # noqa: NPY002 - this is where it draws its first population from
        domains = {name: domain(dimension) for name, dimension in space.items()}
        self._space = space
        self._search = RegularizedEvolution(domains, population_size=POPULATION, random_seed=setting.seed)
        self._asked = 0

    def ask(self) -> tuple[Any, Configuration]:
        suggested = self._search.suggest()
        configuration = {
            name: suggested[name] if isinstance(dimension, Linear) else dimension.values[suggested[name]]
            for name, dimension in self._space.items()
        }
        self._asked += 1
        return (self._asked - 1, suggested), configuration

    def tell(self, handle: Any, value: float) -> None:
        number, suggested = handle
        self._search.on_trial_complete(number, suggested, value)


# --- all of them ----------------------------------------------------------------------------------------------

SUBJECTS: Mapping[str, Subject] = {
    subject.name: subject
    for subject in (
        Subject("random", "smtune random", _strategy("random")),
        Subject("sobol", "smtune sobol", _strategy("sobol"), ("scipy",)),
        Subject("evolutionary", "smtune evolutionary", _strategy("evolutionary")),
        Subject("bayesian", "smtune bayesian", _strategy("bayesian"), ("scipy", "threadpoolctl")),
        Subject("optuna-random", "Optuna random", _sampler("RandomSampler"), ("optuna",)),
        Subject("optuna-tpe", "Optuna TPE", _tpe, ("optuna",)),
        Subject("optuna-gp", "Optuna GP", _sampler("GPSampler"), ("optuna", "scipy", "torch")),
        Subject(
            "optuna-cmaes",
            "Optuna CMA-ES",
            _sampler("CmaEsSampler", warn_independent_sampling=False),
            ("optuna", "cmaes"),
        ),
        Subject("optuna-nsga2", "Optuna NSGA-II", _sampler("NSGAIISampler", population_size=POPULATION), ("optuna",)),
        Subject("syne-tune-rea", "Syne Tune REA", _RegularizedEvolution, ("syne_tune",)),
    )
}
"""Name to subject, in the order of the tables."""


def subject_of(name: str) -> Subject:
    """Return a subject by its name, or one of smtune's strategies with settings, written as JSON.

    >>> subject_of('{"type": "evolutionary", "population": 20}').title
    'smtune evolutionary, population 20'

    Raises:
        ValueError: It is neither, or its settings are wrong.
    """
    if name in SUBJECTS:
        return SUBJECTS[name]
    try:
        strategy = json.loads(name)
    except ValueError:
        known = ", ".join(SUBJECTS)
        raise ValueError(f"{name!r} is no subject: use one of {known}, or a strategy with settings as JSON") from None
    from smtune.spec import read_strategy

    read_strategy(strategy)
    others = [f"{field} {value}" for field, value in strategy.items() if field != "type"]
    return Subject(name, f"smtune {', '.join([strategy['type'], *others])}", _strategy(strategy))
