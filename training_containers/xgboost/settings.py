"""Which hyperparameters the XGBoost trainer knows, and what they are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import Any

from smtune.container import Environment

# XGBoost's own defaults, or typical values: they decide the types only, XGBoost fills in what is not given.
BOOSTER_PARAMETERS: dict[str, object] = {
    **dict.fromkeys(("eta", "max_delta_step", "gamma", "alpha", "min_child_weight", "scale_pos_weight"), 1.0),
    **dict.fromkeys(("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode", "base_score"), 1.0),
    **dict.fromkeys(("lambda", "rate_drop", "skip_drop", "tweedie_variance_power", "huber_slope"), 1.0),
    **dict.fromkeys(("max_depth", "max_leaves", "max_bin", "num_class", "num_parallel_tree", "top_k"), 1),
    **dict.fromkeys(("one_drop", "nthread", "verbosity"), 1),
    **dict.fromkeys(("booster", "grow_policy", "tree_method", "objective", "sampling_method", "device"), ""),
    **dict.fromkeys(("sample_type", "normalize_type", "updater", "feature_selector"), ""),
    **dict.fromkeys(("monotone_constraints", "interaction_constraints"), ""),
    "quantile_alpha": None,
}
OWN_PARAMETERS: dict[str, object] = {
    "num_round": 100,
    "early_stopping_rounds": 0,
    "eval_metric": None,
    "seed": 0,
    "cv_folds": 0,
    "checkpoint_every": 50,
}
ALIASES = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_alpha": "alpha",
    "reg_lambda": "lambda",
    "n_estimators": "num_round",
    "n_jobs": "nthread",
}


@dataclass(frozen=True)
class Settings:
    """The hyperparameters of one training.

    Attributes:
        booster: What XGBoost itself is told, without its seed.
        num_round: How many boosting rounds at most.
        early_stopping_rounds: Rounds without improvement after which to stop; 0: never.
        cv_folds: Number of folds of cross-validation; 0 or 1: none.
        checkpoint_every: Rounds between two checkpoints; 0: none.
        seed: Seed of every random draw; another one for each repeat of the same configuration.
        tuned_metric: The metric that a tuning job optimises, or ``None``; its folds are reported one by one.
    """

    booster: dict[str, Any]
    num_round: int
    early_stopping_rounds: int
    cv_folds: int
    checkpoint_every: int
    seed: int
    tuned_metric: str | None = None

    def fixed(self, num_round: int) -> Settings:
        """Return the same for exactly ``num_round`` rounds in one go."""
        return replace(self, num_round=num_round, early_stopping_rounds=0, checkpoint_every=0, cv_folds=0)


def read_settings(environment: Environment) -> Settings:
    """Read and check the hyperparameters.

    Raises:
        ValueError: A hyperparameter is unknown (the message lists near names), given twice, or out of range.
    """
    known = {**BOOSTER_PARAMETERS, **OWN_PARAMETERS}
    names: dict[str, str] = {}
    for given in environment.hyperparameters():
        name = ALIASES.get(given.replace("-", "_"), given.replace("-", "_"))
        if name not in known:
            raise ValueError(_unknown(given, [*known, *ALIASES]))
        if name in names:
            raise ValueError(f"hyperparameters {names[name]} and {given} mean the same: give one of them")
        names[name] = given
    typed = environment.hyperparameters({given: known[name] for name, given in names.items()})
    values = {name: typed[given] for name, given in names.items()}
    booster = {name: value for name, value in values.items() if name in BOOSTER_PARAMETERS}
    metrics = _metrics(values.get("eval_metric"))
    tuned = _tuned_metric(environment.objective_metric)
    if tuned is not None and tuned not in metrics:
        metrics.append(tuned)
    if metrics:
        booster["eval_metric"] = metrics
    own = {**OWN_PARAMETERS, **{name: value for name, value in values.items() if name in OWN_PARAMETERS}}
    del own["eval_metric"]
    own["seed"] += environment.repeat
    settings = Settings(booster=booster, tuned_metric=environment.objective_metric, **own)
    for name, least in (("num_round", 1), ("early_stopping_rounds", 0), ("cv_folds", 0), ("checkpoint_every", 0)):
        if getattr(settings, name) < least:
            raise ValueError(f"hyperparameter {name} = {getattr(settings, name)}: must be at least {least}")
    return settings


def _metrics(value: object) -> list[str]:
    """Read one metric, several with commas between, or a JSON list."""
    if value is None:
        return []
    listed = value if isinstance(value, list) else str(value).split(",")
    return [str(metric).strip() for metric in listed if str(metric).strip()]


def _tuned_metric(objective: str | None) -> str | None:
    """Return XGBoost's name of the metric that a tuning job optimises, as SageMaker's own container takes it."""
    part, _, metric = (objective or "").partition(":")
    return (
        metric
        if part in ("train", "validation", "test") and metric and not metric.endswith("-std") and ":" not in metric
        else None
    )


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(sorted(known))}"
    return f"unknown hyperparameter {name}: {hint}"
