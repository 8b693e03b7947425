"""The operations of the service, without a server."""

import time
from contextlib import closing

import pytest

from smtune.amt import encode_request, lower
from smtune.emulator.service.data_directory import DataDirectory
from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.kept_jobs import KeptJobs
from smtune.emulator.service.operations import Service
from smtune.emulator.service.settings import Settings
from smtune.spec import TuningSpec
from tests.emulator.folder_aws import FolderAws
from tests.emulator.trainings import PATIENCE_SECONDS, ROLE

TEAM = {"Key": "team", "Value": "growth"}


@pytest.fixture
def service(tmp_path):
    aws = FolderAws(tmp_path / "s3")
    aws.make_bucket("models")
    service = Service(aws, Settings(folder=tmp_path / "jobs"), account="111122223333", region="eu-west-1")
    yield service
    service.close()


def training(**members):
    return {
        "TrainingJobName": "one",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "none", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://models/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **members,
    }


def tuning(**members):
    spec = TuningSpec(
        name="churn",
        objective={"metric": "loss", "goal": "Minimize"},
        parameters={"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
        strategy="random",
        limits={"max_trials": 1, "max_trial_seconds": 60},
        metrics={"loss": "loss=(.*)"},
        training={"image": "none", "output": "s3://models/out"},
        sagemaker={"instance_type": "ml.m5.xlarge", "role": ROLE},
    )
    return {**encode_request(lower(spec)), **members}


def ended(service, kind, name):
    """Wait until a job has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while service.call(f"Describe{kind}", {f"{kind}Name": name})[f"{kind}Status"] in ("InProgress", "Stopping"):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def tags(service, arn):
    return service.call("ListTags", {"ResourceArn": arn})["Tags"]


def test_a_defect_of_the_emulator_is_not_said_to_be_the_clients(service, monkeypatch):
    inner: dict[str, str] = {}
    monkeypatch.setattr(service.trainings, "get", lambda _: inner["inner"])
    with pytest.raises(KeyError, match="inner"):
        service.call("ListTags", {"ResourceArn": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/one"})


def test_an_operation_that_is_not_there_is_refused(service):
    with pytest.raises(ServiceError) as raised:
        service.call("CreateSpace", {})
    assert raised.value.code == "UnknownOperationException"


def test_a_search_that_meets_a_deleted_job_is_answered(service, monkeypatch):
    service.call("CreateTrainingJob", training(Tags=[TEAM]))
    ended(service, "TrainingJob", "one")
    seen = service.trainings.all()
    service.call("DeleteTrainingJob", {"TrainingJobName": "one"})
    monkeypatch.setattr(service.trainings, "all", lambda: seen)

    (found,) = service.call("Search", {"Resource": "TrainingJob"})["Results"]
    assert found["TrainingJob"]["TrainingJobName"] == "one"


def test_the_tags_of_a_tuning_job_are_those_of_its_training_jobs(service):
    service.call("CreateHyperParameterTuningJob", tuning(Tags=[TEAM]))
    ended(service, "HyperParameterTuningJob", "churn")

    (job,) = service.call("ListTrainingJobs", {})["TrainingJobSummaries"]
    assert tags(service, job["TrainingJobArn"]) == [TEAM]


@pytest.mark.parametrize(
    ("kind", "request_"),
    [("TrainingJob", training()), ("HyperParameterTuningJob", tuning())],
    ids=["training", "tuning"],
)
def test_tags_go_with_their_job(service, kind, request_):
    name = {f"{kind}Name": request_[f"{kind}Name"]}
    arn = service.call(f"Create{kind}", {**request_, "Tags": [TEAM]})[f"{kind}Arn"]
    assert TEAM in tags(service, arn)
    ended(service, kind, name[f"{kind}Name"])
    service.call(f"Delete{kind}", name)
    assert service.call(f"Create{kind}", request_)[f"{kind}Arn"] == arn
    assert TEAM not in tags(service, arn)


def test_kept_tags_go_with_their_job(tmp_path):
    aws = FolderAws(tmp_path / "s3")
    aws.make_bucket("models")
    place = {"account": "111122223333", "region": "eu-west-1"}
    with closing(DataDirectory(tmp_path / "data")) as directory:
        kept = KeptJobs(directory, **place)
        service = Service(aws, Settings(folder=tmp_path / "jobs"), kept=kept, **place)
        try:
            arn = service.call("CreateTrainingJob", training(Tags=[TEAM]))["TrainingJobArn"]
            assert kept.tags() == {arn: {"team": "growth"}}
            ended(service, "TrainingJob", "one")
            service.call("DeleteTrainingJob", {"TrainingJobName": "one"})
            assert kept.tags() == {}
        finally:
            service.close()
