"""Answers of SageMaker about the tuning job ``churn``, in the shape of real ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

METRIC = "FinalHyperParameterTuningJobObjectiveMetric"
ACCOUNT = "arn:aws:sagemaker:eu-west-1:123456789012"
ARN = f"{ACCOUNT}:hyper-parameter-tuning-job/churn"
AUC = {"Type": "Maximize", "MetricName": "validation:auc"}
RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
    ],
    "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "10", "ScalingType": "Auto"}],
    "CategoricalParameterRanges": [{"Name": "booster", "Values": ['"gbtree"', '"dart"']}],
}


def at(minute: float) -> datetime:
    """Return a moment of the job, which began at 6 o'clock."""
    return datetime.fromtimestamp(datetime(2026, 3, 1, 6, tzinfo=UTC).timestamp() + 60 * minute, UTC)


def definition(**members: Any) -> dict[str, Any]:
    """Return a definition as version 2 of the SDK sends it and Describe echoes it."""
    return {
        "StaticHyperParameters": {
            "_tuning_objective_metric": '"validation:auc"',
            "num_round": "200",
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://bucket/churn/source/sourcedir.tar.gz"',
        },
        "AlgorithmSpecification": {
            "TrainingImage": "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:auc", "Regex": r"validation-auc:([0-9\.]+)"}],
        },
        "RoleArn": "arn:aws:iam::123456789012:role/SageMakerRole",
        "OutputDataConfig": {"KmsKeyId": "", "S3OutputPath": "s3://bucket/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **members,
    }


def description(status: str = "Completed", *, config: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """Return what boto3 makes of DescribeHyperParameterTuningJob; members that are ``None`` are left out."""
    ended = status in ("Completed", "Failed", "Stopped")
    answer = {
        "HyperParameterTuningJobName": "churn",
        "HyperParameterTuningJobArn": ARN,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": AUC,
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": RANGES,
            "TrainingJobEarlyStoppingType": "Off",
            "RandomSeed": 7,
            **(config or {}),
        },
        "TrainingJobDefinition": definition(),
        "HyperParameterTuningJobStatus": status,
        "CreationTime": at(0),
        "HyperParameterTuningEndTime": at(60) if ended else None,
        "LastModifiedTime": at(60),
        "TrainingJobStatusCounters": {
            "Completed": 0,
            "InProgress": 0,
            "RetryableError": 0,
            "NonRetryableError": 0,
            "Stopped": 0,
        },
        "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
        "ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0},
        **members,
    }
    return {name: value for name, value in answer.items() if value is not None}


def summary(
    number: int,
    status: str = "Completed",
    value: float | None = None,
    *,
    start: float = 1,
    end: float | None = 5,
    **members: Any,
) -> dict[str, Any]:
    """Return an entry of TrainingJobSummaries; minutes of start and end are counted from the start of the job."""
    name = f"churn-{number + 1:03d}-5d0f5aea"
    counts = {"InProgress": "Pending", "Stopping": "Pending"}.get(status, "Failed" if value is None else "Succeeded")
    one = {
        "TrainingJobName": name,
        "TrainingJobArn": f"{ACCOUNT}:training-job/{name}",
        "CreationTime": at(start - 0.5),
        "TrainingStartTime": at(start),
        "TrainingEndTime": None if end is None else at(end),
        "TrainingJobStatus": status,
        "TunedHyperParameters": {"eta": "0.0718319595287881", "max_depth": "8", "booster": '"dart"'},
        METRIC: None if value is None else {"MetricName": "validation:auc", "Value": value},
        "ObjectiveStatus": counts,
        **members,
    }
    return {name: value for name, value in one.items() if value is not None}


def details(**members: Any) -> dict[str, dict[str, Any]]:
    """Return what DescribeTrainingJob answers for the first training job, by its name."""
    name = "churn-001-5d0f5aea"
    one = {
        "TrainingJobName": name,
        "TuningJobArn": ARN,
        "ModelArtifacts": {"S3ModelArtifacts": f"s3://bucket/models/{name}/output/model.tar.gz"},
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "FinalMetricDataList": [
            {"MetricName": "validation:auc", "Value": 0.91, "Timestamp": at(5)},
            {"MetricName": "test:auc", "Value": 0.89, "Timestamp": at(5)},
        ],
        "TrainingTimeInSeconds": 240,
        "BillableTimeInSeconds": 72,
        **members,
    }
    return {name: one}
