"""Train a penalised linear model, and report how the validation loss changes with its penalties.

Channels as for ``train.py``. Hyperparameters: ``model`` (``ridge`` or ``logistic``), ``alpha``, the penalty of the squared
weights as in scikit-learn, ``cv_folds`` and ``seed``. With ``groups``, which maps names to the first feature of each group and
the one after its last, every group has a penalty of its own: ``alpha_<name>`` takes the place of ``alpha``. On a laptop::

    SM_CHANNEL_TRAIN=data/train python hypergradient.py --model ridge --cv_folds 5 --alpha 3.0
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from penalised import Array, Fit, Logistic, Regression, Ridge  # type: ignore[import-not-found] # beside this file
from tabular import Table, make_folds, read_channel  # type: ignore[import-not-found]

from smtune.container import Environment, report

MODELS: Mapping[str, type[Regression]] = {"ridge": Ridge, "logistic": Logistic}
DEFAULTS: Mapping[str, Any] = {"model": "ridge", "groups": {}, "cv_folds": 0, "seed": 0}


@dataclass(frozen=True)
class Settings:
    """The hyperparameters of one training.

    Attributes:
        regression: What is learnt.
        penalties: Hyperparameter to its value.
        columns: Hyperparameter to the features that it penalises, in the same order.
        cv_folds: Number of folds of cross-validation; 0 or 1: none.
        seed: Seed of the folds.
    """

    regression: Regression
    penalties: Mapping[str, float]
    columns: Mapping[str, slice]
    cv_folds: int
    seed: int

    def penalty(self, width: int) -> Array:
        """Return the penalty of every column of a design of ``width`` columns; 0 for the intercept, the last one.

        Raises:
            ValueError: The groups do not cover the features, each once.
        """
        covered = np.zeros(width - 1, dtype=int)
        penalty = np.zeros(width)
        for name, value in self.penalties.items():
            penalty[:-1][self.columns[name]] = value
            covered[self.columns[name]] += 1
        if not (covered == 1).all():
            raise ValueError(f"hyperparameter groups: must cover each of the {width - 1} features once, from 0")
        return penalty

    def by_name(self, derivatives: Array) -> dict[str, float]:
        """Sum derivatives by column to derivatives by hyperparameter: one penalty moves all columns of its group."""
        return {name: float(derivatives[:-1][columns].sum()) for name, columns in self.columns.items()}


def main() -> None:
    """Read the contract, train, report the losses and the hypergradient, and save the weights."""
    environment = Environment.current()
    settings = read_settings(environment)
    train = read_channel(environment, "train", has_label=True)
    if isinstance(settings.regression, Logistic) and not np.isin(train.labels, (0, 1)).all():
        raise ValueError("channel 'train': model logistic takes the labels 0 and 1 only")
    folds = make_folds(train, settings.cv_folds, settings.seed) if settings.cv_folds > 1 else []
    splits = folds or [(train, read_channel(environment, "validation", has_label=True))]
    metrics, derivatives = validate(settings, splits)
    design = Design(train)
    fit = learn(settings, design, train)
    if "test" in environment.channels():
        test = read_channel(environment, "test", has_label=True)
        scores = design.features(test) @ fit.weights
        metrics[f"test:{settings.regression.name}"] = settings.regression.loss(scores, test.labels)
    report(metrics, hypergradient=derivatives)
    model = {"weights": fit.weights.tolist(), "means": design.means.tolist(), "scales": design.scales.tolist()}
    (environment.model_dir() / "model.json").write_text(json.dumps(model))


class Design:
    """Features as the model sees them: standardised by the rows that are learnt from, and a column of ones.

    Attributes:
        means: What is subtracted, shape ``(columns,)``.
        scales: What is divided by; 1 for a feature that never varies.
    """

    def __init__(self, learnt: Table) -> None:
        self.means = learnt.features.mean(axis=0)
        spread = learnt.features.std(axis=0)
        self.scales = np.where(spread > 0, spread, 1.0)

    def features(self, table: Table) -> Array:
        """Return the features of some rows, shape ``(rows, columns + 1)``."""
        return np.column_stack([(table.features - self.means) / self.scales, np.ones(len(table))])


def learn(settings: Settings, design: Design, table: Table) -> Fit:
    """Fit the model to some rows."""
    features = design.features(table)
    penalties = settings.penalty(features.shape[1])
    weights = settings.regression.fit(features, table.labels, penalties)
    return Fit(weights, features, table.labels, penalties)


def validate(settings: Settings, splits: list[tuple[Table, Table]]) -> tuple[dict[str, float], dict[str, float]]:
    """Train and validate once per split.

    Returns:
        The mean losses by metric, and the derivatives of the validation's one by hyperparameter.
    """
    regression = settings.regression
    losses, derivatives = [], []
    for learnt, held_out in splits:
        design = Design(learnt)
        fit = learn(settings, design, learnt)
        features = design.features(held_out)
        pairs = ((fit.features, learnt.labels), (features, held_out.labels))
        losses.append([regression.loss(rows @ fit.weights, labels) for rows, labels in pairs])
        derivatives.append(regression.hypergradient(fit, features, held_out.labels))
    train, validation = np.mean(losses, axis=0)
    metrics = {f"train:{regression.name}": float(train), f"validation:{regression.name}": float(validation)}
    return metrics, settings.by_name(np.mean(derivatives, axis=0))


def read_settings(environment: Environment) -> Settings:
    """Read and check the hyperparameters.

    Raises:
        ValueError: A hyperparameter is unknown, or has a wrong value.
    """
    columns = _columns(environment.hyperparameters(DEFAULTS)["groups"])
    given = environment.hyperparameters({**DEFAULTS, **dict.fromkeys(columns, 1.0)})
    known = [*DEFAULTS, *columns]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it takes: {', '.join(known)}"
            raise ValueError(f"unknown hyperparameter {name}; {hint}")
    if given["model"] not in MODELS:
        raise ValueError(f"hyperparameter model = {given['model']!r}: must be one of {', '.join(MODELS)}")
    for name in columns:
        if not (given[name] > 0 and np.isfinite(given[name])):
            raise ValueError(f"hyperparameter {name} = {given[name]}: must be above 0")
    return Settings(
        regression=MODELS[given["model"]](),
        penalties={name: given[name] for name in columns},
        columns=columns,
        cv_folds=given["cv_folds"],
        seed=given["seed"],
    )


def _columns(groups: Mapping[str, Any]) -> dict[str, slice]:
    """Return the features of every penalty."""
    columns = {}
    for name, ends in groups.items():
        if not (isinstance(ends, list) and len(ends) == 2 and all(type(end) is int for end in ends)):
            raise ValueError(f"hyperparameter groups: {name} = {ends!r}: must be two numbers of features, like [0, 10]")
        columns[f"alpha_{name}"] = slice(*ends)
    return columns or {"alpha": slice(None)}


if __name__ == "__main__":
    main()
