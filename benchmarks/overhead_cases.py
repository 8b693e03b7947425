"""The cases of the overhead benchmark: searches of the same space, whose objective does nothing."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

    from smtune import SearchSpace, TuningSpec

BOOSTERS = ("gbtree", "dart", "gblinear")
OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True, slots=True)
class Case:
    """Something that runs trials.

    Attributes:
        title: What it is, for the table.
        run: Takes the number of trials and an empty folder of its own.
        peer: The name under which it can be left out, or ``None`` if it is ours.
        module: What must be installed.
        largest: It is not run with more trials than this.
        once: How many trials are run in the first round only, because they take minutes.
    """

    title: str
    run: Callable[[int, Path], None]
    peer: str | None = None
    module: str | None = None
    largest: float = math.inf
    once: float = math.inf


# --- ours -----------------------------------------------------------------------------------------------------


def _space() -> SearchSpace:
    from smtune import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace

    return SearchSpace(
        {
            "learning_rate": ContinuousParameter(1e-4, 1.0, "Logarithmic"),
            "alpha": ContinuousParameter(1e-6, 10.0, "Logarithmic"),
            "max_depth": IntegerParameter(2, 10),
            "units": IntegerParameter(8, 256),
            "booster": CategoricalParameter(BOOSTERS),
            "optimizer": CategoricalParameter(OPTIMIZERS),
        }
    )


def _objective(parameters: Mapping[str, Any]) -> float:
    value: float = parameters["learning_rate"]
    return value


def _ask_and_tell(strategy: str) -> Callable[[int, Path], None]:
    def run(trials: int, _folder: Path) -> None:
        from smtune import AskTell

        search = AskTell(_space(), strategy=strategy, seed=1)
        for _ in range(trials):
            trial = search.ask()
            search.tell(trial, _objective(trial.parameters))

    return run


def _spec(name: str, strategy: str, trials: int) -> TuningSpec:
    from smtune import TuningSpec

    return TuningSpec(
        name=name,
        objective={"metric": "loss", "goal": "Minimize"},
        parameters=_space(),
        strategy=strategy,
        limits={"max_trials": trials, "max_parallel": 1},
        seed=1,
    )


def _loop(strategy: str) -> Callable[[int, Path], None]:
    def run(trials: int, folder: Path) -> None:
        from smtune.loop import TuningLoop
        from smtune.runners import FunctionRunner
        from smtune.store import JobCreated, JobDirectory, JobStore

        spec = _spec(folder.name, strategy, trials)
        directory = JobDirectory(folder.name, folder)
        event = JobCreated(name=directory.name, backend="local", spec=spec.to_dict(), seed=spec.seed, at=time.time())
        runner = FunctionRunner(_objective, slots=1, objective=spec.objective.metric)
        with JobStore.create(directory, event) as store:
            TuningLoop(spec, runner=runner, store=store).run()
            _check(store.counts()["Completed"], trials)  # type: ignore[index]

    return run


def _job(strategy: str) -> Callable[[int, Path], None]:
    def run(trials: int, folder: Path) -> None:
        from smtune import tune

        result = tune(_spec(folder.name, strategy, trials), function=_objective).wait(progress=False)
        _check(result.counts["Completed"], trials)

    return run


def _check(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} of {wanted} trials were completed: nothing was measured")


# --- the others -----------------------------------------------------------------------------------------------


def _floor(trials: int, _folder: Path) -> None:
    draw = random.Random(1)
    history = []
    for _ in range(trials):
        parameters = {
            "learning_rate": math.exp(draw.uniform(math.log(1e-4), 0.0)),
            "alpha": math.exp(draw.uniform(math.log(1e-6), math.log(10.0))),
            "max_depth": draw.randint(2, 10),
            "units": draw.randint(8, 256),
            "booster": draw.choice(BOOSTERS),
            "optimizer": draw.choice(OPTIMIZERS),
        }
        history.append((parameters, _objective(parameters)))


def _suggest(trial: optuna.Trial) -> float:
    parameters = {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1.0, log=True),
        "alpha": trial.suggest_float("alpha", 1e-6, 10.0, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 10),
        "units": trial.suggest_int("units", 8, 256),
        "booster": trial.suggest_categorical("booster", BOOSTERS),
        "optimizer": trial.suggest_categorical("optimizer", OPTIMIZERS),
    }
    return _objective(parameters)


def _optuna_ask_and_tell(sampler: str) -> Callable[[int, Path], None]:
    def run(trials: int, _folder: Path) -> None:
        import optuna

        optuna.logging.disable_default_handler()
        study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=1))
        for _ in range(trials):
            trial = study.ask()
            study.tell(trial, _suggest(trial))

    return run


def _optuna_sqlite(trials: int, folder: Path) -> None:
    import optuna

    optuna.logging.disable_default_handler()
    storage = f"sqlite:///{folder}/optuna.db"
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(_suggest, n_trials=trials)
    _check(len(study.trials), trials)


CASES: Mapping[str, Case] = {
    "floor": Case("floor: draw, append to a list", _floor),
    "ask-random": Case("smtune AskTell, random", _ask_and_tell("random")),
    "ask-evolutionary": Case("smtune AskTell, evolutionary", _ask_and_tell("evolutionary")),
    "loop-random": Case("smtune loop and store, random", _loop("random")),
    "loop-evolutionary": Case("smtune loop and store, evolutionary", _loop("evolutionary")),
    "job-random": Case("smtune tune().wait(), random", _job("random")),
    "job-evolutionary": Case("smtune tune().wait(), evolutionary", _job("evolutionary")),
    "optuna-random": Case("Optuna ask/tell, random", _optuna_ask_and_tell("RandomSampler"), "optuna", "optuna"),
    "optuna-nsga2": Case("Optuna ask/tell, NSGA-II", _optuna_ask_and_tell("NSGAIISampler"), "optuna", "optuna"),
    "optuna-sqlite": Case(
        "Optuna optimize on SQLite, random", _optuna_sqlite, "optuna-sqlite", "optuna", largest=1000, once=1000
    ),
}
