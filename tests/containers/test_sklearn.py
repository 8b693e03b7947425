import math
import signal
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score

MODELS: dict[str, dict[str, Any]] = {
    "sgd": {"epochs": 20, "alpha": 0.001, "batch_size": 32, "learning_rate": 0.01},
    "logistic": {"C": 1, "max_iter": 500},
    "ridge": {"alpha": 2},
    "elastic_net": {"alpha": 0.01, "l1_ratio": 0.3},
    "svm": {"C": 2.0, "kernel": "rbf"},
    "tree": {"max_depth": 4, "criterion": "entropy"},
    "forest": {"n_estimators": 30.0, "max_features": 0.5},
    "gradient_boosting": {"n_estimators": 70, "learning_rate": 0.2, "max_depth": 2},
    "mlp": {"epochs": 30, "hidden_layer_sizes": "32,16", "learning_rate": 0.01, "batch_size": 64},
}


def rows(folder: Path) -> tuple[Any, Any]:
    table = np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(folder.iterdir())])
    return table[:, 1:], table[:, 0]


def load(job: Any) -> Any:
    return joblib.load(job.model / "model.joblib")


@pytest.fixture(scope="module")
def classifiers(make_job, run_all, data):
    jobs = [
        make_job("sklearn", data["cancer"], {"model": model, **given}, contract="toolkit")
        for model, given in MODELS.items()
    ]
    return dict(zip(MODELS, zip(jobs, run_all("sklearn", jobs), strict=True), strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_every_classifier_learns_reports_and_predicts(classifiers, data, model):
    job, run = classifiers[model]
    assert run.code == 0, run.err
    assert run.final["validation:accuracy"] > 0.85
    names = {"accuracy", "f1", "auc"} | (set() if model in {"ridge", "svm"} else {"logloss"})
    assert set(run.final) == {f"{channel}:{name}" for channel in ("train", "validation", "test") for name in names}
    assert [file.name for file in job.model.iterdir()] == ["model.joblib"]

    features, labels = rows(data["cancer"]["test"])
    pipeline = load(job)
    assert run.final["test:accuracy"] == accuracy_score(labels, pipeline.predict(features))
    if "logloss" in names:
        scores = pipeline.predict_proba(features)
        assert run.final["test:logloss"] == pytest.approx(log_loss(labels, scores))
        assert run.final["test:auc"] == pytest.approx(roc_auc_score(labels, scores[:, 1]))
    else:
        assert run.final["test:auc"] == pytest.approx(roc_auc_score(labels, pipeline.decision_function(features)))

    steps = [report.step for report in run.reports]
    if model in {"sgd", "mlp"}:
        assert steps == [*range(MODELS[model]["epochs"]), MODELS[model]["epochs"] - 1]
        assert len(set(run.history("train:logloss"))) > 10
    elif model == "gradient_boosting":
        assert steps == [*range(1, 70, 2), 69]
        assert pipeline["model"].n_estimators_ == 70
    else:
        assert steps == [None, None]


def test_kmeans_needs_no_label(make_job, run_all, data, tmp_path):
    unlabelled = {}
    for channel in ("train", "validation"):
        unlabelled[channel] = tmp_path / f"{channel}.csv"
        np.savetxt(unlabelled[channel], rows(data["iris"][channel])[0], delimiter=",")
    given = {"model": "kmeans", "n_clusters": 3, "scale": False}
    jobs = [
        make_job("sklearn", data["iris"], given, contract="toolkit"),
        make_job("sklearn", unlabelled, {**given, "has_label": False}, contract="toolkit"),
    ]
    runs = run_all("sklearn", jobs)
    assert [run.code for run in runs] == [0, 0], runs[0].err + runs[1].err
    assert runs[0].final["validation:silhouette"] > 0.4
    assert runs[0].final["validation:silhouette"] == pytest.approx(runs[1].final["validation:silhouette"])
    assert set(runs[1].final) == {"train:silhouette", "validation:silhouette"}


def test_every_contract_trains_the_same_model(make_job, data):
    given = {"model": "mlp", "epochs": 3, "hidden_layer_sizes": [8, 4], "activation": "tanh", "seed": 5}
    jobs = [make_job("sklearn", data["iris"], given, contract=contract) for contract in ("bare", "toolkit", "laptop")]
    runs = [job.run() for job in jobs]
    assert [run.code for run in runs] == [0, 0, 0], runs[0].err
    assert runs[0].reports == runs[1].reports == runs[2].reports
    features, _ = rows(data["iris"]["test"])
    predictions = [load(job).predict_proba(features).tolist() for job in jobs]
    assert predictions[0] == predictions[1] == predictions[2]
    assert load(jobs[0])["model"].hidden_layer_sizes == (8, 4)


def test_regression(make_job, run_all, data):
    choices: list[dict[str, Any]] = [
        {"model": "ridge"},
        {"model": "gradient_boosting", "n_estimators": 60, "max_depth": 2},
        {"model": "sgd", "epochs": 10, "learning_rate": "invscaling", "eta0": 0.02},
        {"model": "elastic_net", "alpha": 0.1},
        {"model": "svm", "C": 100},
        {"model": "mlp", "epochs": 200, "learning_rate": 0.01},
        {"model": "forest", "n_estimators": 30},
    ]
    jobs = [
        make_job("sklearn", data["diabetes"], {"task": "regression", **given}, contract="toolkit") for given in choices
    ]
    features, labels = rows(data["diabetes"]["test"])
    channels, metrics = ("train", "validation", "test"), ("rmse", "mae", "r2")
    for job, run in zip(jobs, run_all("sklearn", jobs), strict=True):
        assert run.code == 0, run.err
        assert set(run.final) == {f"{channel}:{metric}" for channel in channels for metric in metrics}
        assert run.final["test:r2"] == pytest.approx(r2_score(labels, load(job).predict(features)))
        assert run.final["test:r2"] > 0.2


def test_several_classes_and_cross_validation(make_job, data):
    channels = {name: data["iris"][name] for name in ("train", "test")}
    job = make_job("sklearn", channels, {"model": "mlp", "epochs": 4, "cv_folds": 3})
    run = job.run()
    assert run.code == 0, run.err
    assert [report.step for report in run.reports] == [0, 1, 2, 3, 3]
    assert {"validation:auc", "validation:auc-std", "validation:accuracy-std", "train:auc", "test:auc"} <= set(
        run.final
    )
    assert not any(name.startswith("test:") for name in run.reports[-2].metrics)
    features, labels = rows(channels["test"])
    area = roc_auc_score(labels, load(job).predict_proba(features), multi_class="ovr")
    assert run.final["test:auc"] == pytest.approx(area)


def test_cross_validation_is_the_mean_of_its_folds(make_job, data, run_snippet):
    given = ["--model", "logistic", "--cv_folds", "4", "--scale", "false"]
    place = str(data["cancer"]["train"])
    expected = run_snippet(
        "sklearn",
        f"""
import json, numpy as np, train
from settings import read_settings
from tabular import read_channel
from smtune.container import Environment
from sklearn.linear_model import LogisticRegression
environment = Environment.current({{"SM_CHANNEL_TRAIN": {place!r}}}, {[*given, "--max_iter", "20000"]!r})
settings = read_settings(environment)
table = read_channel(environment, "train", has_label=True)
folds = train.make_folds(table, settings.cv_folds, settings.seed)
assert sorted(np.concatenate([v.features[:, 0] for _, v in folds])) == sorted(table.features[:, 0])
shares = [v.labels.mean() for _, v in folds]
scores = [LogisticRegression(max_iter=20000).fit(t.features, t.labels).score(v.features, v.labels) for t, v in folds]
print(json.dumps([np.mean(scores), np.std(scores), max(shares) - min(shares)]))
""",
    )
    hyperparameters = {"model": "logistic", "cv_folds": 4, "scale": "false", "max_iter": 20000}
    run = make_job("sklearn", {"train": data["cancer"]["train"]}, hyperparameters).run()
    assert run.code == 0, run.err
    assert run.final["validation:accuracy"] == pytest.approx(expected[0])
    assert run.final["validation:accuracy-std"] == pytest.approx(expected[1])
    assert run.final["validation:accuracy:se"] == pytest.approx(
        expected[1] / math.sqrt(3)
    )  # s / sqrt(4), s^2 / (4 - 1)
    folds = [run.final[f"validation:auc:fold-{number}"] for number in range(4)]  # of the tuned metric only
    assert np.mean(folds) == pytest.approx(run.final["validation:auc"])
    assert sum(":fold-" in name for name in run.final) == 4
    assert expected[2] < 0.02


def test_a_stopped_training_saves_its_work_and_ends_well(make_job, data):
    job = make_job("sklearn", data["iris"], {"model": "sgd", "epochs": 5000})
    with job.start() as process:
        assert process.stdout is not None
        assert "step=0;" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        last = process.stdout.read().splitlines()[-1]
    assert process.returncode == 0
    assert "test:accuracy=" in last
    assert "step=4999;" not in last
    assert len(load(job).predict(rows(data["iris"]["test"])[0])) == len(rows(data["iris"]["test"])[1])


def test_settings(run_snippet):
    cases = {
        "--model sgd --learning_rate 0.05": {
            "loss": "log_loss",
            "eta0": 0.05,
            "learning_rate": "constant",
            "random_state": 0,
        },
        "--model mlp --hidden_layer_sizes 64": {"hidden_layer_sizes": [64], "random_state": 0},
        "--model mlp --hidden-layer-sizes [64,32] --learning_rate adaptive": {
            "hidden_layer_sizes": [64, 32],
            "learning_rate": "adaptive",
            "random_state": 0,
        },
        "--model forest --max_features None --seed 3": {"max_features": None, "random_state": 3},
        "--model gradient_boosting --learning_rate 0.2 --random_state 9": {"learning_rate": 0.2, "random_state": 9},
        "--model elastic_net --l1_ratio 0.2": {
            "loss": "log_loss",
            "penalty": "elasticnet",
            "l1_ratio": 0.2,
            "random_state": 0,
        },
        "--model kmeans --n_clusters 4.0": {"n_clusters": 4, "random_state": 0},
    }
    assert run_snippet("sklearn", SETTINGS.format(list(cases))) == list(cases.values())


SETTINGS = """
import json
from settings import read_settings
from smtune.container import Environment
found = []
for case in {!r}:
    try:
        found.append(dict(read_settings(Environment.current({{}}, case.split())).parameters))
    except ValueError as error:
        found.append(str(error))
print(json.dumps(found))
"""


def test_wrong_hyperparameters_are_refused_before_any_data_is_read(run_snippet):
    cases = {
        "--C 1": "hyperparameter model is missing: give one of sgd, logistic",
        "--model forrest": "hyperparameter model = 'forrest': must be one of sgd, logistic",
        "--model logistic --task regression": "hyperparameter task = 'regression': must be one of classification for model logistic",
        "--model forest --max_dept 3": "unknown hyperparameter max_dept: model forest does not take it; did you mean max_depth",
        "--model forest --learning_rate 3": "unknown hyperparameter learning_rate: model forest does not take it",
        "--model forest --batch_size 3": "unknown hyperparameter batch_size",
        "--model mlp --max_iter 5": "so give epochs",
        "--model mlp --solver lbfgs": "must be adam or sgd",
        "--model mlp --epochs 0": "epochs = 0: must be at least 1",
        "--model mlp --hidden_layer_sizes a,b": "hidden_layer_sizes = 'a,b': must be numbers of neurons",
        "--model mlp --hidden_layer_sizes 0": "hidden_layer_sizes = 0: must be numbers of neurons",
        "--model tree --scale maybe": "hyperparameter scale = 'maybe': must be a bool",
        "--model tree --warm_start true": "unknown hyperparameter warm_start",
    }
    messages = run_snippet("sklearn", SETTINGS.format(list(cases)))
    assert [(case, want in message) for (case, want), message in zip(cases.items(), messages, strict=True)] == [
        (case, True) for case in cases
    ], messages


def test_a_failure_is_left_where_sagemaker_looks(make_job, data):
    job = make_job("sklearn", data["iris"], {"model": "tree", "max_depth": -3})
    run = job.run()
    assert run.code == 1
    assert "InvalidParameterError: The 'max_depth' parameter" in job.failure[:1024]
    assert "InvalidParameterError: The 'max_depth' parameter" in run.err
    assert not (job.model / "model.joblib").exists()


def test_bad_data_is_named(check_failures, data, tmp_path):
    train, validation = data["iris"]["train"], data["iris"]["validation"]
    texts = {
        "header": "label,a,b,c,d\n1,2,3,4,5\n",
        "narrow": "1,2\n0,3\n",
        "unseen": "7,1,2,3,4\n",
        "real": "0.5,1,2,3,4\n",
    }
    texts |= {"alone": "0,1\n0,2\n1,3\n", "one": "1,2\n1,3\n", "nolabel": "1,2\n,3\n", "nan": "0,1,2,3,4\n1,,2,3,4\n"}
    texts |= {"empty": ""}
    places = {name: tmp_path / f"{name}.csv" for name in texts}
    for name, text in texts.items():
        places[name].write_text(text)
    tree = {"model": "tree"}
    check_failures(
        "sklearn",
        [
            ({"validation": validation}, tree, "LookupError: no channel 'train'; there are: validation"),
            ({"train": train}, tree, "ValueError: there is nothing to validate on: add a channel named validation, or"),
            ({"train": train, "validation": places["header"]}, tree, "header.csv: must hold numbers only, label first"),
            ({"train": train, "validation": places["narrow"]}, tree, "ValueError: channels must have the same columns"),
            ({"train": train, "validation": places["unseen"]}, tree, "labels that channel 'train' lacks: 7"),
            ({"train": train, "validation": places["real"]}, tree, "set the hyperparameter task=regression"),
            ({"train": train, "validation": places["nan"]}, {"model": "ridge"}, "contains NaN"),
            ({"train": places["alone"]}, {**tree, "cv_folds": 2}, "class 1 has one row only"),
            ({"train": places["one"]}, {**tree, "cv_folds": 2}, "channel 'train' has one class only, 1"),
            ({"train": places["nolabel"]}, {**tree, "cv_folds": 2}, "channel 'train': row 2 has no label"),
            ({"train": places["empty"]}, {**tree, "cv_folds": 2}, "channel 'train' holds no data"),
        ],
    )


def test_every_repeat_has_a_seed_of_its_own(run_snippet):
    seeds = run_snippet(
        "sklearn",
        """
import json
from settings import read_settings
from smtune.container import Environment
argv = ["--model", "forest", "--seed", "7"]
settings = [read_settings(Environment.current({"SMTUNE_REPEAT": text}, argv)) for text in ("0", "2")]
print(json.dumps([[one.seed, one.parameters["random_state"]] for one in settings]))
""",
    )
    assert seeds == [[7, 7], [9, 9]]
