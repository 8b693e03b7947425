"""What an emulator keeps in a directory: it is there again after a kill, and what was under way goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from smtune.amt import encode_request, lower
from smtune.emulator import Rule, Settings, emulate, serving
from smtune.errors import SmtuneError, SpecError, StoreError
from smtune.spec import TuningSpec

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:iam::123456789012:role/SageMaker"
LOGS = "/aws/sagemaker/TrainingJobs"
PATIENCE_SECONDS = 120.0

SCRIPT = """
import json, os, pathlib, signal
given = json.loads(pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text())
eta = float(json.loads(given.get("eta", "0.5")))
pathlib.Path("/opt/ml/model/eta.txt").write_text(str(eta))
print(f"validation:loss={{(eta - 0.1) ** 2}}", flush=True)
here, name = pathlib.Path({here!r}), os.environ["TRAINING_JOB_NAME"]
if (here / "held").exists() and name.startswith((here / "held").read_text()):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (here / "begun").open("w").write(name)
    (here / "never").open().read()
"""
"""A training; one whose name is held tells that it has begun, and waits until it is killed."""

HOSTILE = (
    "a",
    "a/b",
    "a/b/c",
    "A",
    "..",
    ".",
    "../up",
    "../../../../../../tmp/up",
    "in/../../../out",
    "/absolute",
    "//",
    "trailing/",
    "trailing//",
    "long" * 256,
    f"{'part' * 100}/{'part' * 100}",
    "line\nend",
    " ",
    "~",
    "é/日本",
    "%2e%2e/x",
    "back\\slash",
)


class Place:
    """A directory with a state, and a script for the image ``mine``."""

    def __init__(self, folder: Path) -> None:
        self.here = folder
        self.data = folder / "data"
        self.script = folder / "train.py"
        self.script.write_text(SCRIPT.format(here=str(folder)))
        for name in ("begun", "never"):
            os.mkfifo(folder / name)

    def settings(self, **settings) -> Settings:
        rule = Rule("mine", command=(sys.executable, str(self.script)))
        return Settings(**{"data": self.data, "rules": (rule,), "slots": 2, **settings})

    def hold(self, name: str) -> None:
        (self.here / "held").write_text(name)

    def await_held(self) -> str:
        return (self.here / "begun").read_text()

    def let_go(self) -> None:
        (self.here / "held").unlink()

    @contextmanager
    def server(self) -> Iterator[tuple[subprocess.Popen[str], str]]:
        command = [sys.executable, "-m", "tests.emulator.kept_server", str(self.data), str(self.script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            try:
                yield process, process.stdout.readline().strip()
            finally:
                process.kill()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def client(service, url=None):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **keys)


def create_training(sagemaker, name, **members):
    definitions = [{"Name": "validation:loss", "Regex": "validation:loss=(.*)"}]
    return sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": "mine",
            "TrainingInputMode": "File",
            "MetricDefinitions": definitions,
        },
        OutputDataConfig={"S3OutputPath": "s3://models/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        **members,
    )


def tuning_request(**fields):
    defaults = {
        "name": "churn",
        "objective": {"metric": "validation:loss", "goal": "Minimize"},
        "parameters": {"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
        "strategy": "bayesian",
        "limits": {"max_trials": 7, "max_parallel": 1, "max_trial_seconds": 300},
        "seed": 7,
        "metrics": {"validation:loss": "validation:loss=(.*)"},
        "training": {"image": "mine", "output": "s3://models/out"},
        "sagemaker": {"instance_type": "ml.m5.xlarge", "role": ROLE},
    }
    return encode_request(lower(TuningSpec(**{**defaults, **fields})))


def finished(describe, status):
    """Return what a job says once it has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := describe())[status] in ("InProgress", "Stopping"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def finished_training(sagemaker, name):
    return finished(lambda: sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus")


def finished_tuning(sagemaker):
    describe = sagemaker.describe_hyper_parameter_tuning_job
    return finished(lambda: describe(HyperParameterTuningJobName="churn"), "HyperParameterTuningJobStatus")


def plain(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def trainings_of(sagemaker):
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    return [one for page in pages.paginate(HyperParameterTuningJobName="churn") for one in page["TrainingJobSummaries"]]


def trials_of(sagemaker):
    return [
        (
            one["TrainingJobName"],
            one["TunedHyperParameters"],
            one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
        )
        for one in trainings_of(sagemaker)
    ]


def everything_about(name, url=None):
    """Return all that clients can learn of a training job that has ended."""
    sagemaker, s3 = client("sagemaker", url), client("s3", url)
    told = plain(sagemaker.describe_training_job(TrainingJobName=name))
    query = {
        "MetricName": "validation:loss",
        "ResourceArn": told["TrainingJobArn"],
        "MetricStat": "Last",
        "Period": "OneMinute",
        "XAxisType": "IterationNumber",
    }
    events = client("logs", url).filter_log_events(logGroupName=LOGS, logStreamNamePrefix=f"{name}/")["events"]
    key = told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://models/")
    return {
        "description": told,
        "summaries": sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"],
        "tags": sagemaker.list_tags(ResourceArn=told["TrainingJobArn"])["Tags"],
        "metrics": client("sagemaker-metrics", url).batch_get_metrics(MetricQueries=[query])["MetricQueryResults"],
        "log": [(event["logStreamName"], event["timestamp"], event["message"]) for event in events],
        "model": s3.get_object(Bucket="models", Key=key)["Body"].read(),
    }


class TestAfterAKill:
    def test_what_a_client_was_told_is_there_again(self, place):
        place.hold("late")
        with place.server() as (process, url):
            sagemaker = client("sagemaker", url)
            client("s3", url).create_bucket(Bucket="models")
            create_training(sagemaker, "early", Tags=[{"Key": "team", "Value": "churn"}])
            assert finished_training(sagemaker, "early")["TrainingJobStatus"] == "Completed"
            before = everything_about("early", url)
            create_training(sagemaker, "late")
            place.await_held()
            sagemaker.add_tags(
                ResourceArn=before["description"]["TrainingJobArn"], Tags=[{"Key": "last", "Value": "word"}]
            )
            process.kill()
        with emulate(place.settings()):
            after = everything_about("early")
            late = client("sagemaker").describe_training_job(TrainingJobName="late")
        assert after.pop("tags") == [{"Key": "last", "Value": "word"}, *before.pop("tags")]
        assert after == before
        assert before["metrics"][0]["MetricValues"] == [pytest.approx(0.16)]
        assert late["TrainingJobStatus"] == "Failed"
        reason = "InternalServerError: The emulator ended while the training job was under way."
        assert late["FailureReason"] == reason

    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
    def test_a_tuning_job_goes_on_as_if_nothing_had_happened(self, place, end):
        with emulate(place.settings(data=None)):
            client("s3").create_bucket(Bucket="models")
            client("sagemaker").create_hyper_parameter_tuning_job(**tuning_request())
            finished_tuning(client("sagemaker"))
            never_killed = trials_of(client("sagemaker"))

        place.hold(never_killed[4][0])
        with place.server() as (process, url):
            client("s3", url).create_bucket(Bucket="models")
            client("sagemaker", url).create_hyper_parameter_tuning_job(
                **tuning_request(), Tags=[{"Key": "team", "Value": "churn"}]
            )
            assert place.await_held() == never_killed[4][0]
            before = [plain(one) for one in trainings_of(client("sagemaker", url))]
            process.send_signal(end)
            process.wait()
        place.let_go()
        with place.server() as (_, url):
            sagemaker = client("sagemaker", url)
            told = finished_tuning(sagemaker)
            after = [plain(one) for one in trainings_of(sagemaker)]
            trials = trials_of(sagemaker)
            tags = sagemaker.list_tags(ResourceArn=told["HyperParameterTuningJobArn"])["Tags"]
            names = [one["TrainingJobName"] for one in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
        assert told["HyperParameterTuningJobStatus"] == "Completed"
        assert trials == never_killed
        assert after[:4] == before[:4]
        assert sorted(names) == sorted(one[0] for one in never_killed)
        assert {"Key": "team", "Value": "churn"} in tags
        with emulate(place.settings(resume=False)):
            again = client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
            assert plain(again) == plain(told)
            assert [plain(one) for one in trainings_of(client("sagemaker"))] == after

    def test_a_tuning_job_that_was_to_stop_has_stopped(self, place):
        place.hold("churn")
        with place.server() as (process, url):
            sagemaker = client("sagemaker", url)
            client("s3", url).create_bucket(Bucket="models")
            sagemaker.create_hyper_parameter_tuning_job(**tuning_request())
            name = place.await_held()
            sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
            process.kill()
        with emulate(place.settings()):
            sagemaker = client("sagemaker")
            told = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
            assert told["HyperParameterTuningJobStatus"] == "Stopped"
            assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"
            assert len(trainings_of(sagemaker)) == 1
