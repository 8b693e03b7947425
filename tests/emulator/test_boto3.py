"""boto3's own conveniences, on jobs that really train: paginators, the waiter, searches, metrics."""

from __future__ import annotations

import io
import tarfile
import time
from datetime import datetime, timedelta

import boto3
import pytest

from smtune.emulator import emulate

SCRIPT = b"""
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--eta", type=float)
eta = parser.parse_known_args()[0].eta
for epoch in range(3):
    print(f"loss={eta + epoch};")
"""

LATE = {"Name": "late_loss", "Regex": "loss=(2[0-9.]+);"}
TRIALS = 5
TRAININGS = ("alone-1", "alone-2", "alone-3")


class Scene:
    """An emulator in which two tuning jobs and some training jobs have ended."""

    def __init__(self, emulator) -> None:
        self.emulator = emulator
        names = ("sagemaker", "s3", "logs", "cloudwatch", "sagemaker-metrics")
        self.clients = {name: boto3.client(name) for name in names}
        self.sagemaker = self.clients["sagemaker"]
        self.began = datetime.now().astimezone()
        self.clients["s3"].put_object(Bucket=emulator.bucket, Key="code.tar.gz", Body=packed(SCRIPT))
        for name in ("first", "second"):
            self.tune(name)
        for name in TRAININGS:
            definition = self.definition()
            if name == TRAININGS[-1]:
                definition["AlgorithmSpecification"]["MetricDefinitions"].append(LATE)
            hyperparameters = {**self.static(), "eta": "0.5"}
            self.sagemaker.create_training_job(TrainingJobName=name, HyperParameters=hyperparameters, **definition)
        waiter = self.sagemaker.get_waiter("training_job_completed_or_stopped")
        for name in TRAININGS:
            waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})

    def static(self) -> dict[str, str]:
        return {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{self.emulator.bucket}/code.tar.gz",
        }

    def definition(self):
        return {
            "AlgorithmSpecification": {
                "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
            },
            "RoleArn": self.emulator.role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.emulator.bucket}/models"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }

    def tune(self, name: str) -> None:
        self.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": "Random",
                "RandomSeed": 7,
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": TRIALS, "MaxParallelTrainingJobs": 2},
                "ParameterRanges": {
                    "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.01", "MaxValue": "0.5"}]
                },
            },
            TrainingJobDefinition={"StaticHyperParameters": self.static(), **self.definition()},
        )
        deadline = time.monotonic() + 120
        while self.described(name)["HyperParameterTuningJobStatus"] == "InProgress":
            assert time.monotonic() < deadline

    def described(self, name: str):
        return self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def pages(self, operation: str, member: str, *, size: int = 2, **parameters):
        """Return what the pages hold, and how many they are."""
        paginator = self.sagemaker.get_paginator(operation)
        pages = list(paginator.paginate(PaginationConfig={"PageSize": size}, **parameters))
        return [one for page in pages for one in page[member]], len(pages)


