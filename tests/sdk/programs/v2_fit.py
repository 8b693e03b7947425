"""SDK v2: a framework's estimator in script mode and a generic one; their logs and metrics."""

import json
from pathlib import Path

import sagemaker
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.sklearn import SKLearn

METRICS = [
    {"Name": "validation:loss", "Regex": r"validation_loss=([0-9.e-]+);"},
    {"Name": "train:loss", "Regex": r"train_loss=([0-9.e-]+) "},
]

session = sagemaker.Session()
role = sagemaker.get_execution_role()
Path("data").mkdir()
Path("data/rows.csv").write_text("1,2\n3,4\n")
rows = session.upload_data("data", key_prefix="churn/train")

estimator = SKLearn(
    entry_point="train.py",
    source_dir="code",
    role=role,
    instance_type="ml.m5.large",
    framework_version="1.2-1",
    py_version="py3",
    hyperparameters={"eta": 0.2, "epochs": 2, "booster": "dart"},
    metric_definitions=METRICS,
    base_job_name="churn",
)
estimator.fit({"train": rows, "validation": TrainingInput(rows, content_type="text/csv", input_mode="FastFile")})

generic = Estimator(
    image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1",
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    entry_point="train.py",
    source_dir="code",
    hyperparameters={"eta": 0.1},
    metric_definitions=METRICS,
    use_spot_instances=True,
    max_run=600,
    max_wait=900,
    tags={"team": "growth"},
)
generic.fit({"train": rows}, job_name="generic-1", logs=False)
attached = Estimator.attach("generic-1")

print(
    json.dumps(
        {
            "model": estimator.model_data,
            "name": estimator.latest_training_job.name,
            "loss": estimator.training_job_analytics.dataframe().to_dict("records"),
            "generic": TrainingJobAnalytics("generic-1", ["validation:loss"]).dataframe().to_dict("records"),
            "attached": [attached.model_data, attached.hyperparameters(), attached.use_spot_instances],
            "session": session.default_bucket(),
        }
    )
)
