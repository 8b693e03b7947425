"""AWS's XGBoost, emulated: what it reads, prints, writes and refuses, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from smtune.sandbox import Channel, InstanceGroup, TrainingContract, lay_out
from smtune.sandbox.inputs import Pipe
from smtune.sandbox.xgboost_algorithm.data import Source, read_channel
from smtune.sandbox.xgboost_algorithm.errors import UserError
from smtune.sandbox.xgboost_algorithm.hyperparameters import read_hyperparameters
from smtune.sandbox.xgboost_algorithm.metrics import added_metrics

np = pytest.importorskip("numpy")
xgboost = pytest.importorskip("xgboost")

PROGRAM = (sys.executable, "-m", "smtune.sandbox.xgboost_algorithm")
ROOT = Path(__file__).parents[3]


def write_csv(folder: Path, name: str, rows: int, seed: int) -> Channel:
    draws = np.random.default_rng(seed)
    features = draws.normal(size=(rows, 3))
    labels = (features[:, 0] + draws.normal(scale=0.5, size=rows) > 0).astype(int)
    place = folder / name
    place.mkdir()
    text = [
        f"{label},{','.join(f'{value:.4f}' for value in row)}\n" for label, row in zip(labels, features, strict=True)
    ]
    (place / "a.csv").write_text("".join(text[: rows // 2]))
    (place / "b.csv").write_text("".join(text[rows // 2 :]))
    return Channel(place, "text/csv")


@pytest.fixture
def channels(tmp_path: Path) -> dict[str, Channel]:
    return {"train": write_csv(tmp_path, "train", 80, 1), "validation": write_csv(tmp_path, "validation", 40, 2)}


def train(base: Path, contract: TrainingContract) -> subprocess.CompletedProcess[str]:
    lay_out(base, contract)
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "OMP_NUM_THREADS": "1"}
    return subprocess.run(PROGRAM, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def contract(channels: Mapping[str, Channel], **texts: str) -> TrainingContract:
    texts = {"num_round": "3", "objective": "binary:logistic", **texts}
    return TrainingContract("job-1", hyperparameters=texts, channels=channels)


def test_trains_on_csv_prints_its_metrics_and_saves_its_model(tmp_path: Path, channels: dict[str, Channel]) -> None:
    job = contract(
        channels,
        eta="0.3",
        eval_metric="logloss,accuracy,f1",
        _tuning_objective_metric="validation:auc",
        early_stopping_rounds="2",
        num_round="40",
    )
    done = train(tmp_path / "base", job)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) < 40
    parts = lines[0].split("\t")
    names = [
        f"{channel}-{metric}" for channel in ("train", "validation") for metric in ("auc", "logloss", "accuracy", "f1")
    ]
    assert parts[0] == "[0]"
    assert [part.partition(":")[0] for part in parts[1:]] == names
    assert float(parts[5].partition(":")[2]) > 0.6
    model = xgboost.Booster(model_file=bytearray((tmp_path / "base/model/xgboost-model").read_bytes()))
    assert model.num_features() == 3
    assert not (tmp_path / "base/output/failure").exists()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"colour": "red"}, "UserError: Extraneous hyperparameter found: colour"),
        ({"eta": "2"}, "UserError: Hyperparameter eta: 2.0 is not in [0, 1]"),
        ({"objective": "multi:softmax"}, "UserError: Require input for parameter 'num_class' for multi-classification"),
        ({"objective": "count:poisson", "base_score": "nan"}, "UserError"),
    ],
)
def test_failure_file_says_who_is_to_blame(
    tmp_path: Path, channels: dict[str, Channel], texts: dict[str, str], message: str
) -> None:
    done = train(tmp_path / "base", contract(channels, **texts))
    assert done.returncode == 1
    reason = (tmp_path / "base/output/failure").read_text()
    assert reason.startswith(f"framework error: \n{message}")
    assert reason in done.stderr
    assert not list((tmp_path / "base/model").iterdir())


def test_labels_that_do_not_fit_are_the_users_error(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.csv").write_text("5,1,2\n7,3,4\n")
    done = train(tmp_path / "base", contract({"train": Channel(tmp_path / "train", "text/csv")}))
    assert done.returncode == 1
    assert "UserError" in (tmp_path / "base/output/failure").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [("validation", "Missing required channel: train"), ("train test", "Extraneous channel found: test")],
)
def test_channels_have_names(tmp_path: Path, channels: dict[str, Channel], given: str, message: str) -> None:
    done = train(tmp_path / "base", contract(dict.fromkeys(given.split(), channels["train"])))
    assert done.returncode == 1
    assert message in (tmp_path / "base/output/failure").read_text()


def test_goes_on_from_its_checkpoints(tmp_path: Path, channels: dict[str, Channel]) -> None:
    def job(rounds: int) -> TrainingContract:
        texts = {"num_round": str(rounds), "objective": "binary:logistic"}
        where = {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/checkpoints"}
        return TrainingContract("job-1", hyperparameters=texts, channels=channels, checkpoints=where)

    whole = train(tmp_path / "whole", job(9))
    first = train(tmp_path / "parts", job(6))
    assert len(list((tmp_path / "parts/checkpoints").iterdir())) == 5
    second = train(tmp_path / "parts", job(9))
    assert first.stdout + second.stdout == whole.stdout


def test_keeps_what_it_has_when_asked_to_stop(tmp_path: Path, channels: dict[str, Channel]) -> None:
    lay_out(tmp_path / "base", contract(channels, num_round="100000000", save_model_on_termination="true"))
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path / "base"), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(PROGRAM, env=environment, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 0
    assert (tmp_path / "base/model/xgboost-model").stat().st_size


def test_first_host_saves_the_model(tmp_path: Path, channels: dict[str, Channel]) -> None:
    for host in ("algo-1", "algo-2"):
        job = TrainingContract(
            "job-1",
            hyperparameters={"num_round": "1"},
            channels=channels,
            groups=(InstanceGroup("all", "ml.m5.large", ("algo-1", "algo-2")),),
            current_host=host,
        )
        assert train(tmp_path / host, job).returncode == 0
    assert (tmp_path / "algo-1/model/xgboost-model").exists()
    assert not (tmp_path / "algo-2/model/xgboost-model").exists()


# --- hyperparameters ----------------------------------------------------------------------------------------------


def test_hyperparameters_have_types() -> None:
    texts = {
        "num_round": "5",
        "max_depth": "3",
        "learning_rate": "0.5",
        "updater": "grow_colmaker,prune",
        "tree_method": "hist",
        "monotone_constraints": "(1, 0, -1)",
        "interaction_constraints": "[[0, 1], [2]]",
        "eval_metric": "auc,error@0.7",
        "csv_weights": "1",
        "objective": "rank:pairwise",
    }
    read = read_hyperparameters(texts)
    assert read.booster == {
        "max_depth": 3,
        "eta": 0.5,
        "updater": "grow_colmaker,prune",
        "tree_method": "hist",
        "monotone_constraints": (1, 0, -1),
        "interaction_constraints": [[0, 1], [2]],
        "objective": "rank:pairwise",
    }
    assert (read.rounds, read.eval_metric, read.csv_weights) == (5, ("auc", "error@0.7"), True)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ({"num_round": "2.0"}, "Hyperparameter num_round: could not parse value (caused by ValueError)"),
        ({"subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        ({"tweedie_variance_power": "2"}, "Hyperparameter tweedie_variance_power: 2.0 is not in (1, 2)"),
        ({"alpha": "nan"}, "Hyperparameter alpha: nan is not in [0, +inf)"),
        ({"booster": "tree"}, "Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']"),
        ({"updater": "prune,none"}, "Hyperparameter updater: ['prune', 'none'] is not in"),
        ({"eval_metric": "auk"}, "Hyperparameter eval_metric: ['auk'] is not in"),
        ({"eval_metric": "auc@1"}, "Metric 'auc@1' is not supported."),
        ({"eval_metric": "error@x"}, "Threshold value 't' in 'error@t' expects float input."),
        ({"eval_metric": "auc"}, "Metric 'auc' can only be applied for classification and ranking problems."),
        ({"eval_metric": "aft-nloglik"}, "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective."),
        ({"_tuning_objective_metric": "train:rmse"}, "Hyperparameter _tuning_objective_metric: train:rmse is not in"),
        ({"monotone_constraints": "(1,"}, "Hyperparameter monotone_constraints: could not parse value"),
        ({"monotone_constraints": "(1, 1)"}, "monotone_constraints can be used only when the tree_method"),
        ({"interaction_constraints": "[[-1]]"}, "Hyperparameter interaction_constraints: [[-1]] is not in [0, +inf)"),
        ({"interaction_constraints": "3"}, "Hyperparameter interaction_constraints: could not parse value"),
    ],
)
def test_bad_hyperparameters(texts: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_hyperparameters({"num_round": "1", **texts})
    assert str(caught.value).startswith(message)


def test_number_of_rounds_is_required() -> None:
    with pytest.raises(UserError, match="Missing required hyperparameter: num_round"):
        read_hyperparameters({})


# --- data ---------------------------------------------------------------------------------------------------------


def read(tmp_path: Path, content: str, content_type: str | None, **options: Any) -> Any:
    (tmp_path / "channel").mkdir(exist_ok=True)
    (tmp_path / "channel/file").write_text(content)
    config = {} if content_type is None else {"ContentType": content_type}
    return read_channel(Source(tmp_path / "channel", config), **options)


def test_csv_with_gaps_and_weights(tmp_path: Path) -> None:
    data = read(tmp_path, "1,0.5,,4\n0,2.0,3,\n", "text/csv; label_size=1", weights=True)
    assert data.get_label().tolist() == [1, 0]
    assert data.get_weight().tolist() == [0.5, 2.0]
    assert data.num_nonmissing() == 2
    assert data.get_data().toarray().tolist() == [[0, 4], [3, 0]]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_csv_with_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    assert read(tmp_path, "1,2,3\n4,5,6\n".replace(",", delimiter), "csv").get_label().tolist() == [1, 4]


def test_libsvm_is_the_default(tmp_path: Path) -> None:
    data = read(tmp_path, "1:0.5 qid:1 0:0.5 3:2 # note\n0:2 qid:1 1:1\n", None)
    assert data.get_label().tolist() == [1, 0]
    assert data.get_weight().tolist() == [0.5, 2.0]
    assert data.get_data().toarray().tolist() == [[0.5, 0, 0, 2], [0, 1, 0, 0]]
    assert data.get_uint_info("group_ptr").tolist() == [0, 2]


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        ("1,2\n", "text/csv;label_size=2", "label_size must be equal to 1"),
        ("1,2\n", "text/json", "text/json is not an accepted ContentType: csv, text/csv, libsvm"),
        ("1,2\n", "application/x-parquet", "is not emulated here"),
        ("label,x\n1,2\n", "text/csv", "Failed to load csv data with exception"),
        ("1\n2\n", "text/csv", "Could not determine delimiter on line 1"),
        ("1,2\n3,4,5\n", "text/csv", "Failed to load csv data with exception"),
        ("", "text/csv", "No data in channel path"),
        ("\n", "text/libsvm", "No data in channel path"),
        ("1,2,3\n", "text/libsvm", "First line '1,2,3...' of file 'file' is not 'LIBSVM' format"),
        ("1:2 0:1\n1 0:1\n", "text/libsvm", "some lines have a weight"),
    ],
)
def test_bad_data(tmp_path: Path, content: str, content_type: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, content, content_type)


def test_csv_is_read_from_a_pipe(tmp_path: Path, channels: dict[str, Channel]) -> None:
    pipe = Pipe(tmp_path, "train", sorted((tmp_path / "train").iterdir()))
    with pipe:
        data = read_channel(Source(tmp_path / "train_0", {"ContentType": "text/csv", "TrainingInputMode": "Pipe"}))
    assert (data.num_row(), data.num_col()) == (80, 3)
    with pytest.raises(UserError, match="Pipe mode not supported for LibSVM"):
        read_channel(Source(tmp_path / "train_0", {"TrainingInputMode": "Pipe"}))


# --- metrics ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3])
def test_added_metrics_are_those_of_scikit_learn(classes: int) -> None:
    scores = pytest.importorskip("sklearn.metrics")
    draws = np.random.default_rng(classes)
    labels = draws.integers(0, classes, 50).astype(np.float32)
    predictions = draws.dirichlet(np.ones(classes), 50)
    predicted = predictions.argmax(axis=1)
    expected = {
        "accuracy": scores.accuracy_score(labels, predicted),
        "balanced_accuracy": scores.balanced_accuracy_score(labels, predicted),
        "f1": scores.f1_score(labels, predicted, average="macro"),
        "precision_macro": scores.precision_score(labels, predicted, average="macro"),
        "precision_micro": scores.precision_score(labels, predicted, average="micro"),
        "recall_macro": scores.recall_score(labels, predicted, average="macro"),
        "recall_micro": scores.recall_score(labels, predicted, average="micro"),
    }
    if classes == 2:
        predictions = predictions[:, 1]
        expected["f1_binary"] = scores.f1_score(labels, predicted)
        expected["precision"] = scores.precision_score(labels, predicted)
        expected["recall"] = scores.recall_score(labels, predicted)
    data = xgboost.DMatrix(np.zeros((50, 1)), label=labels)
    assert dict(added_metrics(list(expected))(predictions, data)) == pytest.approx(expected)


def test_added_metrics_of_numbers() -> None:
    data = xgboost.DMatrix(np.zeros((3, 1)), label=[1.0, 2.0, 3.0])
    found = dict(added_metrics(["mse", "r2"])(np.array([1.0, 2.0, 5.0]), data))
    assert found == pytest.approx({"mse": 4 / 3, "r2": -1.0})


def test_binary_metric_of_many_classes_is_refused() -> None:
    data = xgboost.DMatrix(np.zeros((3, 1)), label=[0.0, 1.0, 2.0])
    with pytest.raises(UserError, match="Target is multiclass"):
        added_metrics(["recall"])(np.array([0.0, 1.0, 2.0]), data)


def test_tuned_metric_alone_is_printed_beside_no_other(tmp_path: Path, channels: dict[str, Channel]) -> None:
    done = train(tmp_path / "base", contract(channels, _tuning_objective_metric="validation:error"))
    assert {part.partition(":")[0] for part in done.stdout.splitlines()[0].split("\t")[1:]} == {
        "train-error",
        "validation-error",
    }
    assert json.loads((tmp_path / "base/input/config/hyperparameters.json").read_text())["num_round"] == "3"
