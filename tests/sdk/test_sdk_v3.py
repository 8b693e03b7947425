"""The SageMaker SDK v3, as its users write it."""

import pytest

from smtune.emulator import Fault, Settings
from smtune.sandbox.namespace import unavailable
from tests.sdk.conftest import interpreter

BUCKET = "s3://sagemaker-us-east-1-123456789012"


@pytest.mark.skipif(unavailable() is not None, reason=f"no mount namespaces: {unavailable()}")
def test_a_trainer_trains_on_local_and_uploaded_data_and_shows_the_log(workplace):
    done = workplace.run("sdk3", "v3_train.py", "--notebook")

    assert done.told["status"] == "Completed"
    assert done.told["model"].startswith(f"{BUCKET}/models/churn-")
    assert '"train": ["rows.csv"], "validation": ["rows.csv"]' in done.stderr
    assert "epoch 1 train_loss=0.510000 rows=2;" in done.stderr


def test_a_script_that_fails_is_surfaced_with_its_reason(workplace):
    done = workplace.run("sdk3", "v3_fail.py")

    assert "Final Resource State: Failed. Failure Reason: AlgorithmError: " in done.told["error"]
    assert "returned non-zero exit status 1" in done.told["error"]
    assert "ValueError: the rows make no sense" in done.told["log"]


def test_a_spot_interruption_goes_on_from_the_checkpoint(workplace):
    # Every instance is taken away that takes long, as the first one does; however slow the machine is, one ends at last.
    settings = Settings(faults=[Fault("interruption", seconds=10.0, count=None)], grace_seconds=1.0)
    with workplace.serving(settings):
        done = workplace.call(interpreter("sdk3"), "v3_spot.py")

    assert done.told["status"] == "Completed"
    assert done.told["state"]["starts"] >= 2
    assert "Interrupted" in done.told["transitions"]
    assert done.told["transitions"].count("Training") >= 2
    assert done.told["billable"]


def test_a_tuner_tunes_and_tells_what_it_found(workplace):
    told = workplace.run("sdk3", "v3_tune.py").told

    assert told["status"] == "Completed"
    assert told["counters"] == 4
    rows = {row["TrainingJobName"]: row for row in told["rows"]}
    assert list(rows) == told["jobs"]
    name, hyperparameters, model = told["best"]
    assert min(rows.values(), key=lambda row: row["FinalObjectiveValue"])["TrainingJobName"] == name
    assert float(hyperparameters["eta"]) == rows[name]["eta"]
    assert hyperparameters["booster"] == rows[name]["booster"]
    assert model == f"{BUCKET}/churn-job/{name}/output/model.tar.gz"
    assert rows[name]["FinalObjectiveValue"] == pytest.approx(loss(rows[name]))
    assert sorted(told["ranges"]) == ["booster", "epochs", "eta"]


def test_tuners_search_in_every_way_and_build_on_each_other(workplace):
    told = workplace.run("sdk3", "v3_strategies.py").told

    assert told["jobs"] == dict.fromkeys(["grid", "hyperband", "stopping", "child"], "Completed")
    assert told["grid"] == ["dart", "gbtree"]
    assert told["hyperband"] == 4
    assert told["criteria"] == {"target_objective_metric_value": 2.0}
    assert told["stopping"] < 6  # the first trials are good enough
    assert told["warm_start"] == "IdenticalDataAndAlgorithm"
    assert told["overall"] in {"hyperband", "child"}


def test_a_tuner_stops_its_jobs(workplace):
    told = workplace.run("sdk3", "v3_stop.py").told

    assert told["status"] == ["InProgress", "Stopped"]
    assert told["trained"] == ["Stopped", "Stopped"]
    assert told["all"] == ["sleepy"]


def loss(row):
    """Return what the script prints at last."""
    return round((row["eta"] - 0.1) ** 2 + (0.01 if row["booster"] == "dart" else 0.0) + 1.0 / row["epochs"], 6)
