"""Objects in S3 whose keys are no paths of files here."""

from __future__ import annotations

import boto3
import pytest

from smtune.emulator import Rule, Settings, emulate

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"


@pytest.mark.parametrize("keys", [("data/a", "data/a/b"), ("data/" + "k" * 300,)])
def test_they_fail_the_job_that_names_them_as_its_data(keys):
    settings = Settings(rules=[Rule(IMAGE, command=("true",))])
    with emulate(settings, serve=False) as aws:
        for key in keys:
            boto3.client("s3").put_object(Bucket=aws.bucket, Key=key, Body=b"1")
        sagemaker = boto3.client("sagemaker")
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{aws.bucket}/data/"}
        sagemaker.create_training_job(
            TrainingJobName="job",
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            RoleArn=aws.role,
            InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            OutputDataConfig={"S3OutputPath": f"s3://{aws.bucket}/out"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
        with pytest.raises(Exception, match="terminal failure state"):
            waiter.wait(TrainingJobName="job", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
        reason = sagemaker.describe_training_job(TrainingJobName="job")["FailureReason"]
    assert reason.startswith(f"ClientError: Data download failed: s3://{aws.bucket}/data/")
    assert "cannot be a file beside the others" in reason