def packed(script: bytes) -> bytes:
    """Return an archive with one script."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(script)
        tar.addfile(entry, io.BytesIO(script))
    return archive.getvalue()


@pytest.fixture(scope="module")
def scene():
    with emulate() as emulator:
        yield Scene(emulator)


def test_training_jobs_of_a_tuning_job_come_in_pages(scene):
    operation, member = "list_training_jobs_for_hyper_parameter_tuning_job", "TrainingJobSummaries"
    by_value = {"SortBy": "FinalObjectiveMetricValue", "SortOrder": "Descending"}
    found, count = scene.pages(operation, member, HyperParameterTuningJobName="first", **by_value)
    assert count == 3
    values = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in found]
    assert len(values) == TRIALS
    assert values == sorted(values, reverse=True)
    assert found[-1]["TrainingJobName"] == scene.described("first")["BestTrainingJob"]["TrainingJobName"]


def test_tuning_jobs_come_in_pages(scene):
    found, count = scene.pages("list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobSummaries", size=1)
    assert [one["HyperParameterTuningJobName"] for one in found] == ["first", "second"]
    assert count == 2


def test_training_jobs_come_in_pages(scene):
    found, count = scene.pages("list_training_jobs", "TrainingJobSummaries", size=4, SortBy="Name")
    names = [one["TrainingJobName"] for one in found]
    assert names == sorted(names)
    assert len(names) == 2 * TRIALS + len(TRAININGS)
    assert count == 4
    alone, _ = scene.pages("list_training_jobs", "TrainingJobSummaries", NameContains="alone")
    assert {one["TrainingJobName"] for one in alone} == set(TRAININGS)


def test_tags_come_in_pages(scene):
    arn = scene.described("first")["HyperParameterTuningJobArn"]
    scene.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": f"key-{number}", "Value": "1"} for number in range(45)])
    found, _ = scene.pages("list_tags", "Tags", size=50, ResourceArn=arn)
    assert len(found) == 46  # one of them says which search ran


def test_searches_come_in_pages(scene):
    tuned = {
        "Name": "TuningJobArn",
        "Operator": "Equals",
        "Value": scene.described("first")["HyperParameterTuningJobArn"],
    }
    good = {"Name": "Metrics.loss", "Operator": "LessThan", "Value": "2.3"}
    expression = {"Filters": [tuned, good]}
    found, _ = scene.pages(
        "search", "Results", Resource="TrainingJob", SearchExpression=expression, SortBy="Metrics.loss"
    )
    values = [one["TrainingJob"]["FinalMetricDataList"][0]["Value"] for one in found]
    listed = scene.pages(
        "list_training_jobs_for_hyper_parameter_tuning_job",
        "TrainingJobSummaries",
        HyperParameterTuningJobName="first",
    )[0]
    finals = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in listed]
    assert sorted(values) == sorted(one for one in finals if one < 2.3)
    assert 0 < len(values) < TRIALS
    assert values == sorted(values, reverse=True)
    everything, _ = scene.pages("search", "Results", size=4, Resource="TrainingJob", SortBy="Metrics.late_loss")
    assert len(everything) == 2 * TRIALS + len(TRAININGS)
    assert everything[0]["TrainingJob"]["TrainingJobName"] == TRAININGS[-1]  # the only one that has it
    jobs, count = scene.pages("search", "Results", size=1, Resource="HyperParameterTuningJob")
    assert {one["HyperParameterTuningJob"]["HyperParameterTuningJobName"] for one in jobs} == {"first", "second"}
    assert count == 2


def test_metrics_of_sagemaker_have_every_step(scene):
    arn = scene.sagemaker.describe_training_job(TrainingJobName="alone-1")["TrainingJobArn"]
    query = {"MetricName": "loss", "ResourceArn": arn, "MetricStat": "Last", "Period": "OneMinute"}
    answer = scene.clients["sagemaker-metrics"].batch_get_metrics(
        MetricQueries=[{**query, "XAxisType": "IterationNumber"}]
    )
    (result,) = answer["MetricQueryResults"]
    assert result["Status"] == "Complete"
    assert result["MetricValues"] == [0.5, 1.5, 2.5]


def test_metrics_of_cloudwatch_are_found_by_the_training_job(scene):
    cloudwatch = scene.clients["cloudwatch"]
    dimensions = [{"Name": "TrainingJobName", "Value": "alone-1"}]
    window = {
        "StartTime": scene.began - timedelta(minutes=2),
        "EndTime": datetime.now().astimezone() + timedelta(minutes=2),
    }
    named = {"Namespace": "/aws/sagemaker/TrainingJobs", "MetricName": "loss", "Dimensions": dimensions}
    points = cloudwatch.get_metric_statistics(**named, **window, Period=60, Statistics=["Maximum", "SampleCount"])
    assert max(one["Maximum"] for one in points["Datapoints"]) == 2.5
    assert sum(one["SampleCount"] for one in points["Datapoints"]) == 3
    query = {"Id": "loss", "MetricStat": {"Metric": named, "Period": 60, "Stat": "Minimum"}}
    pages = cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=[query], **window)
    assert min(value for page in pages for one in page["MetricDataResults"] for value in one["Values"]) == 0.5
    listed = cloudwatch.get_paginator("list_metrics").paginate(
        Namespace="/aws/sagemaker/TrainingJobs", Dimensions=dimensions
    )
    assert "loss" in {one["MetricName"] for page in listed for one in page["Metrics"]}


def test_logs_come_in_pages(scene):
    logs, group = scene.clients["logs"], "/aws/sagemaker/TrainingJobs"
    pages = list(
        logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNamePrefix="alone-1/", PaginationConfig={"PageSize": 2}
        )
    )
    messages = [one["message"] for page in pages for one in page["events"]]
    assert [one for one in messages if one.startswith("loss=")] == ["loss=0.5;", "loss=1.5;", "loss=2.5;"]
    assert len(pages) == 2
    streams = list(
        logs.get_paginator("describe_log_streams").paginate(logGroupName=group, PaginationConfig={"PageSize": 5})
    )
    names = [one["logStreamName"] for page in streams for one in page["logStreams"]]
    assert len(names) == len(set(names)) == 2 * TRIALS + len(TRAININGS)
