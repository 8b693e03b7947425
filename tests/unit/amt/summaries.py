"""Summaries of training jobs, as the aws command line prints them."""

from typing import Any

METRIC = "FinalHyperParameterTuningJobObjectiveMetric"


def summary(number: int, value: float | None, status: str = "Completed", **parameters: str) -> dict[str, Any]:
    """Return a training job of the tuning job ``churn``; values of hyperparameters are text."""
    name = f"churn-{number:03d}-5d0f5aea"
    job: dict[str, Any] = {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:eu-west-1:123456789012:training-job/{name}",
        "CreationTime": f"2026-03-01T06:{number:02d}:35+01:00",
        "TrainingStartTime": f"2026-03-01T06:{number:02d}:37+01:00",
        "TrainingEndTime": f"2026-03-01T06:{number:02d}:59+01:00",
        "TrainingJobStatus": status,
        "TunedHyperParameters": parameters,
    }
    if value is not None:
        job |= {METRIC: {"MetricName": "validation:auc", "Value": value}, "ObjectiveStatus": "Succeeded"}
    if status == "Failed":
        job |= {"FailureReason": "AlgorithmError: exit code 1", "ObjectiveStatus": "Failed"}
    return job
