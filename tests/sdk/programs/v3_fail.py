"""SDK v3: a script that fails; the role is that of the configuration."""

import json
from pathlib import Path

import boto3
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.core.utils.exceptions import FailedStatusError
from sagemaker.train import ModelTrainer

Path("data").mkdir()
Path("data/rows.csv").write_text("1,2\n")
trainer = ModelTrainer(
    training_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1",
    source_code=SourceCode(source_dir="code", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large"),
    hyperparameters={"broken": "yes"},
)
try:
    trainer.train(input_data_config=[InputData(channel_name="train", data_source="data")])
except FailedStatusError as error:
    logs = boto3.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=trainer._latest_training_job.training_job_name
    )
    print(json.dumps({"error": str(error), "log": "\n".join(one["message"] for one in logs["events"])}))
