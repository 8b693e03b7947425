"""The hyperparameters of AWS's XGBoost: types, ranges, and what depends on what."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from smtune.sandbox.xgboost_algorithm.errors import UserError
from smtune.sandbox.xgboost_algorithm.metrics import check_metric

_OBJECTIVES: Final = """
    binary:hinge binary:logistic binary:logitraw count:poisson multi:softmax multi:softprob rank:map rank:ndcg
    rank:pairwise reg:absoluteerror reg:gamma reg:linear reg:logistic reg:pseudohubererror reg:squarederror
    reg:squaredlogerror reg:tweedie survival:aft survival:cox
"""
_UPDATERS: Final = """
    coord_descent distcol grow_colmaker grow_histmaker grow_local_histmaker grow_quantile_histmaker grow_skmaker prune
    refresh shotgun sync
"""
_ALIASES: Final = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_alpha": "alpha", "reg_lambda": "lambda"}


class _Kind(Protocol):
    """A type of values."""

    def parse(self, text: str) -> Any:
        """Return the value, or raise ``ValueError``."""

    def holds(self, value: Any) -> bool:
        """Return whether it is a legal one."""


@dataclass(frozen=True)
class _Interval:
    """Numbers between two bounds, which belong to it unless it is open there."""

    low: float = -math.inf
    high: float = math.inf
    is_open: str = ""

    def parse(self, text: str) -> float:
        return float(text)

    def holds(self, value: float) -> bool:
        above = value > self.low if "low" in self.is_open else value >= self.low
        below = value < self.high if "high" in self.is_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        start = "(-inf" if self.low == -math.inf else f"{'(' if 'low' in self.is_open else '['}{self.low}"
        end = "+inf)" if self.high == math.inf else f"{self.high}{')' if 'high' in self.is_open else ']'}"
        return f"{start}, {end}"


class _Whole(_Interval):
    """Integers between two bounds."""

    def parse(self, text: str) -> int:
        return int(text)


class _Choice:
    """One of some words."""

    def __init__(self, words: str) -> None:
        self._words = words.split()

    def parse(self, text: str) -> str:
        return text

    def holds(self, value: str) -> bool:
        return value in self._words

    def __str__(self) -> str:
        return str(self._words)


class _Several(_Choice):
    """Some of some words, separated by commas."""

    def parse(self, text: str) -> Any:
        return text.split(",")

    def holds(self, value: Any) -> bool:
        return set(value) <= set(self._words)


class _Metrics:
    """Names of metrics, separated by commas."""

    def parse(self, text: str) -> list[str]:
        return text.split(",")

    def holds(self, value: list[str]) -> bool:
        return all(check_metric(name) for name in value)

    def __str__(self) -> str:
        return "the metrics of this algorithm"


class _TunedMetric:
    """A metric of the validation channel."""

    def parse(self, text: str) -> str:
        return text

    def holds(self, value: str) -> bool:
        channel, _, name = value.partition(":")
        return channel == "validation" and "@" not in name and check_metric(name)

    def __str__(self) -> str:
        return "the metrics of the validation channel"


class _Signs:
    """A tuple of -1, 0 and 1."""

    def parse(self, text: str) -> tuple[Any, ...]:
        return tuple(_literal(text))

    def holds(self, value: tuple[Any, ...]) -> bool:
        return set(value) <= {-1, 0, 1}

    def __str__(self) -> str:
        return "[-1, 0, 1]"


class _Groups:
    """Lists of numbers of columns, in a list."""

    def parse(self, text: str) -> list[Any]:
        return [list(group) for group in _literal(text)]

    def holds(self, value: list[Any]) -> bool:
        return all(column >= 0 for group in value for column in group)

    def __str__(self) -> str:
        return "[0, +inf)"


def _literal(text: str) -> Any:
    try:
        value = ast.literal_eval(text)
        iter(value)
    except (SyntaxError, TypeError) as error:
        raise ValueError(text) from error
    return value


_SHARE: Final = _Interval(0, 1, is_open="low")
_CLOSED_SHARE: Final = _Interval(0, 1)
_POSITIVE: Final = _Interval(0, is_open="low")
_NOT_NEGATIVE: Final = _Interval(0)
_SWITCH: Final = _Whole(0, 1)
_BOOLEAN: Final = _Choice("true false")

_TABLE: Final[Mapping[str, _Kind]] = {
    "_tuning_objective_metric": _TunedMetric(),
    "aft_loss_distribution": _Choice("normal logistic extreme"),
    "aft_loss_distribution_scale": _NOT_NEGATIVE,
    "alpha": _NOT_NEGATIVE,
    "base_score": _NOT_NEGATIVE,
    "booster": _Choice("gbtree gblinear dart"),
    "colsample_bylevel": _SHARE,
    "colsample_bynode": _SHARE,
    "colsample_bytree": _SHARE,
    "csv_weights": _SWITCH,
    "deterministic_histogram": _BOOLEAN,
    "dsplit": _Choice("row col"),
    "early_stopping_rounds": _Whole(1),
    "eta": _CLOSED_SHARE,
    "eval_metric": _Metrics(),
    "gamma": _NOT_NEGATIVE,
    "grow_policy": _Choice("depthwise lossguide"),
    "interaction_constraints": _Groups(),
    "lambda": _NOT_NEGATIVE,
    "lambda_bias": _CLOSED_SHARE,
    "max_bin": _Whole(0),
    "max_delta_step": _NOT_NEGATIVE,
    "max_depth": _Whole(0),
    "max_leaves": _Whole(0),
    "min_child_weight": _NOT_NEGATIVE,
    "monotone_constraints": _Signs(),
    "normalize_type": _Choice("tree forest"),
    "nthread": _Whole(1),
    "num_class": _Whole(2),
    "num_parallel_tree": _Whole(1),
    "num_round": _Whole(1),
    "objective": _Choice(_OBJECTIVES),
    "one_drop": _SWITCH,
    "predictor": _Choice("auto cpu_predictor gpu_predictor"),
    "prob_buffer_row": _Interval(1, is_open="low"),
    "process_type": _Choice("default update"),
    "rate_drop": _CLOSED_SHARE,
    "refresh_leaf": _SWITCH,
    "sample_type": _Choice("uniform weighted"),
    "sampling_method": _Choice("uniform gradient_based"),
    "save_model_on_termination": _BOOLEAN,
    "scale_pos_weight": _POSITIVE,
    "seed": _Whole(-(2**31), 2**31 - 1, is_open="low high"),
    "single_precision_histogram": _BOOLEAN,
    "sketch_eps": _Interval(0, 1, is_open="low high"),
    "skip_drop": _CLOSED_SHARE,
    "subsample": _SHARE,
    "tree_method": _Choice("auto exact approx hist gpu_hist"),
    "tweedie_variance_power": _Interval(1, 2, is_open="low high"),
    "updater": _Several(_UPDATERS),
    "verbosity": _Whole(0, 3),
}
_TREE_METHODS: Final = {
    "monotone_constraints": ("exact", "hist"),
    "interaction_constraints": ("exact", "hist", "approx"),
}
_OUR_OWN: Final = {
    "_tuning_objective_metric",
    "csv_weights",
    "early_stopping_rounds",
    "eval_metric",
    "num_round",
    "save_model_on_termination",
}


@dataclass(frozen=True)
class Hyperparameters:
    """What a training is told.

    Attributes:
        booster: XGBoost's own parameters.
        rounds: How many rounds to boost.
        eval_metric: Names of the metrics that were asked for.
        tuned_metric: What a tuning job optimises, without ``validation:``; or ``None``.
        early_stopping_rounds: How many rounds without improvement end the training; or ``None``.
        csv_weights: Whether the second column of csv files holds weights.
        saves_on_termination: Whether to save what there is when asked to stop.
    """

    booster: Mapping[str, Any]
    rounds: int
    eval_metric: tuple[str, ...]
    tuned_metric: str | None
    early_stopping_rounds: int | None
    csv_weights: bool
    saves_on_termination: bool


def read_hyperparameters(texts: Mapping[str, str]) -> Hyperparameters:
    """Read what stands in ``hyperparameters.json``.

    Raises:
        UserError: One is missing, unknown, or has no legal value.
    """
    given = {_ALIASES.get(name, name): text for name, text in texts.items()}
    if "num_round" not in given:
        raise UserError("Missing required hyperparameter: num_round")
    values = {name: _value(name, text) for name, text in given.items()}
    _check_dependencies(values)
    tuned = values.get("_tuning_objective_metric")
    booster = {name: value for name, value in values.items() if name not in _OUR_OWN}
    if "updater" in booster:
        booster["updater"] = ",".join(booster["updater"])
    return Hyperparameters(
        booster=booster,
        rounds=values["num_round"],
        eval_metric=tuple(values.get("eval_metric", ())),
        tuned_metric=None if tuned is None else tuned.split(":")[1],
        early_stopping_rounds=values.get("early_stopping_rounds"),
        csv_weights=values.get("csv_weights") == 1,
        saves_on_termination=values.get("save_model_on_termination") == "true",
    )


def _value(name: str, text: str) -> Any:
    kind = _TABLE.get(name)
    if kind is None:
        raise UserError(f"Extraneous hyperparameter found: {name}")
    try:
        value = kind.parse(text)
    except ValueError:
        raise UserError(f"Hyperparameter {name}: could not parse value (caused by ValueError)") from None
    if not kind.holds(value):
        raise UserError(f"Hyperparameter {name}: {value} is not in {kind}")
    return value


def _check_dependencies(values: Mapping[str, Any]) -> None:
    objective = values.get("objective", "reg:squarederror")
    metrics = values.get("eval_metric", [])
    if objective in ("multi:softmax", "multi:softprob") and "num_class" not in values:
        raise UserError("Require input for parameter 'num_class' for multi-classification")
    if "auc" in metrics and not objective.startswith(("binary:", "multi:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in metrics and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")
    for name, methods in _TREE_METHODS.items():
        if name in values and values.get("tree_method") not in methods:
            listed = " or ".join(f"'{method}'" for method in methods)
            raise UserError(f"{name} can be used only when the tree_method parameter is set to {listed}.")
