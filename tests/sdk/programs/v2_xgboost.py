"""SDK v2: AWS's own XGBoost, alone and as two algorithms of one tuning job; the role is that of the
configuration."""

import json
import random
from pathlib import Path

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.tuner import (
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
    create_transfer_learning_tuner,
)

session = sagemaker.Session()
random.seed(7)
table = [(int(a + b > 1.0), a, b) for a, b in ((random.random(), random.random()) for _ in range(200))]
Path("csv").mkdir()
Path("csv/rows.csv").write_text("".join(f"{label},{a:.6f},{b:.6f}\n" for label, a, b in table))
Path("libsvm").mkdir()
Path("libsvm/rows.libsvm").write_text("".join(f"{label} 1:{a:.6f} 2:{b:.6f}\n" for label, a, b in table))


def channels(kind):
    address = session.upload_data(kind, key_prefix=f"xgboost/{kind}")
    channel = TrainingInput(address, content_type=f"text/{kind}")
    return {"train": channel, "validation": channel}


def xgboost(**hyperparameters):
    estimator = Estimator(
        image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    estimator.set_hyperparameters(objective="binary:logistic", num_round=5, **hyperparameters)
    return estimator


single = xgboost(eval_metric="auc,logloss")
single.fit(channels("libsvm"), job_name="libsvm-1", logs=False)
finals = session.describe_training_job("libsvm-1")["FinalMetricDataList"]

tuner = HyperparameterTuner(
    xgboost(),
    "validation:auc",
    {"eta": ContinuousParameter(0.1, 0.5), "max_depth": IntegerParameter(1, 4)},
    max_jobs=2,
    max_parallel_jobs=2,
)
tuner.fit(channels("csv"), job_name="xgboost-1")

transferred = create_transfer_learning_tuner(parent="xgboost-1", estimator=xgboost())
transferred.fit(channels("libsvm"), job_name="xgboost-2")

several = HyperparameterTuner.create(
    estimator_dict={"shallow": xgboost(max_depth=1), "deep": xgboost(max_depth=6)},
    objective_metric_name_dict={"shallow": "validation:auc", "deep": "validation:auc"},
    hyperparameter_ranges_dict={
        "shallow": {"eta": ContinuousParameter(0.1, 0.5)},
        "deep": {"eta": ContinuousParameter(0.1, 0.5), "min_child_weight": ContinuousParameter(1.0, 5.0)},
    },
    base_tuning_job_name="several",
    max_jobs=2,
    max_parallel_jobs=2,
)
data = channels("csv")
several.fit({"shallow": data, "deep": data}, include_cls_metadata={}, job_name="several-1")
best = HyperparameterTuner.attach("several-1").best_estimator()

print(
    json.dumps(
        {
            "finals": {one["MetricName"]: one["Value"] for one in finals},
            "tuned": tuner.analytics().dataframe()["FinalObjectiveValue"].tolist(),
            "several": several.analytics()
            .dataframe()[["TrainingJobDefinitionName", "FinalObjectiveValue"]]
            .to_dict("records"),
            "transferred": transferred.describe(),
            "best": [several.best_training_job(), best.model_data],
        },
        default=str,
    )
)
