"""SDK v3: tune, and look at what came of it."""

import json

import boto3
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
from sagemaker.core.resources import TrainingJob
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

BUCKET = "sagemaker-us-east-1-123456789012"

for channel in ("train", "validation"):
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"data/{channel}/rows.csv", Body=b"1,2\n3,4\n")
trainer = ModelTrainer(
    training_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1",
    role="arn:aws:iam::123456789012:role/SageMaker",
    source_code=SourceCode(source_dir="code", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large"),
)
tuner = HyperparameterTuner(
    trainer,
    objective_metric_name="validation:loss",
    objective_type="Minimize",
    metric_definitions=[{"Name": "validation:loss", "Regex": r"validation_loss=([0-9.e-]+);"}],
    hyperparameter_ranges={
        "eta": ContinuousParameter(0.01, 0.5, scaling_type="Logarithmic"),
        "epochs": IntegerParameter(1, 3),
        "booster": CategoricalParameter(["gbtree", "dart"]),
    },
    strategy="Bayesian",
    max_jobs=4,
    max_parallel_jobs=2,
    random_seed=7,
)
tuner.tune(
    [
        InputData(channel_name="train", data_source=f"s3://{BUCKET}/data/train/"),
        InputData(channel_name="validation", data_source=f"s3://{BUCKET}/data/validation/", content_type="text/csv"),
    ],
    job_name="churn-1",
)

described = tuner.describe()
best = TrainingJob.get(tuner.best_training_job())
analytics = tuner.analytics()
print(
    json.dumps(
        {
            "status": described.hyper_parameter_tuning_job_status,
            "counters": described.training_job_status_counters.completed,
            "best": [best.training_job_name, best.hyper_parameters, best.model_artifacts.s3_model_artifacts],
            "rows": analytics.dataframe().drop(columns=["TrainingStartTime", "TrainingEndTime"]).to_dict("records"),
            "ranges": analytics.tuning_ranges,
            "jobs": [one.training_job_name for one in tuner.latest_tuning_job.get_all_training_jobs()],
        }
    )
)
