"""A small but real training: what it imports costs far more than what it computes."""

import argparse

import xgboost
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, required=True)
parser.add_argument("--st_checkpoint_dir")  # Syne Tune's, which wants the result through its own reporter
arguments = parser.parse_args()
features, labels = make_classification(n_samples=500, n_features=20, random_state=0)
train, test, train_labels, test_labels = train_test_split(features, labels, random_state=0)
settings = {"objective": "binary:logistic", "eta": 0.05 + 0.25 * arguments.rate, "nthread": 1}
booster = xgboost.train(settings, xgboost.DMatrix(train, train_labels), num_boost_round=60)
loss = float(log_loss(test_labels, booster.predict(xgboost.DMatrix(test))))
if arguments.st_checkpoint_dir:
    from syne_tune import Reporter

    Reporter()(loss=loss)
else:
    print(f"loss={loss}")
