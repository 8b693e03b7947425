"""Ridge and logistic regression that report how their validation loss changes with their penalties."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.containers.test_sklearn import rows

SCRIPT = "hypergradient.py"
GROUPS = {
    "cancer": {"mean": [0, 10], "error": [10, 20], "worst": [20, 30]},
    "diabetes": {"person": [0, 2], "body": [2, 4], "blood": [4, 10]},
}
MODELS = {"cancer": "logistic", "diabetes": "ridge"}
METRICS = {"cancer": "logloss", "diabetes": "mse"}

DIFFERENCES = """
import json
import numpy as np
from hypergradient import read_settings, validate
from smtune.container import Environment
from tabular import make_folds, read_channel
found = []
for place, arguments, names in {!r}:
    def at(values):
        pairs = [text for name, value in zip(names, values) for text in ("--" + name, repr(float(value)))]
        environment = Environment.current({{"SM_CHANNEL_TRAIN": place}}, [*arguments, *pairs])
        settings = read_settings(environment)
        folds = make_folds(read_channel(environment, "train", has_label=True), 3, 0)
        metrics, slopes = validate(settings, folds)
        return next(value for name, value in metrics.items() if name.startswith("validation:")), slopes
    point = np.linspace(0.7, 4.0, len(names))
    difference = []
    for axis in range(len(names)):
        step = 1e-4 * point[axis] * np.eye(len(names))[axis]
        difference.append((at(point + step)[0] - at(point - step)[0]) / (2e-4 * point[axis]))
    slopes = at(point)[1]
    found.append([difference, [slopes[name] for name in names]])
print(json.dumps(found))
"""


def script(make_job, channels, given, **options):
    job = make_job("sklearn", channels, given, contract="toolkit", **options)
    job.command[3] = job.command[3].replace("train.py", SCRIPT)
    return job.run()


def test_the_derivatives_are_those_of_finite_differences(run_snippet, data):
    cases = []
    for name, groups in GROUPS.items():
        arguments = ["--model", MODELS[name], "--cv_folds", "3"]
        cases.append(
            (str(data[name]["train"]), [*arguments, "--groups", json.dumps(groups)], [f"alpha_{g}" for g in groups])
        )
        cases.append((str(data[name]["train"]), arguments, ["alpha"]))
    for difference, reported in run_snippet("sklearn", DIFFERENCES.format(cases)):
        assert reported == pytest.approx(difference, rel=1e-4)
        assert all(abs(slope) > 1e-6 for slope in reported)


@pytest.mark.parametrize("name", ["cancer", "diabetes"])
def test_one_penalty_is_that_of_scikit_learn(make_job, data, name):
    run = script(make_job, data[name], {"model": MODELS[name], "alpha": 2.5})
    assert run.code == 0, run.err
    estimator = {"cancer": LogisticRegression(C=1 / 2.5, tol=1e-10, max_iter=10_000), "diabetes": Ridge(alpha=2.5)}[
        name
    ]
    pipeline = make_pipeline(StandardScaler(), estimator).fit(*rows(data[name]["train"]))
    for channel in ("train", "validation", "test"):
        features, labels = rows(data[name][channel])
        if name == "cancer":
            expected = -np.mean(np.log(pipeline.predict_proba(features)[np.arange(len(labels)), labels.astype(int)]))
        else:
            expected = np.mean((pipeline.predict(features) - labels) ** 2)
        assert run.final[f"{channel}:{METRICS[name]}"] == pytest.approx(expected, rel=1e-5)
    assert set(run.final) - {f"{c}:{METRICS[name]}" for c in ("train", "validation", "test")} == {"hypergradient:alpha"}
    assert len(run.reports) == 1  # the derivatives stand beside their objective


def test_the_model_is_kept(make_job, data):
    job = make_job("sklearn", data["diabetes"], {"alpha": 2.5}, contract="toolkit")
    job.command[3] = job.command[3].replace("train.py", SCRIPT)
    run = job.run()
    assert run.code == 0, run.err
    model = json.loads((job.model / "model.json").read_text())
    features, labels = rows(data["diabetes"]["test"])
    scores = (features - model["means"]) / model["scales"] @ model["weights"][:-1] + model["weights"][-1]
    assert run.final["test:mse"] == pytest.approx(np.mean((scores - labels) ** 2))


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("diabetes", {"model": "lasso"}, "hyperparameter model = 'lasso': must be one of ridge, logistic"),
        ("diabetes", {"alhpa": 3}, "unknown hyperparameter alhpa; did you mean alpha?"),
        ("diabetes", {"alpha": 3, "groups": {"all": [0, 10]}}, "unknown hyperparameter alpha; did you mean alpha_all?"),
        ("diabetes", {"alpha": 0}, "hyperparameter alpha = 0.0: must be above 0"),
        ("diabetes", {"groups": {"some": [0, 9]}}, "groups: must cover each of the 10 features once, from 0"),
        ("diabetes", {"groups": {"one": [0, 6], "two": [5, 10]}}, "groups: must cover each of the 10 features once"),
        ("diabetes", {"groups": {"all": 10}}, "groups: all = 10: must be two numbers of features, like [0, 10]"),
        ("diabetes", {"model": "logistic"}, "channel 'train': model logistic takes the labels 0 and 1 only"),
    ],
)
def test_what_is_wrong_is_named(make_job, data, name, given, message):
    run = script(make_job, data[name], given)
    assert run.code == 1
    assert message in run.err
