"""How much less training a multi-fidelity search needs than random search, for the same final loss.

``python -m benchmarks.fidelity [--half train|test] [--seeds 10]``

The tasks are real learning curves, of scikit-learn's neural networks and of XGBoost. Every configuration is trained
once, to the end; its loss and its CPU time after every step are kept in a file and shared by all searches. A search
pays for the steps that it uses, one trial at a time, and resumes paused trials where they were.

The figure of a search is its *saving*: the training time after which random search has a loss, divided by the time
after which this search has it. The losses are the medians that random search reaches with 25, 50 and 100 trials. Of the
seeds the median time counts, so random search itself saves a factor 1; of the losses the geometric mean. A search that
does not get there in one and a half times the longest time counts as if it had got there then.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import ONE_THREAD, number, print_table
from smtune import AskTell, CategoricalParameter

RANDOM_TRIALS, RANDOM_SEEDS = (25, 50, 100), 100
"""Whole trainings that set the losses to be reached, and their time."""
PATIENCE = 1.5
"""A search may take so many times as long as the last of them."""

Configuration = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Curve:
    """A whole training.

    Attributes:
        losses: After every step.
        seconds: CPU seconds from the beginning to the end of every step.
    """

    losses: Sequence[float]
    seconds: Sequence[float]


# --- the tasks ---------------------------------------------------------------------------------------------------

_NETWORK = {
    "learning_rate_init": (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    "alpha": (1e-6, 1e-4, 1e-2, 1.0, 10.0),
    "batch_size": (8, 16, 32, 64, 128),
    "width": (4, 8, 16, 32, 64),
    "beta_1": (0.5, 0.8, 0.9, 0.95),
}
_BOOSTING = {
    "eta": (0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
    "max_depth": (1, 2, 3, 4, 6, 8),
    "min_child_weight": (0.1, 1, 5, 20),
    "subsample": (0.4, 0.6, 0.8, 1.0),
    "lambda": (0.01, 0.1, 1, 10, 100),
}
EPOCHS, ROUNDS = 27, 81
LEAST = 3
"""Steps that every trial trains: after a single one, little can be told."""


def _network(data: str, configuration: Configuration) -> Iterator[float]:
    """Train a network by epochs and yield its loss on held-out data after each."""
    import numpy as np
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    features, labels = _data(data)
    half = len(labels) // 2
    scaler = StandardScaler().fit(features[:half])
    train, held_out = scaler.transform(features[:half]), scaler.transform(features[half:])
    settings = {key: value for key, value in configuration.items() if key != "width"}
    model = MLPClassifier((configuration["width"],), random_state=0, **settings)
    classes = np.unique(labels)
    for _ in range(EPOCHS):
        model.partial_fit(train, labels[:half], classes=classes)
        yield float(log_loss(labels[half:], model.predict_proba(held_out), labels=classes))


def _boosting(data: str, objective: Mapping[str, Any], configuration: Configuration) -> Iterator[float]:
    """Boost round by round and yield the loss on held-out data after each."""
    import xgboost

    features, labels = _data(data)
    half = len(labels) // 2
    train, held_out = xgboost.DMatrix(features[:half], labels[:half]), xgboost.DMatrix(features[half:], labels[half:])
    booster = xgboost.Booster({"nthread": 1, "seed": 0, **objective, **configuration}, [train, held_out])
    for step in range(ROUNDS):
        booster.update(train, step)
        yield float(str(booster.eval(held_out, iteration=step)).rpartition(":")[2])


@functools.cache
def _data(name: str) -> tuple[Any, Any]:
    """Return the features and labels of one of scikit-learn's data sets, in random order."""
    from sklearn import datasets
    from sklearn.utils import shuffle

    features, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    shuffled = shuffle(features, labels, random_state=0)
    return shuffled[0][:1200], shuffled[1][:1200]


_BINARY = {"objective": "binary:logistic", "eval_metric": "logloss"}
_REGRESSION = {"objective": "reg:squarederror", "eval_metric": "rmse"}

