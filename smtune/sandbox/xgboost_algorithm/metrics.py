"""The metrics of AWS's XGBoost: XGBoost's own, and those that the container adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from smtune.sandbox.xgboost_algorithm.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MAXIMISED: Final = frozenset(
    [
        "accuracy",
        "auc",
        "aucpr",
        "balanced_accuracy",
        "f1",
        "f1_binary",
        "f1_macro",
        "map",
        "ndcg",
        "precision",
        "precision_macro",
        "precision_micro",
        "r2",
        "recall",
        "recall_macro",
        "recall_micro",
    ]
)
_MINIMISED: Final = frozenset(
    [
        "aft-nloglik",
        "cox-nloglik",
        "error",
        "gamma-deviance",
        "gamma-nloglik",
        "interval-regression-accuracy",
        "logloss",
        "mae",
        "mape",
        "merror",
        "mlogloss",
        "mphe",
        "mse",
        "poisson-nloglik",
        "rmse",
        "rmsle",
        "tweedie-nloglik",
    ]
)
_AT_A_THRESHOLD: Final = ("error", "ndcg", "map")


def check_metric(name: str) -> bool:
    """Return whether a metric is known.

    Raises:
        UserError: It has a threshold that it cannot have.
    """
    base, at, threshold = name.partition("@")
    if not at:
        return name in MAXIMISED | _MINIMISED
    if base.strip() not in _AT_A_THRESHOLD:
        listed = ", ".join(f"'{one}'" for one in _AT_A_THRESHOLD)
        raise UserError(
            f"Metric '{name}' is not supported. Parameter 'eval_metric' with customized threshold should be one of "
            f"these options: {listed}."
        )
    try:
        float(threshold.strip("- "))
    except ValueError:
        raise UserError(f"Threshold value 't' in '{base}@t' expects float input.") from None
    return True


def is_added(name: str) -> bool:
    """Return whether the container computes a metric, because XGBoost does not."""
    return name in _ADDED


def added_metrics(names: Sequence[str]) -> Callable[[Array, Any], list[tuple[str, float]]]:
    """Return a function that computes metrics, as ``xgboost.train`` takes it for ``custom_metric``."""

    def compute(predictions: Array, data: Any) -> list[tuple[str, float]]:
        labels = data.get_label()
        return [(name, _ADDED[name](labels, predictions)) for name in names]

    return compute


def _classes(predictions: Array) -> Array:
    """Return predicted classes: of probabilities per class, of the probability of one, or as they are."""
    if predictions.ndim == 2:
        classes: Array = predictions.argmax(axis=1)
        return classes
    of_one_class = ((predictions >= 0) & (predictions <= 1)).all()
    return predictions > 0.5 if of_one_class else predictions


def _counts(labels: Array, predictions: Array) -> tuple[Array, Array, Array]:
    """Return for each class how often it was met, predicted wrongly, and missed."""
    import numpy as np

    predicted = _classes(predictions).astype(labels.dtype)
    classes = np.union1d(labels, predicted)[:, None]
    true, found = labels == classes, predicted == classes
    return (true & found).sum(axis=1), (~true & found).sum(axis=1), (true & ~found).sum(axis=1)


def _ratio(part: Array, rest: Array) -> Array:
    """Return ``part / (part + rest)``, 0 where there is nothing."""
    import numpy as np

    whole = part + rest
    ratios: Array = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return ratios


def _precisions(labels: Array, predictions: Array) -> Array:
    met, wrong, _ = _counts(labels, predictions)
    return _ratio(met, wrong)


def _recalls(labels: Array, predictions: Array) -> Array:
    met, _, missed = _counts(labels, predictions)
    return _ratio(met, missed)


def _f1s(labels: Array, predictions: Array) -> Array:
    met, wrong, missed = _counts(labels, predictions)
    return _ratio(2 * met, wrong + missed)


def _accuracy(labels: Array, predictions: Array) -> float:
    return float((_classes(predictions) == labels).mean())


def _of_positives(scores: Callable[[Array, Array], Array]) -> Callable[[Array, Array], float]:
    def compute(labels: Array, predictions: Array) -> float:
        import numpy as np

        if set(np.unique(labels)) - {0.0, 1.0}:
            raise UserError("Target is multiclass but average='binary'. Please choose another average setting.")
        found = scores(labels, predictions)
        return float(found[-1]) if labels.any() or _classes(predictions).any() else 0.0

    return compute


def _of_classes(scores: Callable[[Array, Array], Array]) -> Callable[[Array, Array], float]:
    return lambda labels, predictions: float(scores(labels, predictions).mean())


def _balanced_accuracy(labels: Array, predictions: Array) -> float:
    met, _, missed = _counts(labels, predictions)
    there = met + missed > 0
    return float(_ratio(met, missed)[there].mean())


def _mean_squared_error(labels: Array, predictions: Array) -> float:
    return float(((labels - predictions) ** 2).mean())


def _explained_variance(labels: Array, predictions: Array) -> float:
    variance = float(labels.var())
    return 1 - _mean_squared_error(labels, predictions) / variance if variance else 0.0


_ADDED: Final[dict[str, Callable[[Any, Any], float]]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _of_classes(_f1s),
    "f1_binary": _of_positives(_f1s),
    "f1_macro": _of_classes(_f1s),
    "mse": _mean_squared_error,
    "precision": _of_positives(_precisions),
    "precision_macro": _of_classes(_precisions),
    "precision_micro": _accuracy,  # every mistake is one class's false alarm
    "r2": _explained_variance,
    "recall": _of_positives(_recalls),
    "recall_macro": _of_classes(_recalls),
    "recall_micro": _accuracy,  # and another one's miss
}
