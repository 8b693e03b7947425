"""Measure a fitted pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
    silhouette_score,
)
from sklearn.pipeline import Pipeline
from tabular import Table  # type: ignore[import-not-found] # beside this file, wherever that is

_MOST_CLUSTERED_ROWS = 5_000  # the silhouette compares every row with every other


def measure(pipeline: Pipeline, table: Table, task: str, seed: int) -> dict[str, float]:
    """Return the metrics of a task.

    Args:
        pipeline: A fitted pipeline.
        table: Rows to measure on.
        task: ``"classification"``, ``"regression"`` or ``"clustering"``.
        seed: Which rows stand for a large table in clustering.

    Returns:
        Metric name to value; ``nan`` where the rows do not define it.
    """
    if task == "clustering":
        return {"silhouette": _silhouette(pipeline, table.features, seed)}
    predicted = pipeline.predict(table.features)
    if task == "regression":
        return {
            "rmse": float(np.sqrt(mean_squared_error(table.labels, predicted))),
            "mae": float(mean_absolute_error(table.labels, predicted)),
            "r2": float(r2_score(table.labels, predicted)) if len(table) > 1 else float("nan"),
        }
    classes = pipeline.classes_
    average = {"average": "macro"} if len(classes) > 2 else {"pos_label": classes[-1]}
    metrics = {
        "accuracy": float(accuracy_score(table.labels, predicted)),
        "f1": float(f1_score(table.labels, predicted, zero_division=0, **average)),
    }
    if hasattr(pipeline, "predict_proba"):
        scores = pipeline.predict_proba(table.features)
        metrics["logloss"] = float(log_loss(table.labels, scores, labels=classes))
    else:
        scores = pipeline.decision_function(table.features)
    metrics["auc"] = _auc(classes, table.labels, scores)
    return metrics


def _auc(classes: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> float:
    """Area under the ROC curve; with several classes the mean of each against the rest (Provost and Domingos, 2000).

    Unlike scikit-learn's own mean it takes margins as well as probabilities, and passes over classes that are absent.
    """
    if scores.ndim == 1 or scores.shape[1] == 2:
        columns = [(classes[-1], scores if scores.ndim == 1 else scores[:, 1])]
    else:
        columns = list(zip(classes, scores.T, strict=True))
    areas = [roc_auc_score(labels == label, column) for label, column in columns if 0 < np.mean(labels == label) < 1]
    return float(np.mean(areas)) if areas else float("nan")


def _silhouette(pipeline: Pipeline, features: np.ndarray[Any, Any], seed: int) -> float:
    if len(features) > _MOST_CLUSTERED_ROWS:
        features = features[np.random.default_rng(seed).choice(len(features), _MOST_CLUSTERED_ROWS, replace=False)]
    clusters = pipeline.predict(features)
    if not 2 <= len(np.unique(clusters)) < len(features):
        return float("nan")
    # Distances count as the model sees them.
    seen = pipeline[:-1].transform(features) if len(pipeline) > 1 else features
    return float(silhouette_score(seen, clusters))