Training = Callable[[Configuration], Iterator[float]]
TASKS: Mapping[str, tuple[Mapping[str, Sequence[float]], int, Training]] = {
    "network_breast_cancer": (_NETWORK, EPOCHS, functools.partial(_network, "breast_cancer")),
    "network_digits": (_NETWORK, EPOCHS, functools.partial(_network, "digits")),
    "boosting_breast_cancer": (_BOOSTING, ROUNDS, functools.partial(_boosting, "breast_cancer", _BINARY)),
    "boosting_diabetes": (_BOOSTING, ROUNDS, functools.partial(_boosting, "diabetes", _REGRESSION)),
}
HALVES = {
    "train": ("network_breast_cancer", "boosting_diabetes"),
    "test": ("network_digits", "boosting_breast_cancer"),
}
"""Constants may be chosen on the first; the second is reported."""


class Curves:
    """The learning curves of one task, trained when they are first asked for.

    Args:
        name: One of the tasks.
        folder: Where they are kept; it is made if need be.
    """

    def __init__(self, name: str, folder: Path) -> None:
        import sklearn
        import xgboost

        self.space, self.most, self._train = TASKS[name]
        folder.mkdir(parents=True, exist_ok=True)
        versions = f"sklearn-{sklearn.__version__}-xgboost-{xgboost.__version__}"
        self._path = folder / f"curves-{name}-{versions}.jsonl"
        self._known: dict[tuple[object, ...], Curve] = {}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                key, losses, seconds = json.loads(line)
                self._known[tuple(key)] = Curve(losses, seconds)

    def __call__(self, configuration: Configuration) -> Curve:
        """Return the curve of a configuration."""
        key = tuple(configuration[name] for name in self.space)
        if key not in self._known:
            losses, seconds, begin = [], [], time.process_time()
            for loss in self._train(configuration):
                losses.append(loss)
                seconds.append(time.process_time() - begin)
            self._known[key] = Curve(losses, seconds)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, losses, seconds]) + "\n")
        return self._known[key]


# --- the searches ------------------------------------------------------------------------------------------------

Course = Sequence[tuple[float, float]]
"""Seconds of training spent, and the least loss by then, ever later."""


class Bill:
    """What a search has spent, and the best that it has seen."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._best = float("inf")
        self.course: list[tuple[float, float]] = []

    def pay(self, curve: Curve, begin: int, end: int) -> float:
        """Train from one step to another and return the loss there."""
        self.seconds += curve.seconds[end - 1] - (curve.seconds[begin - 1] if begin else 0.0)
        loss = curve.losses[end - 1]
        self._best = min(self._best, loss)
        self.course.append((self.seconds, self._best))
        return loss


def smtune(strategy: str | Mapping[str, Any], curves: Curves, seed: int, budget: float) -> Course:
    """Search until the budget of training seconds is spent."""
    space = {name: CategoricalParameter(list(values), ordered=True) for name, values in curves.space.items()}
    given: dict[str, Any] = {"type": strategy} if isinstance(strategy, str) else dict(strategy)
    if given["type"] in ("hyperband", "asha"):
        given["resource"] = {"steps": [LEAST, curves.most]}
    search = AskTell(space, strategy=given, goal="Minimize", seed=seed)
    bill, used = Bill(), dict[int, int]()
    while bill.seconds < budget:
        trial = search.ask()
        steps = trial.resource or curves.most
        search.tell(trial, bill.pay(curves(trial.parameters), used.get(trial.number, 0), steps))
        used[trial.number] = steps
    return bill.course


def optuna(pruner: str, curves: Curves, seed: int, budget: float) -> Course:
    """Search with Optuna's TPE, without or with its Hyperband, which stops trials and never resumes them."""
    import optuna as library

    library.logging.set_verbosity(library.logging.ERROR)
    hyperband = library.pruners.HyperbandPruner(min_resource=LEAST, max_resource=curves.most, reduction_factor=3)
    pruners = {"none": library.pruners.NopPruner(), "hyperband": hyperband}
    study = library.create_study(sampler=library.samplers.TPESampler(seed=seed), pruner=pruners[pruner])
    bill = Bill()
    while bill.seconds < budget:
        trial = study.ask()
        configuration = {
            name: values[trial.suggest_int(name, 0, len(values) - 1)] for name, values in curves.space.items()
        }
        curve = curves(configuration)
        loss, state = 0.0, library.trial.TrialState.COMPLETE
        for step in range(curves.most):
            loss = bill.pay(curve, step, step + 1)
            trial.report(loss, step + 1)
            if trial.should_prune():
                state = library.trial.TrialState.PRUNED
                break
        study.tell(trial, loss if state is library.trial.TrialState.COMPLETE else None, state)
    return bill.course


