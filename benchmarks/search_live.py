"""Tasks that are trained while the benchmark runs; no configuration is ever trained twice.

The values are kept as lines of JSON, one file per task and version of the libraries. The spaces are finite, so that
searches share what others have trained. The best value is the least that was ever seen, by whatever search.
"""

from __future__ import annotations

import functools
import json
import random
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.search_tasks import Configuration, Ordinal

RANDOM = 201
"""Random configurations that are trained beforehand: their median is what regrets are normalised by."""

_BOOSTING = {
    "learning_rate": Ordinal((0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)),
    "n_estimators": Ordinal((5, 7, 10, 14, 20, 28, 40, 56, 80)),
    "max_depth": Ordinal((1, 2, 3, 4, 5, 6, 7, 8)),
    "min_child_weight": Ordinal((0.1, 0.3, 1, 3, 10, 30)),
    "subsample": Ordinal((0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
    "colsample_bytree": Ordinal((0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)),
    "reg_lambda": Ordinal((0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)),
}
_SVC = {
    "C": Ordinal(tuple(2.0 ** (place / 2) for place in range(-14, 17))),
    "gamma": Ordinal(tuple(2.0 ** (place / 2) for place in range(-30, 1))),
}
_SVR = {
    "C": Ordinal(tuple(2.0**place for place in range(-5, 16))),
    "gamma": Ordinal(tuple(2.0**place for place in range(-18, 3))),
    "epsilon": Ordinal(tuple(2.0**place for place in range(-4, 7))),
}


def _xgboost_breast_cancer(configuration: Configuration) -> float:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_jobs=1, random_state=0, **configuration)
    return -_score(model, _data("breast_cancer"), folds=3, scoring="neg_log_loss")


def _xgboost_diabetes(configuration: Configuration) -> float:
    from xgboost import XGBRegressor

    model = XGBRegressor(n_jobs=1, random_state=0, **configuration)
    return -_score(model, _data("diabetes"), folds=3, scoring="neg_root_mean_squared_error")


def _svm_digits(configuration: Configuration) -> float:
    from sklearn.svm import SVC

    features, labels = _data("digits")
    return 1.0 - _score(SVC(**configuration), (features[:500] / 16, labels[:500]), folds=5, scoring="accuracy")


def _svm_diabetes(configuration: Configuration) -> float:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    model = make_pipeline(StandardScaler(), SVR(**configuration))
    return -_score(model, _data("diabetes"), folds=5, scoring="neg_root_mean_squared_error")


@functools.cache
def _data(name: str) -> tuple[Any, Any]:
    """Return the features and the labels of one of scikit-learn's data sets."""
    from sklearn import datasets

    features, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    return features, labels


def _score(model: object, data: tuple[Any, Any], *, folds: int, scoring: str) -> float:
    """Return the mean score of cross-validation with always the same folds."""
    from sklearn.base import is_classifier
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

    splitter = StratifiedKFold if is_classifier(model) else KFold
    splits = splitter(folds, shuffle=True, random_state=0)
    return float(cross_val_score(model, *data, cv=splits, scoring=scoring).mean())


TRAININGS: Mapping[str, tuple[Mapping[str, Ordinal], Callable[[Configuration], float]]] = {
    "svm_diabetes": (_SVR, _svm_diabetes),
    "svm_digits": (_SVC, _svm_digits),
    "xgboost_breast_cancer": (_BOOSTING, _xgboost_breast_cancer),
    "xgboost_diabetes": (_BOOSTING, _xgboost_diabetes),
}
"""Name of a task to its space, and to the function of a configuration that is minimised."""


class LiveTask:
    """A task whose configurations are trained when they are first asked for.

    Args:
        space: Name to dimension.
        train: Returns the value of a configuration.
        path: The file that keeps the values.
    """

    def __init__(self, space: Mapping[str, Ordinal], train: Callable[[Configuration], float], path: Path) -> None:
        self.space = space
        self._train = train
        self._path = path
        self._known: dict[tuple[object, ...], float] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                *values, value = json.loads(line)
                self._known[tuple(values)] = value
        draw = random.Random(0)
        drawn = [{name: draw.choice(one.values) for name, one in space.items()} for _ in range(RANDOM)]
        self.median = statistics.median(map(self, drawn))

    @property
    def best(self) -> float:
        """The least value seen so far."""
        return min(self._known.values())

    def __call__(self, configuration: Configuration) -> float:
        """Return the value of a configuration."""
        key = tuple(configuration[name] for name in self.space)
        if key not in self._known:
            self._known[key] = value = self._train(configuration)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([*key, value]) + "\n")
        return self._known[key]


@functools.cache
def live(name: str, folder: Path) -> LiveTask:
    """Return a task with the values that earlier runs have kept.

    Args:
        name: One of the trainings.
        folder: Where values are kept; it is made if need be.
    """
    import sklearn
    import xgboost

    space, train = TRAININGS[name]
    folder.mkdir(parents=True, exist_ok=True)
    return LiveTask(space, train, folder / f"{name}-sklearn-{sklearn.__version__}-xgboost-{xgboost.__version__}.jsonl")
