"""Every configuration of a preset trains the models that it is for."""

import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from smtune.space import PRESETS

_generator = np.random.default_rng(0)
ROWS = _generator.normal(size=(300, 4))
CLASSES = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)

ESTIMATORS = [
    ("linear", ElasticNet, {}),
    ("linear", SGDClassifier, {"penalty": "elasticnet"}),
    ("linear", SGDRegressor, {"penalty": "elasticnet"}),
    ("tree", DecisionTreeClassifier, {}),
    ("tree", DecisionTreeRegressor, {}),
    ("forest", RandomForestClassifier, {"n_estimators": 5}),
    ("forest", ExtraTreesRegressor, {"n_estimators": 5}),
    ("svm", SVC, {"max_iter": 100}),
    ("svm", SVR, {"max_iter": 100}),
    ("neural_net", MLPClassifier, {"max_iter": 2}),
    ("neural_net", MLPRegressor, {"max_iter": 2}),
    ("clustering", KMeans, {"n_init": 1}),
    ("clustering", MiniBatchKMeans, {"n_init": 1}),
]


@pytest.mark.parametrize(("family", "estimator", "settings"), ESTIMATORS)
@pytest.mark.parametrize("position", [0.0, 0.4, 1.0])
def test_scikit_learn_takes_it(family, estimator, settings, position):
    space = PRESETS[family]()
    configuration = space.from_unit([position] * len(space))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few iterations, on purpose
        model = estimator(**settings, **configuration).fit(ROWS, CLASSES)
    assert model.get_params().items() >= configuration.items()
    assert np.isfinite(model.predict(ROWS)).all()


@pytest.mark.parametrize("position", [0.0, 0.4, 1.0])
def test_xgboost_takes_it(position):
    xgboost = pytest.importorskip("xgboost")
    space = PRESETS["boosting"]()
    settings = {"objective": "binary:logistic", "nthread": 1, "validate_parameters": True}
    configuration = space.from_unit([position] * len(space))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # XGBoost warns of names that it does not know
        model = xgboost.train({**settings, **configuration}, xgboost.DMatrix(ROWS, CLASSES), num_boost_round=2)
    assert model.num_boosted_rounds() == 2
    assert np.isfinite(model.predict(xgboost.DMatrix(ROWS))).all()


@pytest.mark.parametrize("family", PRESETS)
def test_each_range_gives_its_reason(family):
    documented = PRESETS[family].__doc__ or ""
    assert all(f"``{name}``" in documented for name in PRESETS[family]())
