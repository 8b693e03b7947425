"""What an emulator keeps in a directory: it is there again after a kill, and what was under way goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from smtune.amt import encode_request, lower
from smtune.emulator import Rule, Settings, emulate, serving
from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.operations import Service
from smtune.emulator.service.records import Records
from smtune.errors import SmtuneError, SpecError, StoreError
from smtune.spec import TuningSpec
from tests.emulator.folder_aws import FolderAws

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:iam::123456789012:role/SageMaker"
LOGS = "/aws/sagemaker/TrainingJobs"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
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
                assert process.stdout is not None
                yield process, process.stdout.readline().strip()
            finally:
                process.kill()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def client(service, url=None):
    return boto3.client(service, endpoint_url=url, **KEYS)


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


def plain_object(answer):
    return answer.pop("Body").read(), plain(answer)


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


def values_of(name, url=None):
    """Return what a training job measured, step by step."""
    query = {
        "MetricName": "validation:loss",
        "ResourceArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        "MetricStat": "Last",
        "Period": "OneMinute",
        "XAxisType": "IterationNumber",
    }
    (result,) = client("sagemaker-metrics", url).batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
    return result["MetricValues"]


def everything_about(name, url=None):
    """Return all that clients can learn of a training job that has ended."""
    sagemaker, s3 = client("sagemaker", url), client("s3", url)
    told = plain(sagemaker.describe_training_job(TrainingJobName=name))
    events = client("logs", url).filter_log_events(logGroupName=LOGS, logStreamNamePrefix=f"{name}/")["events"]
    key = told["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://models/")
    return {
        "description": told,
        "summaries": sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"],
        "tags": sagemaker.list_tags(ResourceArn=told["TrainingJobArn"])["Tags"],
        "metrics": values_of(name, url),
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
        assert before["metrics"] == [pytest.approx(0.16)]
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

        place.hold("churn-005-")
        with place.server() as (process, url):
            client("s3", url).create_bucket(Bucket="models")
            client("sagemaker", url).create_hyper_parameter_tuning_job(
                **tuning_request(), Tags=[{"Key": "team", "Value": "churn"}]
            )
            held = place.await_held()
            before = [plain(one) for one in trainings_of(client("sagemaker", url))]
            while not values_of(held, url):
                time.sleep(0.01)
            process.send_signal(end)
            process.wait()
        place.let_go()
        with place.server() as (_, url):
            sagemaker = client("sagemaker", url)
            told = finished_tuning(sagemaker)
            after = [plain(one) for one in trainings_of(sagemaker)]
            trials = trials_of(sagemaker)
            assert len(values_of(held, url)) == 1
            sagemaker.delete_training_job(TrainingJobName=trials[2][0])
            tags = sagemaker.list_tags(ResourceArn=told["HyperParameterTuningJobArn"])["Tags"]
            names = [one["TrainingJobName"] for one in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
        assert told["HyperParameterTuningJobStatus"] == "Completed"
        assert [one[1:] for one in trials] == [one[1:] for one in never_killed]
        assert after[:4] == before[:4]
        assert sorted(names) == sorted(one[0] for one in trials if one != trials[2])
        assert {"Key": "team", "Value": "churn"} in tags
        with emulate(place.settings(resume=False)):
            again = client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
            assert plain(again) == plain(told)
            assert [plain(one) for one in trainings_of(client("sagemaker"))] == after

    def test_the_name_of_a_deleted_tuning_job_can_be_used_again(self, place):
        tuned: list[list[tuple[str, dict[str, str], float]]] = []
        for _ in range(2):
            with emulate(place.settings()):
                sagemaker = client("sagemaker")
                if not tuned:
                    client("s3").create_bucket(Bucket="models")
                sagemaker.create_hyper_parameter_tuning_job(**tuning_request())
                told = finished_tuning(sagemaker)
                assert told["TrainingJobStatusCounters"]["Completed"] == 7
                tuned.append(trials_of(sagemaker))
                sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
        first, second = tuned
        assert [one[1:] for one in first] == [one[1:] for one in second]
        assert not {one[0] for one in first} & {one[0] for one in second}

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


class TestS3:
    def test_every_key_comes_back(self, place, tmp_path):
        contents = {key: os.urandom(number) for number, key in enumerate(HOSTILE)}
        before = sorted(tmp_path.iterdir())
        with emulate(place.settings()):
            s3 = client("s3")
            s3.create_bucket(Bucket="models")
            for number, (key, content) in enumerate(contents.items()):
                s3.put_object(
                    Bucket="models",
                    Key=key,
                    Body=content,
                    ContentType="text/x-test",
                    ContentEncoding="gzip",
                    Metadata={"number": str(number)},
                    Tagging=f"number={number}",
                    StorageClass="STANDARD_IA",
                )
            told = {key: plain_object(s3.get_object(Bucket="models", Key=key)) for key in HOSTILE}
            listed = s3.list_objects_v2(Bucket="models")["Contents"]
        with emulate(place.settings()):
            s3 = client("s3")
            assert s3.list_objects_v2(Bucket="models")["Contents"] == listed
            assert {key: plain_object(s3.get_object(Bucket="models", Key=key)) for key in HOSTILE} == told
            assert {key: body for key, (body, _) in told.items()} == contents
            for number, key in enumerate(HOSTILE):
                tags = s3.get_object_tagging(Bucket="models", Key=key)["TagSet"]
                assert tags == [{"Key": "number", "Value": str(number)}]
                s3.delete_object(Bucket="models", Key=key)
            assert "Contents" not in s3.list_objects_v2(Bucket="models")
        assert [path for path in place.data.rglob("*") if path.is_file() and path.parent != place.data] == []
        assert sorted(tmp_path.iterdir()) == sorted([*before, place.data])
        assert not Path("/tmp/up").exists()

    def test_all_ways_to_write_count(self, place, tmp_path):
        part = os.urandom(5 * 1024 * 1024)
        with emulate(place.settings()):
            s3 = client("s3")
            for bucket in ("models", "other", "gone"):
                s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket="models", Key="a/one", Body=b"1", Metadata={"kept": "yes"})
            s3.put_object(Bucket="models", Key="a/one", Body=b"one", Metadata={"kept": "yes"})
            s3.copy_object(Bucket="other", Key="copy", CopySource={"Bucket": "models", "Key": "a/one"})
            (tmp_path / "file").write_bytes(part + b"end")
            upload = s3.create_multipart_upload(Bucket="models", Key="parts")["UploadId"]
            tags = [
                {
                    "PartNumber": number,
                    "ETag": s3.upload_part(Bucket="models", Key="parts", PartNumber=number, UploadId=upload, Body=body)[
                        "ETag"
                    ],
                }
                for number, body in ((1, part), (2, b"end"))
            ]
            s3.complete_multipart_upload(Bucket="models", Key="parts", UploadId=upload, MultipartUpload={"Parts": tags})
            etag = s3.head_object(Bucket="models", Key="parts")["ETag"]
            for number in range(3):
                s3.put_object(Bucket="models", Key=f"gone/{number}", Body=b"0")
            s3.delete_objects(Bucket="models", Delete={"Objects": [{"Key": f"gone/{one}"} for one in range(3)]})
            s3.delete_bucket(Bucket="gone")
            s3.put_object_tagging(Bucket="other", Key="copy", Tagging={"TagSet": [{"Key": "late", "Value": "tag"}]})
        assert (place.data / "s3" / "models" / "a" / "one").read_bytes() == b"one"
        with emulate(place.settings()):
            s3 = client("s3")
            assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [
                "models",
                "other",
                "sagemaker-us-east-1-123456789012",
            ]
            assert [one["Key"] for one in s3.list_objects_v2(Bucket="models")["Contents"]] == ["a/one", "parts"]
            copy = s3.get_object(Bucket="other", Key="copy")
            assert (copy["Body"].read(), copy["Metadata"]) == (b"one", {"kept": "yes"})
            assert s3.get_object_tagging(Bucket="other", Key="copy")["TagSet"] == [{"Key": "late", "Value": "tag"}]
            parts = s3.get_object(Bucket="models", Key="parts")
            assert (parts["Body"].read(), parts["ETag"]) == (part + b"end", etag)

    def test_older_versions_are_there_until_the_end_and_the_newest_after_it(self, place):
        with emulate(place.settings()):
            s3 = client("s3")
            s3.create_bucket(Bucket="models")
            s3.put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
            versions = [
                s3.put_object(Bucket="models", Key=key, Body=body)["VersionId"]
                for key in ("kept", "deleted")
                for body in (b"old", b"new")
            ]
            s3.delete_object(Bucket="models", Key="deleted")
            for key, version, body in zip(
                ("kept", "kept", "deleted", "deleted"), versions, [b"old", b"new"] * 2, strict=True
            ):
                assert s3.get_object(Bucket="models", Key=key, VersionId=version)["Body"].read() == body
        with emulate(place.settings()):
            s3 = client("s3")
            assert [one["Key"] for one in s3.list_objects_v2(Bucket="models")["Contents"]] == ["kept"]
            assert s3.get_object(Bucket="models", Key="kept")["Body"].read() == b"new"

    @pytest.mark.parametrize(
        ("moment", "body"),
        [("smtune.emulator.service.records.Records.commit", b"old"), ("pathlib.Path.replace", b"new")],
    )
    def test_a_kill_in_the_midst_of_a_write_leaves_the_old_or_the_new(self, place, moment, body):
        script = f"""
            import os, signal, sys, unittest.mock
            from pathlib import Path
            import boto3
            from smtune.emulator import Settings, emulate
            with emulate(Settings(data=Path({str(place.data)!r}))):
                s3 = boto3.client("s3")
                s3.create_bucket(Bucket="models")
                s3.put_object(Bucket="models", Key="a", Body=b"old")
                with unittest.mock.patch({moment!r}, lambda *_: os.kill(os.getpid(), signal.SIGKILL)):
                    s3.put_object(Bucket="models", Key="a", Body=b"new")
        """
        killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, check=False)
        assert killed.returncode == -signal.SIGKILL
        for settings in (place.settings(resume=False), place.settings()):
            with emulate(settings):
                assert client("s3").get_object(Bucket="models", Key="a")["Body"].read() == body
        assert list((place.data / "drafts").iterdir()) == []

    def test_a_damaged_object_is_told_and_the_others_are_there(self, place):
        with emulate(place.settings()):
            s3 = client("s3")
            s3.create_bucket(Bucket="models")
            for key in "ab":
                s3.put_object(Bucket="models", Key=key, Body=b"1")
        (place.data / "s3" / "models" / "a").unlink()
        with emulate(place.settings()):
            s3 = client("s3")
            with pytest.raises(s3.exceptions.NoSuchKey):
                s3.get_object(Bucket="models", Key="a")
            assert s3.get_object(Bucket="models", Key="b")["Body"].read() == b"1"

    def test_what_cannot_be_kept_is_told(self, place, monkeypatch):
        with serving(settings=place.settings()) as emulator:
            s3 = boto3.client("s3", endpoint_url=emulator.url, config=Config(retries={"total_max_attempts": 1}), **KEYS)
            s3.create_bucket(Bucket="models")
            with monkeypatch.context() as broken:
                broken.setattr(Records, "_write", full)
                with pytest.raises(s3.exceptions.ClientError, match="the disk is full"):
                    s3.put_object(Bucket="models", Key="a", Body=b"1")
            s3.put_object(Bucket="models", Key="b", Body=b"2")
        with emulate(place.settings()):
            assert [one["Key"] for one in client("s3").list_objects_v2(Bucket="models")["Contents"]] == ["a", "b"]


def full(*_):
    raise StoreError("the disk is full")


class TestOneAtATime:
    def test_the_second_is_refused(self, place):
        with place.server() as (process, url):
            assert url
            rule = rf"data = .*: {place.data} is in use by process {process.pid} on .*: one emulator at a time; end"
            with pytest.raises(SpecError, match=rule), emulate(place.settings()):
                pass
            with pytest.raises(SpecError, match=rule), serving(settings=place.settings()):
                pass
        with serving(settings=place.settings()) as emulator:
            assert client("s3", emulator.url).list_buckets()["Buckets"]

    def test_the_command_line_says_so_without_a_traceback(self, place):
        with emulate(place.settings()):
            command = [sys.executable, "-m", "smtune", "emulator", "serve", "--port", "0", "--data", str(place.data)]
            second = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert second.returncode == 2
        assert "is in use" in second.stderr
        assert f"process {os.getpid()}" in second.stderr
        assert "Traceback" not in second.stderr

    def test_anybody_may_look(self, place):
        place.hold("churn")
        with place.server() as (_, url):
            sagemaker = client("sagemaker", url)
            client("s3", url).create_bucket(Bucket="models")
            sagemaker.create_hyper_parameter_tuning_job(**tuning_request())
            name = place.await_held()
            with emulate(place.settings(resume=False)):
                seen = client("sagemaker")
                told = seen.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
                assert told["HyperParameterTuningJobStatus"] == "InProgress"
                assert [one["TrainingJobName"] for one in trainings_of(seen)] == [name]
                assert seen.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
                with pytest.raises(seen.exceptions.ClientError, match="only to look"):
                    seen.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
                client("s3").put_object(Bucket="models", Key="mine", Body=b"1")
            told = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="churn")
            assert told["HyperParameterTuningJobStatus"] == "InProgress"
            assert "Contents" not in client("s3", url).list_objects_v2(Bucket="models")


class TestBadDirectories:
    def test_another_programs_is_refused_and_left_alone(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        rule = "must be empty or an emulator's; it is neither: it holds notes.txt"
        with pytest.raises(SpecError, match=rule), emulate(Settings(data=tmp_path)):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_database_of_another_program_is_refused(self, tmp_path):
        with sqlite3.connect(tmp_path / "emulator.sqlite") as connection:
            connection.execute("CREATE TABLE mine (a)")
        connection.close()
        with pytest.raises(StoreError, match="is another program's"), emulate(Settings(data=tmp_path)):
            pass

    @pytest.mark.parametrize("resume", [True, False])
    @pytest.mark.parametrize("name", ["file", "file/below"])
    def test_a_file_is_no_directory(self, tmp_path, name, resume):
        (tmp_path / "file").write_text("")
        with pytest.raises(SpecError, match="data = "), emulate(Settings(data=tmp_path / name, resume=resume)):
            pass

    def test_one_that_cannot_be_written_is_refused(self):
        with pytest.raises(SpecError, match="cannot be written"), emulate(Settings(data=Path("/proc/smtune"))):
            pass

    def test_only_to_look_there_must_be_something(self, tmp_path):
        for path in (tmp_path, tmp_path / "none"):
            with pytest.raises(SpecError, match="an emulator"), emulate(Settings(data=path, resume=False)):
                pass
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("damage", ["header", "page", "row"])
    def test_a_damaged_database_is_told_and_left_alone(self, place, damage):
        with emulate(place.settings()):
            client("s3").create_bucket(Bucket="models")
            create_training(client("sagemaker"), "early")
            finished_training(client("sagemaker"), "early")
        database = place.data / "emulator.sqlite"
        if damage == "row":
            with sqlite3.connect(database) as connection:
                connection.execute("UPDATE training SET state = 'nonsense'")
            connection.close()
        else:
            content = bytearray(database.read_bytes())
            first = 0 if damage == "header" else 100
            content[first : first + 4000] = b"x" * 4000
            database.write_bytes(content)
        before = database.read_bytes()
        for settings in (place.settings(), Settings(data=place.data)):
            with pytest.raises(SmtuneError, match="damaged"), emulate(settings):
                pass
        assert database.read_bytes() == before

    def test_a_damaged_search_that_is_under_way_is_told(self, place):
        place.hold("churn")
        with place.server() as (process, url):
            client("s3", url).create_bucket(Bucket="models")
            client("sagemaker", url).create_hyper_parameter_tuning_job(**tuning_request())
            place.await_held()
            process.kill()
        (log,) = place.data.glob("searches/**/job.sqlite")
        log.write_bytes(b"nonsense" * 1000)
        with pytest.raises(StoreError, match=str(log)), emulate(place.settings()):
            pass


class TestReset:
    def test_it_forgets_what_is_on_disk_too(self, place):
        with serving(settings=place.settings()) as emulator:
            sagemaker, s3 = client("sagemaker", emulator.url), client("s3", emulator.url)
            s3.create_bucket(Bucket="models")
            s3.put_object(Bucket="models", Key="..", Body=b"1")
            create_training(sagemaker, "early")
            finished_training(sagemaker, "early")
            sagemaker.create_hyper_parameter_tuning_job(**tuning_request())
            urllib.request.urlopen(urllib.request.Request(f"{emulator.url}/moto-api/reset", method="POST")).close()
            s3.put_object(Bucket=emulator.bucket, Key="new", Body=b"1")
        with serving(settings=place.settings()) as emulator:
            sagemaker, s3 = client("sagemaker", emulator.url), client("s3", emulator.url)
            assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
            assert sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"] == []
            assert client("logs", emulator.url).describe_log_groups()["logGroups"] == []
            assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [emulator.bucket]
            assert [one["Key"] for one in s3.list_objects_v2(Bucket=emulator.bucket)["Contents"]] == ["new"]
        assert not any((place.data / name).exists() for name in ("objects", "searches", "s3/models"))


class TestTemporaryFolders:
    def test_those_of_killed_emulators_are_removed_and_others_are_not(self, place, monkeypatch, tmp_path):
        temporary = tmp_path / "tmp"
        temporary.mkdir()
        monkeypatch.setenv("TMPDIR", str(temporary))
        (temporary / "smtune-emulator-foreign").mkdir()
        place.hold("held")

        def start(url):
            client("s3", url).create_bucket(Bucket="models")
            create_training(client("sagemaker", url), "held")
            place.await_held()
            return set(temporary.iterdir())

        with place.server() as (killed, url):
            left = start(url)
            killed.kill()
            killed.wait()
        place.data = tmp_path / "living"
        with place.server() as (_, url):
            living = start(url) - left
            place.data = tmp_path / "third"
            with place.server() as (_, third):
                found = start(third)
                while left & set(temporary.glob("*-????????")):
                    time.sleep(0.01)
        assert {path.name[:16] for path in living} == {"smtune-emulator-", "smtune-training-"}
        assert living < found
        assert (temporary / "smtune-emulator-foreign").is_dir()


class TestAfterTheEnd:
    def test_calls_are_refused(self, tmp_path):
        service = Service(FolderAws(tmp_path), Settings(), account="123456789012", region="us-east-1")
        service.close()
        for operation in ("ListTrainingJobs", "CreateHyperParameterTuningJob", "DescribeTrainingJob"):
            with pytest.raises(ServiceError, match="The emulator is closed") as raised:
                service.call(operation, {})
            assert raised.value.status == 503
        for create in (service.tunings.create, service.trainings.create):
            with pytest.raises(ServiceError, match="The emulator is closed"):
                create({"HyperParameterTuningJobName": "late", "TrainingJobName": "late"})
        assert service.tunings.all() == []
        assert service.trainings.all() == []

    def test_no_search_outlives_a_reset(self, place):
        place.hold("churn")
        with emulate(place.settings(data=None)):
            client("s3").create_bucket(Bucket="models")
            client("sagemaker").create_hyper_parameter_tuning_job(**tuning_request())
            place.await_held()
            assert searches()
        for thread in searches():
            thread.join(PATIENCE_SECONDS)
        assert not searches()


def searches():
    return [thread for thread in threading.enumerate() if thread.name.startswith("smtune-emulated-")]
