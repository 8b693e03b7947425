"""A legal request that uses nearly every member, and ways to change it."""

from __future__ import annotations

import copy
from typing import Any

ROLE = "arn:aws:iam::111122223333:role/service-role/SageMakerRole"
IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUILT_IN = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
GONE = object()
CONFIG = "HyperParameterTuningJobConfig"
DEFINITION = "TrainingJobDefinition"


def full() -> dict[str, Any]:
    """Return a request for one algorithm, legal and without warnings."""
    return {
        "HyperParameterTuningJobName": "my-tuning-1",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": 50,
                "MaxParallelTrainingJobs": 5,
                "MaxRuntimeInSeconds": 86400,
            },
            "ParameterRanges": {
                "IntegerParameterRanges": [
                    {"Name": "max_depth", "MinValue": "2", "MaxValue": "10", "ScalingType": "Linear"},
                ],
                "ContinuousParameterRanges": [
                    {"Name": "eta", "MinValue": "1e-3", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
                    {"Name": "momentum", "MinValue": "0", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"},
                ],
                "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
            },
            "TrainingJobEarlyStoppingType": "Auto",
            "TuningJobCompletionCriteria": {
                "TargetObjectiveMetricValue": 0.99,
                "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 10},
                "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
            },
            "RandomSeed": 0,
        },
        "TrainingJobDefinition": definition(),
        "WarmStartConfig": {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "my-tuning-0"}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        },
        "Tags": [{"Key": "Projekt Ärger", "Value": "日本 2+2=4"}],
    }


def definition() -> dict[str, Any]:
    """Return a legal definition of training jobs."""
    return {
        "StaticHyperParameters": {"rounds": "200", "sagemaker_program": "train.py"},
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:auc", "Regex": "auc=([0-9.]+)"}],
        },
        "RoleArn": ROLE,
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": "s3://bucket/train",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "ContentType": "text/csv",
                "CompressionType": "None",
                "ShuffleConfig": {"Seed": 2**40},
            },
            {
                "ChannelName": "shared",
                "DataSource": {
                    "FileSystemDataSource": {
                        "FileSystemId": "fs-0123456789abcdef0",
                        "FileSystemAccessMode": "ro",
                        "FileSystemType": "EFS",
                        "DirectoryPath": "/data",
                    }
                },
            },
        ],
        "VpcConfig": {"SecurityGroupIds": ["sg-0123"], "Subnets": ["subnet-0123", "subnet-4567"]},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/output", "KmsKeyId": "alias/key", "CompressionType": "GZIP"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": True,
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints", "LocalPath": "/opt/ml/checkpoints"},
        "RetryStrategy": {"MaximumRetryAttempts": 3},
        "Environment": {"LOG_LEVEL": "debug\nand more"},
    }


def several() -> dict[str, Any]:
    """Return a request for two algorithms, legal and without warnings."""
    request = full()
    config = request[CONFIG]
    own = {
        "TuningObjective": config.pop("HyperParameterTuningJobObjective"),
        "HyperParameterRanges": config.pop("ParameterRanges"),
    }
    config["TrainingJobEarlyStoppingType"] = "Off"
    single = request.pop(DEFINITION)
    del request["WarmStartConfig"]
    request["TrainingJobDefinitions"] = [
        {"DefinitionName": name, **copy.deepcopy(own), **copy.deepcopy(single)} for name in ("first", "second")
    ]
    return request


def changed(request: dict[str, Any], *changes: tuple[Any, ...]) -> dict[str, Any]:
    """Return a copy with members set, added to lists, or taken out.

    Args:
        request: Stays as it is.
        changes: Each the parts of a path, and last the new value, or ``GONE``.
    """
    request = copy.deepcopy(request)
    for *path, last, value in changes:
        here: Any = request
        for part in path:
            here = here.setdefault(part, {}) if isinstance(here, dict) else here[part]
        if value is GONE:
            del here[last]
        elif isinstance(here, list) and last == len(here):
            here.append(copy.deepcopy(value))
        else:
            here[last] = copy.deepcopy(value)
    return request