SUBJECTS: Mapping[str, Callable[[Curves, int, float], Course]] = {
    "random": functools.partial(smtune, "random"),
    "bayesian": functools.partial(smtune, "bayesian"),
    "evolutionary": functools.partial(smtune, "evolutionary"),
    "hyperband": functools.partial(smtune, "hyperband"),
    "hyperband, random": functools.partial(smtune, {"type": "hyperband", "sampler": "random"}),
    "hyperband, bayesian": functools.partial(smtune, {"type": "hyperband", "sampler": "bayesian"}),
    "asha": functools.partial(smtune, "asha"),
    "asha, random": functools.partial(smtune, {"type": "asha", "sampler": "random"}),
    "asha, bayesian": functools.partial(smtune, {"type": "asha", "sampler": "bayesian"}),
    "Optuna TPE": functools.partial(optuna, "none"),
    "Optuna TPE, Hyperband": functools.partial(optuna, "hyperband"),
}


# --- the figures -------------------------------------------------------------------------------------------------


def goals(curves: Curves) -> list[tuple[float, float]]:
    """Return the seconds that random search takes for its trials, and the loss that it has then: medians."""
    courses = []
    configurations = [dict(zip(curves.space, one, strict=True)) for one in itertools.product(*curves.space.values())]
    for seed in range(RANDOM_SEEDS):
        bill = Bill()
        for configuration in random.Random(seed).sample(configurations, RANDOM_TRIALS[-1]):
            bill.pay(curves(configuration), 0, curves.most)
        courses.append([bill.course[trials - 1] for trials in RANDOM_TRIALS])
    return [
        (statistics.median(at for at, _ in column), statistics.median(best for _, best in column))
        for column in zip(*courses, strict=True)
    ]


def saving(courses: Sequence[Course], wanted: Sequence[tuple[float, float]]) -> float:
    """Return how many times faster than random search the losses were reached: the geometric mean."""
    longest = PATIENCE * wanted[-1][0]
    factors = []
    for seconds, loss in wanted:
        times = [next((at for at, best in course if best <= loss), longest) for course in courses]
        factors.append(seconds / statistics.median(times))
    return statistics.geometric_mean(factors)


def compare(task: str, subjects: Sequence[str], *, seeds: int, folder: Path) -> Iterator[tuple[str, float]]:
    """Yield every subject with its saving."""
    curves = Curves(task, folder)
    wanted = goals(curves)
    for subject in subjects:
        courses = [SUBJECTS[subject](curves, seed, PATIENCE * wanted[-1][0]) for seed in range(seeds)]
        yield subject, saving(courses, wanted)


def main() -> None:
    """Print a table per task and the geometric means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=HALVES, default="test")
    parser.add_argument("--tasks", nargs="+", choices=TASKS)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks"), help="Folder that keeps the curves.")
    arguments = parser.parse_args()
    tasks = arguments.tasks or HALVES[arguments.half]
    rows: dict[str, list[float]] = {subject: [] for subject in arguments.subjects}
    for task in tasks:
        for subject, factor in compare(task, arguments.subjects, seeds=arguments.seeds, folder=arguments.cache):
            print(f"{task}: {subject} {factor:.2f}", flush=True)
            rows[subject].append(factor)
    table = [[name, *map(number, row), number(statistics.geometric_mean(row))] for name, row in rows.items()]
    title = f"Times faster than random search, in training time; {arguments.seeds} seeds"
    print_table(title, ["search", *(task.replace("_", " ") for task in tasks), "all"], table)


if __name__ == "__main__":
    os.environ.update(ONE_THREAD)  # before numpy is loaded
    main()
