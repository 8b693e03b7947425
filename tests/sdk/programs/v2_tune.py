"""SDK v2: tune, look at what came of it, and build on it."""

import json
from pathlib import Path

import sagemaker
from sagemaker.sklearn import SKLearn
from sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
    TuningJobCompletionCriteriaConfig,
)

ROLE = "arn:aws:iam::123456789012:role/SageMaker"

session = sagemaker.Session()
Path("data").mkdir()
Path("data/rows.csv").write_text("1,2\n3,4\n")
rows = session.upload_data("data", key_prefix="churn/train")

estimator = SKLearn(
    entry_point="train.py",
    source_dir="code",
    role=ROLE,
    instance_type="ml.m5.large",
    framework_version="1.2-1",
    py_version="py3",
)
tuner = HyperparameterTuner(
    estimator,
    objective_metric_name="validation:loss",
    objective_type="Minimize",
    metric_definitions=[{"Name": "validation:loss", "Regex": r"validation_loss=([0-9.e-]+);"}],
    hyperparameter_ranges={
        "eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
        "epochs": IntegerParameter(1, 3),
        "booster": CategoricalParameter(["gbtree", "dart"]),
    },
    max_jobs=4,
    max_parallel_jobs=2,
    early_stopping_type="Auto",
    completion_criteria_config=TuningJobCompletionCriteriaConfig(target_objective_metric_value=0.0),
    base_tuning_job_name="churn",
    random_seed=7,
)
tuner.fit({"train": rows}, job_name="churn-1")

attached = HyperparameterTuner.attach("churn-1")
best = attached.best_estimator()
analytics = sagemaker.HyperparameterTuningJobAnalytics("churn-1")

transferred = tuner.transfer_learning_tuner()
transferred.metric_definitions = tuner.metric_definitions  # the SDK forgets them
transferred.fit({"train": rows}, job_name="churn-2")
identical = tuner.identical_dataset_and_algorithm_tuner(additional_parents={"churn-2"})
identical.metric_definitions = tuner.metric_definitions
identical.fit({"train": rows}, job_name="churn-3")

stopped = tuner.transfer_learning_tuner()
stopped.metric_definitions = tuner.metric_definitions
stopped.fit({"train": rows}, job_name="churn-4", wait=False)
stopped.stop_tuning_job()
stopped.wait()

described = tuner.describe()
print(
    json.dumps(
        {
            "status": described["HyperParameterTuningJobStatus"],
            "criteria": described["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"],
            "best": tuner.best_training_job(),
            "estimator": [type(best).__name__, best.latest_training_job.name, best.model_data, best.hyperparameters()],
            "ranges": attached.hyperparameter_ranges(),
            "rows": analytics.dataframe().drop(columns=["TrainingStartTime", "TrainingEndTime"]).to_dict("records"),
            "tuning_ranges": analytics.tuning_ranges,
            "transferred": transferred.describe(),
            "identical": identical.describe(),
            "stopped": stopped.describe()["HyperParameterTuningJobStatus"],
            "counts": [len(one.analytics().dataframe()) for one in (transferred, identical)],
        },
        default=str,
    )
)
