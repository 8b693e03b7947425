"""SDK v3: train on a local folder and on objects in S3, and follow the log."""

import json
import logging
from pathlib import Path

import boto3
from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, SourceCode, StoppingCondition
from sagemaker.train import ModelTrainer

BUCKET = "sagemaker-us-east-1-123456789012"

logging.basicConfig(level=logging.INFO)
Path("data").mkdir()
Path("data/rows.csv").write_text("1,2\n3,4\n")
boto3.client("s3").put_object(Bucket=BUCKET, Key="data/validation/rows.csv", Body=b"5,6\n")

trainer = ModelTrainer(
    training_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1",
    role=get_execution_role(),
    base_job_name="churn",
    source_code=SourceCode(source_dir="code", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"eta": 0.2, "epochs": 2},
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
)
trainer.train(
    input_data_config=[
        InputData(channel_name="train", data_source="data"),
        InputData(channel_name="validation", data_source=f"s3://{BUCKET}/data/validation/"),
    ],
    wait=True,
    logs=True,
)
job = trainer._latest_training_job.refresh()
print(json.dumps({"status": job.training_job_status, "model": job.model_artifacts.s3_model_artifacts}))
