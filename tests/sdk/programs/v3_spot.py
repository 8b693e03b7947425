"""SDK v3: spare capacity that is taken away once; the script goes on from its checkpoint."""

import json

import boto3
from sagemaker.core.training.configs import CheckpointConfig, Compute, SourceCode, StoppingCondition
from sagemaker.train import ModelTrainer

BUCKET = "sagemaker-us-east-1-123456789012"

trainer = ModelTrainer(
    training_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:1",
    role="arn:aws:iam::123456789012:role/SageMaker",
    source_code=SourceCode(source_dir="code", entry_script="resume.py"),
    compute=Compute(instance_type="ml.m5.large", enable_managed_spot_training=True),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600, max_wait_time_in_seconds=900),
    checkpoint_config=CheckpointConfig(s3_uri=f"s3://{BUCKET}/checkpoints", local_path="/opt/ml/checkpoints"),
)
trainer.train(logs=False)
job = trainer._latest_training_job.refresh()
kept = boto3.client("s3").get_object(Bucket=BUCKET, Key="checkpoints/state.json")["Body"].read()
print(
    json.dumps(
        {
            "status": job.training_job_status,
            "transitions": [one.status for one in job.secondary_status_transitions],
            "billable": job.billable_time_in_seconds <= job.training_time_in_seconds,
            "state": json.loads(kept),
        }
    )
)
