"""Many clients that ask an emulator for everything that it can do."""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

IMAGE = "hammered"
"""Image of the training jobs; a rule must say what it stands for. It is to print ``loss=`` and a number."""
ENDED = ("Completed", "Failed", "Stopped")
NEVER_REFUSED = ("search", "list_training_jobs", "list_hyper_parameter_tuning_jobs", "list_tags", "list_metrics")
"""Operations on what is there for sure, whatever others do meanwhile."""


@dataclass
class Outcome:
    """What became of it.

    Attributes:
        calls: Requests that were answered, refusals included.
        errors: What went wrong, one text for each time: answers of 500 and more, or none, and refusals where there is no
            reason for one.
        created: Names of training and tuning jobs that were created, and not deleted.
    """

    calls: int = 0
    errors: list[str] = field(default_factory=list)
    created: set[tuple[str, str]] = field(default_factory=set)


def hammer_everything(
    make: Callable[[str], Any], role: str, bucket: str, *, seconds: float, threads: int = 8
) -> Outcome:
    """Call every operation, by threads that get in each other's way, and wait until all jobs have ended.

    Args:
        make: Makes a client of a service.
        role: An execution role.
        bucket: A bucket that is there.
        seconds: How long.
        threads: How many.
    """
    clients = [{one: make(one) for one in ("s3", "logs", "sagemaker", "cloudwatch")} for _ in range(threads)]
    outcomes = [Outcome() for _ in range(threads)]
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        client = _Client(clients[number], outcomes[number], role, bucket, random.Random(number))
        for turn in itertools.count():
            if time.monotonic() > end:
                return
            client.turn(f"h-{number}-{turn}")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
    finally:
        sys.setswitchinterval(before)
    whole = Outcome(
        sum(one.calls for one in outcomes),
        [text for one in outcomes for text in one.errors],
        {name for one in outcomes for name in one.created},
    )
    whole.errors += _lost(clients[0]["sagemaker"], whole)
    return whole


def _lost(client: Any, outcome: Outcome) -> Iterator[str]:
    """Yield the jobs that are not there, or do not end."""
    describe = {
        "training": lambda name: client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"],
        "tuning": lambda name: client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)[
            "HyperParameterTuningJobStatus"
        ],
    }
    patience = time.monotonic() + 120
    for kind, name in sorted(outcome.created):
        try:
            while describe[kind](name) not in ENDED:
                if time.monotonic() > patience:
                    yield f"{kind} job {name} does not end"
                    break
                time.sleep(0.02)
        except ClientError as error:
            yield f"{kind} job {name} is lost: {error}"


class _Client:
    """One of the threads."""

    def __init__(self, clients: dict[str, Any], outcome: Outcome, role: str, bucket: str, draws: random.Random) -> None:
        self._clients = clients
        self._outcome = outcome
        self._role = role
        self._bucket = bucket
        self._draws = draws

    def turn(self, name: str) -> None:
        """Create a job or two, and ask for everything."""
        arn = self._create_training(name)
        if self._draws.random() < 0.1:
            self._create_tuning(name)
        self._look(name, arn)
        if self._draws.random() < 0.3:
            self._call("sagemaker", "stop_training_job", TrainingJobName=name)
        if self._draws.random() < 0.3:
            self._call("sagemaker", "stop_hyper_parameter_tuning_job", HyperParameterTuningJobName=name)
        self._delete("training", "delete_training_job", TrainingJobName=name)
        self._delete("tuning", "delete_hyper_parameter_tuning_job", HyperParameterTuningJobName=name)

    def _delete(self, kind: str, operation: str, **name: str) -> None:
        if self._draws.random() < 0.3 and self._call("sagemaker", operation, **name) is not None:
            self._outcome.created.discard((kind, next(iter(name.values()))))

    def _create_training(self, name: str) -> str | None:
        made = self._call("sagemaker", "create_training_job", TrainingJobName=name, **self._training())
        if made is None:
            self._outcome.errors.append(f"{name} was refused")
            return None
        self._outcome.created.add(("training", name))
        return str(made["TrainingJobArn"])

    def _training(self) -> dict[str, Any]:
        return {
            "RoleArn": self._role,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
            },
            "OutputDataConfig": {"S3OutputPath": f"s3://{self._bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }

    def _create_tuning(self, name: str) -> None:
        config = {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
        }
        made = self._call(
            "sagemaker",
            "create_hyper_parameter_tuning_job",
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig=config,
            TrainingJobDefinition=self._training(),
        )
        if made is None:
            self._outcome.errors.append(f"tuning job {name} was refused")
        else:
            self._outcome.created.add(("tuning", name))

    def _look(self, name: str, arn: str | None) -> None:
        group = "/aws/sagemaker/TrainingJobs"
        self._call("s3", "put_object", Bucket=self._bucket, Key=f"a/{name}", Body=name.encode())
        self._call("s3", "list_objects_v2", Bucket=self._bucket, Prefix="a/", MaxKeys=5)
        self._call("sagemaker", "describe_training_job", TrainingJobName=name)
        self._call("sagemaker", "list_training_jobs", SortBy="Status", MaxResults=10)
        self._call("sagemaker", "list_hyper_parameter_tuning_jobs", SortBy="CreationTime", SortOrder="Descending")
        self._call("sagemaker", "describe_hyper_parameter_tuning_job", HyperParameterTuningJobName=name)
        self._call(
            "sagemaker",
            "list_training_jobs_for_hyper_parameter_tuning_job",
            HyperParameterTuningJobName=name,
            SortBy="FinalObjectiveMetricValue",
        )
        condition = {"Name": "TrainingJobName", "Operator": "Contains", "Value": name}
        self._call("sagemaker", "search", Resource="TrainingJob", SearchExpression={"Filters": [condition]})
        self._call("sagemaker", "search", Resource="HyperParameterTuningJob", MaxResults=5)
        if arn is not None:
            self._call("sagemaker", "add_tags", ResourceArn=arn, Tags=[{"Key": "of", "Value": name}])
            self._call("sagemaker", "list_tags", ResourceArn=arn)
            self._call("sagemaker", "delete_tags", ResourceArn=arn, TagKeys=["of"])
        update = {"KeepAlivePeriodInSeconds": 60}
        self._call("sagemaker", "update_training_job", TrainingJobName=name, ResourceConfig=update)
        self._call("logs", "describe_log_streams", logGroupName=group, logStreamNamePrefix=name)
        self._call("cloudwatch", "list_metrics", Namespace=group)

    def _call(self, service: str, operation: str, **request: Any) -> Any:
        """Return the answer; ``None`` if the request was refused as a client's fault."""
        self._outcome.calls += 1
        try:
            return getattr(self._clients[service], operation)(**request)
        except ClientError as error:
            if operation in NEVER_REFUSED or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                self._outcome.errors.append(f"{operation}: {error}")
        except Exception as error:  # all that can go wrong is looked for
            self._outcome.errors.append(f"{operation}: {type(error).__name__}: {error}")
        return None
