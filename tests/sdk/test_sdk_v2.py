"""The SageMaker SDK v2, as its users write it."""

import pytest

from smtune.sandbox.namespace import unavailable

BUCKET = "s3://sagemaker-us-east-1-123456789012"


@pytest.mark.skipif(unavailable() is not None, reason=f"no mount namespaces: {unavailable()}")
def test_estimators_train_and_show_logs_and_metrics(workplace):
    done = workplace.run("sdk2", "v2_fit.py", "--notebook")

    assert done.told["model"] == f"{BUCKET}/{done.told['name']}/output/model.tar.gz"
    assert "epoch 1 train_loss=0.520000 rows=2;" in done.stdout
    assert "Completed - Training job completed" in done.stdout
    assert {row["metric_name"] for row in done.told["loss"]} == {"validation:loss", "train:loss"}
    assert done.told["generic"][0]["metric_name"] == "validation:loss"
    model, hyperparameters, spot = done.told["attached"]
    assert model == f"{BUCKET}/generic-1/output/model.tar.gz"
    assert hyperparameters["eta"] == "0.1"
    assert spot
    assert done.told["session"] == BUCKET.removeprefix("s3://")


def test_a_tuner_tunes_and_later_ones_build_on_it(workplace):
    told = workplace.run("sdk2", "v2_tune.py").told

    assert told["status"] == "Completed"
    assert told["criteria"] == {"TargetObjectiveMetricValue": 0.0}
    rows = {row["TrainingJobName"]: row for row in told["rows"]}
    assert len(rows) == 4
    assert min(rows.values(), key=lambda row: row["FinalObjectiveValue"])["TrainingJobName"] == told["best"]
    kind, name, model, hyperparameters = told["estimator"]
    assert (kind, name, model) == ("SKLearn", told["best"], f"{BUCKET}/{name}/output/model.tar.gz")
    assert float(hyperparameters["eta"]) == pytest.approx(rows[name]["eta"])
    names = [one["Name"] for ranges in told["ranges"].values() for one in ranges]
    assert sorted(names) == ["booster", "epochs", "eta"]
    assert sorted(told["tuning_ranges"]) == ["booster", "epochs", "eta"]
    assert parents(told["transferred"]) == ("TransferLearning", ["churn-1"])
    assert parents(told["identical"]) == ("IdenticalDataAndAlgorithm", ["churn-1", "churn-2"])
    assert told["counts"] == [4, 4]
    assert told["stopped"] == "Stopped"


def parents(described):
    config = described["WarmStartConfig"]
    names = [one["HyperParameterTuningJobName"] for one in config["ParentHyperParameterTuningJobs"]]
    return config["WarmStartType"], sorted(names)


def test_awss_xgboost_trains_on_csv_and_libsvm_and_in_several_definitions(workplace):
    told = workplace.run("sdk2", "v2_xgboost.py").told

    assert set(told["finals"]) == {"validation:auc", "validation:logloss"}
    assert len(told["tuned"]) == 2
    assert all(value > 0.9 for value in told["tuned"])
    origins = [row["TrainingJobDefinitionName"] for row in told["several"]]
    assert sorted(origins) == ["deep", "shallow"]
    name, model = told["best"]
    assert model == f"{BUCKET}/{name}/output/model.tar.gz"
    assert parents(told["transferred"]) == ("TransferLearning", ["xgboost-1"])
    assert told["transferred"]["HyperParameterTuningJobStatus"] == "Completed"
