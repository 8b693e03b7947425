"""The models that can be trained: which estimator, scaled or not, and how it learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    ElasticNet,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

CLASSIFICATION = "classification"
REGRESSION = "regression"
CLUSTERING = "clustering"


@dataclass(frozen=True)
class Model:
    """One choice of the hyperparameter ``model``.

    Attributes:
        estimators: Task to class; the first is the default task.
        scaled: Whether features are standardised unless the hyperparameter ``scale`` says otherwise.
        learns: ``"at once"``, ``"by epochs"`` or ``"by stages"``.
        presets: Task to parameters that differ from scikit-learn's defaults.
        rate: Parameter that a numeric ``learning_rate`` sets, where ``learning_rate`` itself names a schedule.
    """

    estimators: Mapping[str, type[BaseEstimator]]
    scaled: bool = True
    learns: str = "at once"
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rate: str | None = None

    def parameters(self, task: str) -> dict[str, Any]:
        """Return the estimator's parameters that a user may set, with scikit-learn's defaults."""
        values: dict[str, Any] = self.estimators[task]().get_params()
        return {name: value for name, value in values.items() if name not in _MANAGED[self.learns]}


# What the training loop does itself, or what makes no sense when it takes one step at a time.
_MANAGED: Mapping[str, frozenset[str]] = {
    "at once": frozenset({"warm_start", "verbose"}),
    "by epochs": frozenset(
        {"warm_start", "verbose", "max_iter", "max_fun", "tol", "shuffle"}
        | {"early_stopping", "n_iter_no_change", "validation_fraction"}
    ),
    "by stages": frozenset({"warm_start", "verbose", "tol", "n_iter_no_change", "validation_fraction"}),
}

MODELS: Mapping[str, Model] = {
    # The logistic loss, unlike scikit-learn's default, gives probabilities.
    "sgd": Model(
        {CLASSIFICATION: SGDClassifier, REGRESSION: SGDRegressor},
        learns="by epochs",
        presets={CLASSIFICATION: {"loss": "log_loss"}},
        rate="eta0",
    ),
    "logistic": Model({CLASSIFICATION: LogisticRegression}),
    "ridge": Model({CLASSIFICATION: RidgeClassifier, REGRESSION: Ridge}),
    "elastic_net": Model(
        {CLASSIFICATION: SGDClassifier, REGRESSION: ElasticNet},
        presets={CLASSIFICATION: {"loss": "log_loss", "penalty": "elasticnet"}},
    ),
    "svm": Model({CLASSIFICATION: SVC, REGRESSION: SVR}),
    "tree": Model({CLASSIFICATION: DecisionTreeClassifier, REGRESSION: DecisionTreeRegressor}, scaled=False),
    "forest": Model({CLASSIFICATION: RandomForestClassifier, REGRESSION: RandomForestRegressor}, scaled=False),
    "gradient_boosting": Model(
        {CLASSIFICATION: GradientBoostingClassifier, REGRESSION: GradientBoostingRegressor},
        scaled=False,
        learns="by stages",
    ),
    "mlp": Model(
        {CLASSIFICATION: MLPClassifier, REGRESSION: MLPRegressor}, learns="by epochs", rate="learning_rate_init"
    ),
    "kmeans": Model({CLUSTERING: KMeans}),
}
