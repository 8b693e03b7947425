"""Many clients at once."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


def hammer(make: Callable[[str], Any], bucket: str, *, seconds: float, threads: int = 8) -> list[str]:
    """Ask S3, logs and SageMaker for everything, by threads that get in each other's way.

    Args:
        make: Makes a client of a service.
        bucket: A bucket that is there.
        seconds: How long.
        threads: How many.

    Returns:
        What went wrong, one text for each time.
    """
    clients = [
        {service: make(service) for service in ("s3", "logs", "sagemaker", "cloudwatch")} for _ in range(threads)
    ]
    end = time.monotonic() + seconds

    def work(number: int) -> list[str]:
        found: list[str] = []
        for turn in itertools.count():
            if time.monotonic() > end:
                return found
            try:
                _one_of_each(clients[number], bucket, f"{number}-{turn}")
            except Exception as error:  # all that can go wrong is looked for
                found.append(f"{type(error).__name__}: {error}")
        raise AssertionError

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return [text for found in pool.map(work, range(threads)) for text in found]
    finally:
        sys.setswitchinterval(before)


def _one_of_each(clients: dict[str, Any], bucket: str, name: str) -> None:
    s3, logs, sagemaker, cloudwatch = (clients[one] for one in ("s3", "logs", "sagemaker", "cloudwatch"))
    s3.put_object(Bucket=bucket, Key=f"a/{name}", Body=name.encode())
    assert s3.get_object(Bucket=bucket, Key=f"a/{name}")["Body"].read() == name.encode()
    s3.list_objects_v2(Bucket=bucket, Prefix="a/", MaxKeys=5)
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn="arn:aws:iam::123456789012:role/SageMaker",
        AlgorithmSpecification={"TrainingImage": "mine", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobName"] == name
    sagemaker.search(Resource="ModelPackage")
    group = "/aws/sagemaker/TrainingJobs"
    logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)
    assert logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")["events"]
    cloudwatch.list_metrics(Namespace=group)
    s3.delete_object(Bucket=bucket, Key=f"a/{name}")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_training_job(TrainingJobName="nobody")
