"""The state machine of training jobs and its operations, with real scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from smtune.emulator.service.errors import ServiceError
from smtune.emulator.service.operations import Service
from smtune.emulator.service.settings import Settings
from tests.emulator.folder_aws import FolderAws
from tests.emulator.trainings import Place, channel, request

WAITS = """
    import signal
    print("up=1", flush=True)
    signal.pause()
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path) as opened:
        yield opened


def check_answer(operation: str, answer: dict[str, Any]) -> None:
    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation).output_shape
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()


def test_description_of_a_job_that_completed(place: Place) -> None:
    answer = place.run("print('loss: 0.5')\nprint('loss: 0.25;')", metrics={"loss": r"loss: ([0-9.]+)"})
    check_answer("DescribeTrainingJob", answer)
    assert (answer["TrainingJobStatus"], answer["SecondaryStatus"]) == ("Completed", "Completed")
    statuses = [one["Status"] for one in answer["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    ends = [one["EndTime"] for one in answer["SecondaryStatusTransitions"]]
    assert ends == sorted(ends)
    assert answer["TrainingStartTime"] <= answer["TrainingEndTime"] == answer["LastModifiedTime"]
    assert [(one["MetricName"], one["Value"]) for one in answer["FinalMetricDataList"]] == [("loss", 0.25)]
    assert answer["ModelArtifacts"] == {"S3ModelArtifacts": "s3://models/prefix/job/output/model.tar.gz"}
    assert answer["OutputDataConfig"]["KmsKeyId"] == ""
    assert (answer["TrainingTimeInSeconds"], answer["BillableTimeInSeconds"]) == (1, 1)
    asked = request(metrics={"loss": r"loss: ([0-9.]+)"})
    assert {name: answer[name] for name in asked if name != "OutputDataConfig"} == {
        name: value for name, value in asked.items() if name != "OutputDataConfig"
    }
    assert not any(answer[name] for name in answer if name.startswith("Enable"))


def test_listener_hears_everything_in_order(place: Place) -> None:
    job, heard = place.start("print('loss: 1')\nprint('loss: 2')", metrics={"loss": r"loss: (\d)"})
    heard.wait("ended")
    place.start(name="second", metrics={"loss": r"loss: (\d)"})[1].wait("ended")
    assert heard.measured_metrics == [{"loss": 1.0}, {"loss": 2.0}]
    assert job.status == "Completed"


def test_names_are_not_case_sensitive(place: Place) -> None:
    place.run("", "Churn")
    with pytest.raises(ServiceError, match="must be unique") as caught:
        place.jobs.create(request("cHURN"))
    assert caught.value.code == "ResourceInUse"
    assert place.jobs.describe("churn")["TrainingJobName"] == "Churn"


def test_what_is_not_there(place: Place) -> None:
    for call in (place.jobs.describe, place.jobs.stop, place.jobs.delete):
        with pytest.raises(ServiceError, match="Requested resource not found"):
            call("nobody")


def test_regex_that_does_not_compile(place: Place) -> None:
    with pytest.raises(ServiceError, match="'loss'") as caught:
        place.jobs.create(request(metrics={"loss": "loss: ("}))
    assert caught.value.code == "ValidationException"
    assert place.jobs.list({})["TrainingJobSummaries"] == []


def test_no_more_instances_than_this_machine_can_be(place: Place) -> None:
    resources = request()["ResourceConfig"]
    for config in (
        {**resources, "InstanceCount": 2_000_000_000},
        {
            "VolumeSizeInGB": 1,
            "InstanceGroups": [{"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 65}],
        },
    ):
        with pytest.raises(ServiceError, match="request delta of") as caught:
            place.jobs.create({**request(), "ResourceConfig": config})
        assert caught.value.code == "ResourceLimitExceeded"


def test_regex_without_a_group_captures_nothing(place: Place) -> None:
    assert "FinalMetricDataList" not in place.run("print('loss')", metrics={"loss": "loss"})


def test_stop_of_a_running_job_keeps_its_artifacts(place: Place) -> None:
    script = """
        import signal, sys
        def end(*_):
            with open("/opt/ml/model/partial", "w") as file:
                file.write("half")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("up=1", flush=True)
        while True:
            signal.pause()
    """
    _, heard = place.start(script, metrics={"up": r"up=(\d)"})
    heard.wait("measured")
    place.jobs.stop("job")
    place.jobs.stop("JOB")  # it is stopping already
    heard.wait("ended")
    answer = place.jobs.describe("job")
    assert (answer["TrainingJobStatus"], answer["SecondaryStatus"]) == ("Stopped", "Stopped")
    statuses = [one["Status"] for one in answer["SecondaryStatusTransitions"]]
    assert statuses[-4:] == ["Training", "Stopping", "Uploading", "Stopped"]
    assert place.model() == {"partial": b"half"}
    with pytest.raises(ServiceError) as caught:
        place.jobs.stop("job")
    assert caught.value.message == "The request was rejected because the training job is in status Stopped."


def test_stop_of_a_job_that_does_not_listen(tmp_path: Path) -> None:
    with Place(tmp_path, grace_seconds=0.2) as place:
        script = (
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up=1', flush=True)\nsignal.pause()"
        )
        _, heard = place.start(script, metrics={"up": r"up=(\d)"})
        heard.wait("measured")
        place.jobs.stop("job")
        assert heard.wait("ended").status == "Stopped"


def test_stop_of_a_job_that_waits_for_a_slot(tmp_path: Path) -> None:
    with Place(tmp_path, slots=1) as place:
        _, first = place.start(WAITS, "first", metrics={"up": r"up=(\d)"})
        first.wait("measured")
        _, second = place.start(name="second")
        place.jobs.stop("second")
        assert second.wait("ended").status == "Stopped"
        assert "TrainingStartTime" not in place.jobs.describe("second")
        check_answer("DescribeTrainingJob", place.jobs.describe("second"))
        place.jobs.stop("first")
        first.wait("ended")


def test_delete(place: Place) -> None:
    _, heard = place.start(WAITS, metrics={"up": r"up=(\d)"})
    heard.wait("measured")
    with pytest.raises(ServiceError, match="InProgress") as caught:
        place.jobs.delete("job")
    assert caught.value.code == "ResourceInUse"
    place.jobs.stop("job")
    heard.wait("ended")
    place.jobs.delete("job")
    assert place.run("")["TrainingJobStatus"] == "Completed"


def test_update(place: Place) -> None:
    _, heard = place.start(WAITS, metrics={"up": r"up=(\d)"})
    heard.wait("measured")
    change = {"TrainingJobName": "job", "ResourceConfig": {"KeepAlivePeriodInSeconds": 60}}
    assert place.jobs.update(change) == {"TrainingJobArn": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/job"}
    resources = place.jobs.describe("job")["ResourceConfig"]
    assert resources == {**request()["ResourceConfig"], "KeepAlivePeriodInSeconds": 60}
    place.jobs.stop("job")
    heard.wait("ended")
    with pytest.raises(ServiceError, match="in status Stopped"):
        place.jobs.update(change)


def test_list(place: Place) -> None:
    place.write("import sys; sys.exit('no' in sys.argv)")
    for name in ("beta", "alpha", "gamma"):
        place.run(None, name, image="unknown" if name == "gamma" else "script")
    answer = place.jobs.list({})
    check_answer("ListTrainingJobs", answer)
    assert _names(answer) == ["beta", "alpha", "gamma"]
    assert _names(place.jobs.list({"SortBy": "Name", "SortOrder": "Descending"})) == ["gamma", "beta", "alpha"]
    assert _names(place.jobs.list({"SortBy": "Status"})) == ["alpha", "beta", "gamma"]
    assert _names(place.jobs.list({"StatusEquals": "Failed"})) == ["gamma"]
    assert _names(place.jobs.list({"NameContains": "et"})) == ["beta"]
    created = place.jobs.get("alpha").created_at
    assert _names(place.jobs.list({"CreationTimeAfter": created})) == ["gamma"]
    assert _names(place.jobs.list({"CreationTimeBefore": created})) == ["beta"]
    assert _names(place.jobs.list({"LastModifiedTimeAfter": place.jobs.get("gamma").modified_at})) == []
    assert _names(place.jobs.list({"WarmPoolStatusEquals": "InUse"})) == []


def test_pages_survive_what_comes_and_goes(place: Place) -> None:
    for name in ("a", "c", "d"):
        place.run("", name)
    first = place.jobs.list({"SortBy": "Name", "MaxResults": 2})
    assert _names(first) == ["a", "c"]
    place.run("", "b")
    place.jobs.delete("c")
    second = place.jobs.list({"SortBy": "Name", "MaxResults": 2, "NextToken": first["NextToken"]})
    assert _names(second) == ["d"]
    assert "NextToken" not in second


@pytest.mark.parametrize("token", ["x", "bm90anNvbg==", "WzEsIDJd", "WyJhIiwgImIiLCAiYyJd", "WzEsICJhIl0="])
def test_token_of_somebody_else(place: Place, token: str) -> None:
    place.run("")
    with pytest.raises(ServiceError, match="NextToken"):
        place.jobs.list({"SortBy": "Name", "NextToken": token})


def test_reset_leaves_nothing_and_drops_what_comes_late(place: Place) -> None:
    _, heard = place.start(WAITS, metrics={"up": r"up=(\d)"})
    heard.wait("measured")
    place.jobs.reset()
    assert place.jobs.list({})["TrainingJobSummaries"] == []
    assert place.run("")["TrainingJobStatus"] == "Completed"  # the name and the slot are free
    place.jobs.close()
    assert heard.events.empty()
    assert [one.uri for one in place.aws.objects("s3://models/")] == ["s3://models/prefix/job/output/model.tar.gz"]
    assert list((place.folder / "jobs").iterdir()) == []
    with pytest.raises(ServiceError, match="closed"):
        place.jobs.create(request("late"))


def _names(answer: dict[str, Any]) -> list[str]:
    return [one["TrainingJobName"] for one in answer["TrainingJobSummaries"]]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"InputDataConfig": [channel("train", "s3://data/no")]}, 'No S3 objects found under S3 URL "s3://data/no"'),
        ({"OutputDataConfig": {"S3OutputPath": "s3://nowhere/x"}}, "the specified bucket does not exist: nowhere"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 9, "MaxWaitTimeInSeconds": 9}},
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
        ),
        ({"metrics": {"loss": "loss=("}}, "The regular expression 'loss=\\(' of the metric 'loss' is invalid"),
    ],
)
def test_requests_that_aws_refuses_are_refused(tmp_path: Path, members: dict[str, Any], message: str) -> None:
    aws = FolderAws(tmp_path)
    aws.make_bucket("models")
    service = Service(aws, Settings(), account="111122223333", region="eu-west-1")
    with pytest.raises(ServiceError, match=message) as caught:
        service.call("CreateTrainingJob", request(**members))
    assert caught.value.code == "ValidationException"
    assert service.call("ListTrainingJobs", {}) == {"TrainingJobSummaries": []}
    service.close()
