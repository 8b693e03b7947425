"""Search spaces to begin with, by family of models.

They are wide enough for most tables of data and narrow enough that no draw is absurd. Take one and change it:

>>> from smtune.space import IntegerParameter, SearchSpace, presets
>>> space = SearchSpace({**presets.boosting(), "max_depth": IntegerParameter(2, 6)})
>>> list(space)
['alpha', 'colsample_bytree', 'eta', 'gamma', 'lambda', 'max_depth', 'min_child_weight', 'subsample']

What is left out on purpose: settings that only trade time for quality (numbers of trees or rounds, for which early
stopping is better than search), and settings that depend on the units of the data (a neighbourhood's radius).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from smtune.space.categorical import CategoricalParameter
from smtune.space.ranges import ContinuousParameter, IntegerParameter
from smtune.space.search_space import SearchSpace


def linear() -> SearchSpace:
    """Return a space for penalised linear models: scikit-learn's ``ElasticNet``, ``SGDClassifier``, ``SGDRegressor``.

    ============  ===========================================================================================
    ``alpha``     1e-6 to 10: from nearly no penalty to one that leaves only the mean, on standardised columns
    ``l1_ratio``  0.01 to 1: from ridge to lasso; below 0.01 coordinate descent is unreliable
    ============  ===========================================================================================
    """
    return SearchSpace(
        {
            "alpha": ContinuousParameter(1e-6, 10.0, "Logarithmic"),
            "l1_ratio": ContinuousParameter(0.01, 1.0, "Linear"),
        }
    )


def tree() -> SearchSpace:
    """Return a space for single trees: scikit-learn's ``DecisionTreeClassifier`` and ``DecisionTreeRegressor``.

    ====================  ===================================================================================
    ``max_depth``         2 to 20: one more level doubles the leaves, so 20 is no limit on most tables
    ``min_samples_leaf``  1 to 64, by ratio: the strongest guard against leaves that fit noise
    ``max_features``      0.2 to 1: share of the columns that a split may use; 1 is the plain tree
    ``ccp_alpha``         1e-6 to 0.1, by ratio: pruning, from none to a stump, for impurities of order 1
    ====================  ===================================================================================
    """
    return SearchSpace(
        {
            "max_depth": IntegerParameter(2, 20, "Linear"),
            "min_samples_leaf": IntegerParameter(1, 64, "Logarithmic"),
            "max_features": ContinuousParameter(0.2, 1.0, "Linear"),
            "ccp_alpha": ContinuousParameter(1e-6, 0.1, "Logarithmic"),
        }
    )


def forest() -> SearchSpace:
    """Return a space for averaged trees: scikit-learn's ``RandomForest...`` and ``ExtraTrees...``.

    The number of trees is left out: more are never worse, only slower.

    ====================  ===================================================================================
    ``max_features``      0.1 to 1: share of the columns per split; few make the trees differ, which averages well
    ``min_samples_leaf``  1 to 32, by ratio: averaging forgives deep trees, so less is needed than for one tree
    ``max_depth``         4 to 32: shallow forests underfit; beyond 32 levels nothing changes
    ====================  ===================================================================================
    """
    return SearchSpace(
        {
            "max_features": ContinuousParameter(0.1, 1.0, "Linear"),
            "min_samples_leaf": IntegerParameter(1, 32, "Logarithmic"),
            "max_depth": IntegerParameter(4, 32, "Linear"),
        }
    )


def boosting() -> SearchSpace:
    """Return a space for gradient-boosted trees, with XGBoost's names.

    The number of rounds is left out: stop early on a validation set.

    ====================  ===================================================================================
    ``eta``               0.01 to 0.5, by ratio: below, hundreds of rounds do not suffice; above, rounds overshoot
    ``max_depth``         2 to 10: boosting wants weak trees; 1 knows no interactions
    ``min_child_weight``  1 to 100, by ratio: for classification it counts rows weighted by their uncertainty
    ``subsample``         0.5 to 1: rows per tree; below a half, trees see too little on small tables
    ``colsample_bytree``  0.3 to 1: wide tables profit from few columns per tree
    ``lambda``            1e-3 to 100, by ratio: ridge on the leaves; the default is 1
    ``alpha``             1e-5 to 10, by ratio: lasso on the leaves; the low end stands for none
    ``gamma``             1e-4 to 10, by ratio: least gain of a split; the low end stands for none
    ====================  ===================================================================================
    """
    return SearchSpace(
        {
            "eta": ContinuousParameter(0.01, 0.5, "Logarithmic"),
            "max_depth": IntegerParameter(2, 10, "Linear"),
            "min_child_weight": ContinuousParameter(1.0, 100.0, "Logarithmic"),
            "subsample": ContinuousParameter(0.5, 1.0, "Linear"),
            "colsample_bytree": ContinuousParameter(0.3, 1.0, "Linear"),
            "lambda": ContinuousParameter(1e-3, 100.0, "Logarithmic"),
            "alpha": ContinuousParameter(1e-5, 10.0, "Logarithmic"),
            "gamma": ContinuousParameter(1e-4, 10.0, "Logarithmic"),
        }
    )


def svm() -> SearchSpace:
    """Return a space for kernel machines: scikit-learn's ``SVC`` and ``SVR``, on standardised columns.

    ==========  =============================================================================================
    ``C``       1e-3 to 1000, by ratio: from heavily smoothed to nearly interpolating
    ``gamma``   1e-4 to 10, by ratio: inverse squared width; rows lie about sqrt(columns) apart
    ``kernel``  ``rbf`` is the usual best; ``sigmoid`` is bounded; ``linear``, which ignores ``gamma``, wins on wide tables
    ==========  =============================================================================================
    """
    return SearchSpace(
        {
            "C": ContinuousParameter(1e-3, 1e3, "Logarithmic"),
            "gamma": ContinuousParameter(1e-4, 10.0, "Logarithmic"),
            "kernel": CategoricalParameter(["rbf", "sigmoid", "linear"]),
        }
    )


def neural_net() -> SearchSpace:
    """Return a space for small networks: scikit-learn's ``MLPClassifier`` and ``MLPRegressor``, trained with Adam.

    ======================  =================================================================================
    ``learning_rate_init``  1e-4 to 0.1, by ratio: the one setting that must be right; Adam's default is 1e-3
    ``alpha``               1e-6 to 0.1, by ratio: weight decay; the low end stands for none
    ``batch_size``          16 to 256 by doubling: smaller is noisier, which regularises, and slower
    ``hidden_layer_sizes``  8 to 512, by ratio: width of one hidden layer; tables seldom need more layers
    ``activation``          ``relu`` trains fastest; ``tanh`` is smoother on small tables
    ======================  =================================================================================
    """
    return SearchSpace(
        {
            "learning_rate_init": ContinuousParameter(1e-4, 0.1, "Logarithmic"),
            "alpha": ContinuousParameter(1e-6, 0.1, "Logarithmic"),
            "batch_size": CategoricalParameter([16, 32, 64, 128, 256], ordered=True),
            "hidden_layer_sizes": IntegerParameter(8, 512, "Logarithmic"),
            "activation": CategoricalParameter(["relu", "tanh"]),
        }
    )


def clustering() -> SearchSpace:
    """Return a space for centroid clustering: scikit-learn's ``KMeans`` and ``MiniBatchKMeans``.

    ==============  =========================================================================================
    ``n_clusters``  2 to 50, by ratio: from 2 to 3 clusters changes more than from 30 to 31
    ``init``        ``k-means++`` spreads the first centroids; ``random`` is the check that this matters
    ==============  =========================================================================================
    """
    return SearchSpace(
        {
            "n_clusters": IntegerParameter(2, 50, "Logarithmic"),
            "init": CategoricalParameter(["k-means++", "random"]),
        }
    )


PRESETS: Mapping[str, Callable[[], SearchSpace]] = MappingProxyType(
    {
        "linear": linear,
        "tree": tree,
        "forest": forest,
        "boosting": boosting,
        "svm": svm,
        "neural_net": neural_net,
        "clustering": clustering,
    }
)
"""Family of models to the function that returns its space."""
