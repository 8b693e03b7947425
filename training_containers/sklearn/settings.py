"""Which hyperparameters the scikit-learn trainer knows, and what they are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models import CLUSTERING, MODELS, Model  # type: ignore[import-not-found] # beside this file, wherever that is
from sklearn.base import BaseEstimator

from smtune.container import Environment

OWN_PARAMETERS: Mapping[str, Any] = {"model": "", "task": "", "scale": True, "seed": 0, "cv_folds": 0}


@dataclass(frozen=True)
class Settings:
    """The hyperparameters of one training.

    Attributes:
        model: How the estimator learns.
        task: ``"classification"``, ``"regression"`` or ``"clustering"``.
        parameters: What the estimator is built with.
        scale: Whether features are standardised, by the rows that are learnt from.
        cv_folds: Number of folds of cross-validation; 0 or 1: none.
        seed: Seed of every random draw; another one for each repeat of the same configuration.
        epochs: Passes over the data, for models that learn by epochs.
        batch_size: Rows that ``sgd`` takes at a time, ``None``: all.
        tuned_metric: The metric that a tuning job optimises, or ``None``; its folds are reported one by one.
        has_label: Whether the first column is a label; only clustering can do without.
    """

    model: Model
    task: str
    parameters: Mapping[str, Any]
    scale: bool
    cv_folds: int
    seed: int
    epochs: int
    batch_size: int | None
    tuned_metric: str | None
    has_label: bool

    def build(self) -> BaseEstimator:
        """Return a new estimator."""
        estimator: BaseEstimator = self.model.estimators[self.task](**self.parameters)
        return estimator


def read_settings(environment: Environment) -> Settings:
    """Read and check the hyperparameters.

    Raises:
        ValueError: A hyperparameter is unknown (the message lists near names), or has a wrong value.
    """
    chosen = environment.hyperparameters(OWN_PARAMETERS)
    name = _one_of("model", chosen["model"], MODELS)
    model = MODELS[name]
    task = _one_of("task", chosen["task"] or next(iter(model.estimators)), model.estimators, f" for model {name}")
    defaults = _own_defaults(name, model, task)
    own = {key: value for key, value in environment.hyperparameters(defaults).items() if key in defaults}
    for key, least in (("cv_folds", 0), ("epochs", 1), ("batch_size", 0)):
        if own.get(key, least) < least:
            raise ValueError(f"hyperparameter {key} = {own[key]}: must be at least {least}")
    own["seed"] += environment.repeat
    given = {key.replace("-", "_"): value for key, value in environment.hyperparameters().items()}
    parameters = _estimator_parameters(name, task, {key: given[key] for key in given if key not in own}, list(own))
    if "random_state" in model.parameters(task):
        parameters.setdefault("random_state", own["seed"])
    return Settings(
        model=model,
        task=task,
        parameters={**model.presets.get(task, {}), **parameters},
        scale=own["scale"],
        cv_folds=own["cv_folds"],
        seed=own["seed"],
        epochs=own.get("epochs", 1),
        batch_size=own.get("batch_size") or None,
        tuned_metric=environment.objective_metric,
        has_label=own.get("has_label", True),
    )


def _own_defaults(name: str, model: Model, task: str) -> dict[str, Any]:
    own = {**OWN_PARAMETERS, "scale": model.scaled}
    if model.learns == "by epochs":
        own["epochs"] = 50
    if name == "sgd":
        own["batch_size"] = 0
    if task == CLUSTERING:
        own["has_label"] = True
    return own


def _estimator_parameters(name: str, task: str, given: Mapping[str, Any], own: list[str]) -> dict[str, Any]:
    """Return the parameters of the estimator in the form that it takes."""
    model = MODELS[name]
    available = model.parameters(task)
    parameters = dict(given)
    if model.rate and isinstance(given.get("learning_rate"), (int, float)):
        # scikit-learn calls the schedule so; a number can only mean the rate.
        parameters.update({model.rate: given["learning_rate"], "learning_rate": "constant"})
    for key in parameters:
        if key not in available:
            raise ValueError(_unknown(key, name, [*own, *available]))
    if name == "mlp" and parameters.get("solver") == "lbfgs":
        raise ValueError("hyperparameter solver = 'lbfgs': model mlp learns by epochs, so it must be adam or sgd")
    return {key: _convert(key, value, available[key]) for key, value in parameters.items()}


def _convert(name: str, value: Any, default: Any) -> Any:
    """Bring a value to the form that scikit-learn asks for; whether it is sensible, scikit-learn says."""
    if value == "None":
        return None
    if name == "hidden_layer_sizes":
        return _layers(value)
    if type(default) is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _layers(value: Any) -> tuple[int, ...]:
    """Read ``64``, ``"64,32"`` or ``[64, 32]``."""
    sizes = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    try:
        layers = tuple(int(size) for size in sizes)
    except (TypeError, ValueError):
        layers = ()
    if not layers or min(layers) < 1:
        raise ValueError(
            f"hyperparameter hidden_layer_sizes = {value!r}: must be numbers of neurons, for example 64,32 or [64, 32]"
        )
    return layers


def _one_of(name: str, value: str, known: Mapping[str, Any], where: str = "") -> str:
    if not value:
        raise ValueError(f"hyperparameter {name} is missing: give one of {', '.join(known)}")
    if value not in known:
        raise ValueError(f"hyperparameter {name} = {value!r}: must be one of {', '.join(known)}{where}")
    return value


def _unknown(key: str, model: str, known: list[str]) -> str:
    if key == "max_iter" and "epochs" in known:
        return f"model {model} takes no hyperparameter max_iter: it learns by epochs, so give epochs"
    near = difflib.get_close_matches(key, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it takes: {', '.join(sorted(known))}"
    return f"unknown hyperparameter {key}: model {model} does not take it; {hint}"
