"""Requests without sense, or with hardly any, for an emulator in this process."""

import copy
import json
import random
from typing import Any

import requests

from smtune.emulator.clients import ROLE, default_bucket
from smtune.emulator.moto_plugin.requests import service_model
from smtune.emulator.service.operations import OPERATIONS

_DEFINITION: dict[str, Any] = {
    "AlgorithmSpecification": {
        "TrainingImage": "nothing",
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    },
    "RoleArn": ROLE,
    "OutputDataConfig": {"S3OutputPath": f"s3://{default_bucket('us-east-1')}/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
    "EnableManagedSpotTraining": True,
    "Environment": {"A": "b"},
}
_LEGAL: dict[str, dict[str, Any]] = {
    "CreateTrainingJob": {"TrainingJobName": "name", "HyperParameters": {"eta": "0.1"}, **_DEFINITION},
    "CreateHyperParameterTuningJob": {
        "HyperParameterTuningJobName": "name",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
        },
        "TrainingJobDefinition": {"StaticHyperParameters": {"eta": "0.1"}, **_DEFINITION},
    },
}


def fuzz(count: int, *, seed: int) -> list[str]:
    """Send requests; return those that were answered neither well nor by a refusal of the service's own."""
    draws = random.Random(seed)
    wrong = []
    for number in range(count):
        if draws.random() < 0.3:
            operation = draws.choice(sorted(_LEGAL))
            request = nearly_legal(operation, f"fuzz-{number}", draws)
        else:
            operation = draws.choice(sorted(OPERATIONS))
            request = anything(service_model().operation_model(operation).input_shape, draws)
        body = json.dumps(request)
        status, answer = send(operation, body)
        if status not in (200, 400) or (status == 400 and not answer["__type"]):
            wrong.append(f"{operation} {body}: {status} {answer}")
    status, answer = send("ListTrainingJobs", "{}")
    return wrong if status == 200 else [*wrong, f"{status} {answer}"]


def nearly_legal(operation, name, draws):
    """Return a legal request in which one thing, or two, are something else."""
    request = copy.deepcopy(_LEGAL[operation])
    request[f"{operation.removeprefix('Create')}Name"] = name
    for _ in range(draws.randint(0, 2)):
        places = list(_places(request))
        holder, key = draws.choice(places)
        other = draws.choice([*JUNK, *TEXTS, *(holder_[key_] for holder_, key_ in places)])
        if draws.random() < 0.3:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(other)
    return request


def _places(value):
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield value, key
        yield from _places(inner)


def send(operation, body):
    credential = "Credential=test/20260101/us-east-1/sagemaker/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"SageMaker.{operation}",
    }
    answer = requests.post("https://api.sagemaker.us-east-1.amazonaws.com/", body, headers=headers, timeout=60)
    return answer.status_code, answer.json()


JUNK: tuple[Any, ...] = (None, 0, 1, -1, "", [], {}, "x" * 300, True, 1e308, {"a": [1]}, "\ud800", "é\n", 10**20)
TEXTS = (
    "a",
    "churn",
    "0.1",
    "s3://a/b",
    "(",
    "arn:aws:iam::123456789012:role/SageMaker",
    "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn",
)
SCALARS = {
    "integer": (0, 1, 5, -3, 10**12),
    "long": (0, 1, 5, -3, 10**12),
    "float": (0.5, -1.0),
    "double": (0.5, -1.0),
    "boolean": (True, False),
    "timestamp": (0, 1e9, -1, 1e20, "2026-01-01"),
}


def anything(shape, draws, depth=0):
    """Return something that has a shape, more or less."""
    if draws.random() < 0.1 or depth > 6:
        return draws.choice(JUNK)
    match shape.type_name:
        case "structure":
            wanted = {name: 0.95 if name in shape.required_members else 0.2 for name in shape.members}
            return {
                name: anything(shape.members[name], draws, depth + 1)
                for name, chance in wanted.items()
                if draws.random() < chance
            }
        case "list":
            return [anything(shape.member, draws, depth + 1) for _ in range(draws.randint(0, 2))]
        case "map":
            return {f"key{number}": anything(shape.value, draws, depth + 1) for number in range(draws.randint(0, 2))}
        case kind:
            return draws.choice(getattr(shape, "enum", None) or SCALARS.get(kind, TEXTS))
