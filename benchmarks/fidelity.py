"""How much less training a multi-fidelity search needs than random search, for the same final loss.

``python -m benchmarks.fidelity [--half train|test] [--seeds 10]``

The tasks are real learning curves, of scikit-learn's neural networks and of XGBoost. Every configuration is trained
once, to the end; its loss and its CPU time after every step are kept in a file and shared by all searches. A search
pays for the steps that it uses, one trial at a time, and resumes paused trials where they were.

The figure of a search is the training time of 100 random trials, divided by the training time after which the search
is as good as these: medians over the seeds.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import ONE_THREAD
from smtune import AskTell, CategoricalParameter

RANDOM_TRIALS = 100
"""Whole trainings that set the loss to be reached, and the time."""

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
_DIGITS = {"objective": "multi:softprob", "num_class": 10, "eval_metric": "mlogloss"}

Training = Callable[[Configuration], Iterator[float]]
TASKS: Mapping[str, tuple[Mapping[str, Sequence[float]], int, Training]] = {
    "network_breast_cancer": (_NETWORK, EPOCHS, functools.partial(_network, "breast_cancer")),
    "network_digits": (_NETWORK, EPOCHS, functools.partial(_network, "digits")),
    "boosting_breast_cancer": (_BOOSTING, ROUNDS, functools.partial(_boosting, "breast_cancer", _BINARY)),
    "boosting_diabetes": (_BOOSTING, ROUNDS, functools.partial(_boosting, "diabetes", _REGRESSION)),
    "boosting_digits": (_BOOSTING, ROUNDS, functools.partial(_boosting, "digits", _DIGITS)),
}
HALVES = {
    "train": ("network_breast_cancer", "boosting_diabetes"),
    "test": ("network_digits", "boosting_breast_cancer", "boosting_digits"),
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
        given["resource"] = {"steps": [1, curves.most]}
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
    hyperband = library.pruners.HyperbandPruner(min_resource=1, max_resource=curves.most, reduction_factor=3)
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
    "hyperband": functools.partial(smtune, "hyperband"),
    "hyperband, evolutionary": functools.partial(smtune, {"type": "hyperband", "sampler": "evolutionary"}),
    "hyperband, bayesian": functools.partial(smtune, {"type": "hyperband", "sampler": "bayesian"}),
    "successive halving": functools.partial(smtune, {"type": "hyperband", "brackets": 1}),
    "asha": functools.partial(smtune, "asha"),
    "asha, evolutionary": functools.partial(smtune, {"type": "asha", "sampler": "evolutionary"}),
    "asha, bayesian": functools.partial(smtune, {"type": "asha", "sampler": "bayesian"}),
    "Optuna TPE": functools.partial(optuna, "none"),
    "Optuna TPE, Hyperband": functools.partial(optuna, "hyperband"),
}


# --- the figures -------------------------------------------------------------------------------------------------


def saving(course_of_seed: Sequence[Course], goal: float, budget: float) -> float:
    """Return the budget divided by the time after which half of the seeds have reached the goal; 0 if they never do."""
    times = sorted(next((at for at, best in course if best <= goal), float("inf")) for course in course_of_seed)
    median = times[len(times) // 2]
    return budget / median


def loss_at(course: Course, seconds: float) -> float:
    """Return the least loss after some training time."""
    place = bisect_right([at for at, _ in course], seconds)
    return course[max(place - 1, 0)][1]


def compare(task: str, subjects: Sequence[str], *, seeds: int, folder: Path) -> dict[str, list[float]]:
    """Return, by subject, the saving, and the median loss after a tenth, a third and all of random search's time."""
    curves = Curves(task, folder)
    baseline = []
    for seed in range(seeds):
        search = AskTell(
            {name: CategoricalParameter(list(values), ordered=True) for name, values in curves.space.items()},
            strategy="random",
            seed=seed,
        )
        bill = Bill()
        for _ in range(RANDOM_TRIALS):
            bill.pay(curves(search.ask().parameters), 0, curves.most)
        baseline.append(bill)
    goal = statistics.median(bill.course[-1][1] for bill in baseline)
    budget = statistics.median(bill.seconds for bill in baseline)
    table = {}
    for subject in subjects:
        courses = [SUBJECTS[subject](curves, seed, 1.5 * budget) for seed in range(seeds)]
        losses = [statistics.median(loss_at(course, share * budget) for course in courses) for share in (0.1, 1 / 3, 1)]
        table[subject] = [saving(courses, goal, budget), *losses]
    return table


def main() -> None:
    """Print a table per task and the geometric means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=HALVES, default="test")
    parser.add_argument("--tasks", nargs="+", choices=TASKS)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks"), help="Folder that keeps the curves.")
    arguments = parser.parse_args()
    savings: dict[str, list[float]] = {subject: [] for subject in arguments.subjects}
    for task in arguments.tasks or HALVES[arguments.half]:
        print(
            f"\n{task}\n\n| search | saving | loss at 1/10 | at 1/3 | at 1 of random's time |\n|---|---:|---:|---:|---:|"
        )
        for subject, row in compare(task, arguments.subjects, seeds=arguments.seeds, folder=arguments.cache).items():
            savings[subject].append(row[0])
            print(f"| {subject} | " + " | ".join(f"{value:.4g}" for value in row) + " |", flush=True)
    print("\n| search | saving, geometric mean |\n|---|---:|")
    for subject, values in savings.items():
        print(f"| {subject} | {statistics.geometric_mean(values) if all(values) else 0.0:.3g} |")


if __name__ == "__main__":
    os.environ.update(ONE_THREAD)  # before numpy is loaded
    main()
