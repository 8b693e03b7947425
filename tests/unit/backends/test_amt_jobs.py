"""Jobs on SageMaker from start to end, over HTTP: what is asked, how often, and what is borne."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from smtune import TuningJob
from smtune.backends import AmtBackend, attach
from smtune.backends.amt_plan import priced
from smtune.errors import AwsError, JobExistsError, JobFailedError, JobNotFoundError, SpecError
from smtune.results import JobStatus
from smtune.store import home, remote_jobs
from smtune.trial import TrialStatus
from tests.services import somebody
from tests.services.churn import IMAGE
from tests.services.tuning_service import ACCOUNT, REGION, ROLE
from tests.unit.amt.requests import CONFIG, GONE, changed, full, several
from tests.unit.backends.conftest import churn

CREATE = "CreateHyperParameterTuningJob"
DESCRIBE = "DescribeHyperParameterTuningJob"
DETAIL = "DescribeTrainingJob"
LIST = "ListTrainingJobsForHyperParameterTuningJob"
STOP = "StopHyperParameterTuningJob"

SUBMIT = """
import sys
from smtune.backends import AmtBackend
from tests.unit.backends.conftest import churn
backend = AmtBackend(endpoint_url=sys.argv[1])
backend.submit(backend.plan(churn()))
"""


class EnoughError(Exception):
    """Ends a waiting."""


def submit(backend: AmtBackend, **changes: Any) -> str:
    return backend.submit(backend.plan(churn(**changes)))


def kept_files() -> list[Path]:
    return [path for path in home().rglob("*") if path.is_file()]


def test_the_request_is_sent_as_it_was_planned_byte_for_byte(service, backend):
    plan = backend.plan(churn(sagemaker={"tags": {"team": "churn"}}))
    backend.submit(plan)

    assert service.bodies == [json.dumps(plan.request).encode()]
    assert remote_jobs()[0].request == plan.request


@pytest.mark.parametrize(
    ("cloud", "adds"),
    [
        ({}, {}),
        ({"tags": {"team": "churn"}}, {}),
        ({}, {"RetryStrategy": {"MaximumRetryAttempts": 1}, "EnableManagedSpotTraining": False, "Environment": {}}),
    ],
    ids=["plain", "tags", "back-filled defaults"],
)
def test_the_same_job_again_is_adopted(service, open_backend, cloud, adds):
    service.adds = adds
    assert submit(open_backend(), sagemaker=cloud) == submit(open_backend(), sagemaker=cloud) == "churn"

    assert len(service.requests) == 1
    assert service.calls == [CREATE, CREATE, DESCRIBE]


@pytest.mark.parametrize("moment", ["before it is created", "after it is created"])
def test_a_job_whose_process_was_killed_on_the_way_is_submitted_again(service, backend, user, moment):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen([sys.executable, "-c", SUBMIT, service.url], env=environment)
    service.before[CREATE] = process.kill
    if moment == "before it is created":
        service.troubles = ["InternalFailure"]
    assert process.wait(timeout=60) == -signal.SIGKILL
    (left,) = remote_jobs()
    assert (left.name, left.spec) == ("churn", priced(backend.plan(churn())).to_dict())

    assert submit(backend) == "churn"
    assert len(service.requests) == 1
    assert backend.wait("churn").status is JobStatus.Completed


@pytest.mark.parametrize("name", ["churn", "CHURN"])
def test_another_job_of_the_name_is_left_alone_and_still_known(service, open_backend, name):
    submit(open_backend())
    with pytest.raises(JobExistsError, match=f'there is another tuning job "{name}" of this account in {REGION}'):
        submit(open_backend(), name=name, seed=8)

    assert len(service.requests) == 1
    assert [job.name for job in remote_jobs()] == ["churn"]
    assert open_backend().poll("churn").seed == 7


def test_a_job_that_is_refused_is_not_known(service, backend):
    service.denied.add(CREATE)
    with pytest.raises(AwsError, match="allow sagemaker:CreateHyperParameterTuningJob and iam:PassRole"):
        submit(backend)
    assert remote_jobs() == []


def test_a_job_that_may_have_been_created_is_known(service, open_backend):
    service.before[CREATE] = lambda: open_backend().submit(open_backend().plan(churn()))
    service.troubles = [None, "InternalFailure"]
    with pytest.raises(AwsError, match="SageMaker answers InternalFailure"):
        submit(open_backend())

    assert open_backend().poll("churn").status is JobStatus.InProgress


def test_a_job_is_listed_as_soon_as_it_is_submitted(service, backend):
    submit(backend)

    (job,) = remote_jobs()
    assert (job.seen["name"], job.seen["status"], job.seen["planned_trials"]) == ("churn", "InProgress", 3)
    backend.wait("churn")
    (job,) = remote_jobs()
    assert (job.seen["status"], job.seen["counts"]["Completed"]) == ("Completed", 3)


def test_where_nothing_is_new_one_question_is_asked(service, backend):
    service.holding = True
    submit(backend)
    backend.poll("churn")
    service.calls.clear()

    backend.poll("churn")
    assert service.calls == [DESCRIBE]


def test_only_pages_that_have_changed_are_listed(service, backend):
    service.steps, service.page = 0, 10
    submit(backend, limits={"max_trials": 30, "max_parallel": 5})
    for _ in range(5):
        service.advance("churn")
    assert len(backend.poll("churn").trials) == 25
    assert service.calls == [CREATE, DESCRIBE, *[LIST] * 3, *[DETAIL] * 20]
    service.calls.clear()

    service.advance("churn")
    assert len(backend.poll("churn").trials) == 30
    assert service.calls == [DESCRIBE, LIST, *[DETAIL] * 5]


def test_a_listing_that_was_interrupted_is_done_again(service, backend):
    service.steps, service.page = 0, 2
    submit(backend, limits={"max_trials": 6, "max_parallel": 5})
    service.advance("churn")
    service.troubles = [None, None, "InternalFailure"]
    with pytest.raises(AwsError, match="SageMaker answers InternalFailure"):
        backend.poll("churn")

    assert len(backend.poll("churn").trials) == 5


def test_an_ended_training_job_is_described_once_by_all_processes(service, open_backend):
    submit(open_backend())
    result = open_backend().wait("churn")
    assert service.calls.count(DETAIL) == 3
    assert [trial.metrics["test:auc"] for trial in result.trials] == pytest.approx([0.49, 0.50, 0.51])

    assert open_backend().poll("churn") == result
    (cache,) = (path for path in kept_files() if path.suffix == ".trainings")
    os.truncate(cache, cache.stat().st_size - 10)  # whoever wrote it was killed
    for count in (4, 4):
        assert open_backend().poll("churn") == result
        assert service.calls.count(DETAIL) == count


def test_what_is_not_for_these_credentials_to_see_is_asked_for_by_the_next_process(service, open_backend):
    service.denied.add(DETAIL)
    submit(open_backend())
    result = open_backend().wait("churn")
    assert result.status is JobStatus.Completed
    assert {trial.billable_seconds for trial in result.trials} == {None}
    service.denied.clear()

    assert {trial.billable_seconds for trial in open_backend().poll("churn").trials} == {20.0}


def test_a_deleted_training_job_is_told_by_its_summary(service, open_backend):
    service.steps = 0
    submit(open_backend())
    for _ in range(3):
        service.advance("churn")
    service.delete_training_job(service.training_jobs("churn")[0])
    first = open_backend().poll("churn").trials[0]

    assert (first.status, first.objective, first.model) == (TrialStatus.Completed, 0.5, None)
    open_backend().poll("churn")
    assert service.calls.count(DETAIL) == 3


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (["ThrottlingException"], "SageMaker is asked too often"),  # once: boto3 slows down after it
        (["InternalFailure"] * 3, "SageMaker answers InternalFailure"),
    ],
    ids=["throttled", "broken"],
)
def test_a_trouble_that_passes_is_borne_and_told_once(service, backend, codes, told):
    submit(backend)
    service.troubles = [None, None, *codes]
    notices: list[str] = []

    assert backend.wait("churn", notice=notices.append).status is JobStatus.Completed
    assert len(notices) == 2
    assert told in notices[0]
    assert "the job goes on" in notices[0]
    assert notices[1] == "AWS answers again"


def test_a_lost_network_is_borne(service, open_backend):
    submit(open_backend())
    service.disconnect()
    notices: list[str] = []
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            service.connect()
        if len(pauses) > 9:
            raise EnoughError

    assert open_backend(pause=pause).wait("churn", notice=notices.append).status is JobStatus.Completed
    assert "SageMaker cannot be reached; check the network" in notices[0]
    assert notices[1:] == ["AWS answers again"]


def test_expired_credentials_are_told_once_and_new_ones_are_taken(service, open_backend, user):
    submit(open_backend())
    service.expired.add(somebody.KEY)
    notices: list[str] = []
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            somebody.write_credentials(user, "AKIDOTHER")
        if len(pauses) > 9:
            raise EnoughError

    assert open_backend(pause=pause).wait("churn", notice=notices.append).status is JobStatus.Completed
    assert "the AWS credentials have expired; sign in again" in notices[0]
    assert notices[1:] == ["AWS answers again"]


def test_different_troubles_are_told_each(service, backend):
    submit(backend)
    service.troubles = ["InternalFailure", "ExpiredTokenException", "InternalFailure"]
    notices: list[str] = []
    backend.wait("churn", notice=notices.append)

    assert [one.split(": ")[1].split(";")[0] for one in notices[:-1]] == [
        "SageMaker answers InternalFailure",
        "the AWS credentials have expired",
    ]


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        (DESCRIBE, "allow sagemaker:DescribeHyperParameterTuningJob"),
        (LIST, "allow sagemaker:ListTrainingJobsForHyperParameterTuningJob"),
    ],
)
def test_what_waiting_does_not_help_is_raised(service, backend, operation, told):
    submit(backend)
    service.denied.add(operation)
    with pytest.raises(AwsError, match=f"churn: these AWS credentials are not authorised; {told}"):
        backend.wait("churn")


def test_a_time_that_is_over_ends_the_waiting_in_trouble_too(service, backend):
    submit(backend)
    service.disconnect()
    try:
        with pytest.raises(AwsError, match="cannot be reached"):
            backend.wait("churn", timeout=0)
    finally:
        service.connect()


def test_pauses_grow_while_nothing_happens_and_end_with_the_time(service, open_backend):
    service.holding = True
    submit(open_backend())
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            raise EnoughError

    with pytest.raises(EnoughError):
        open_backend(pause=pause).wait("churn")
    assert 1.5 <= pauses[0] <= 2  # two seconds, or a quarter less
    assert 15 <= pauses[-1] <= 20
    pauses[:] = [0] * 7
    with pytest.raises(EnoughError):
        open_backend(pause=pause).wait("churn", timeout=1)
    assert pauses[-1] <= 1


def test_a_job_that_ends_while_it_is_stopped_stays_as_it_is(service, backend):
    service.holding = True
    submit(backend)
    backend.poll("churn")

    def complete() -> None:
        service.holding = False
        for _ in range(3):
            service.advance("churn")

    service.before[STOP] = complete
    backend.stop("churn")
    assert backend.poll("churn").status is JobStatus.Completed


def test_a_failure_is_told_by_its_causes(service, backend):
    service.failures = dict.fromkeys((0, 2, 4), "AlgorithmError: no column y, exit code: 1")
    service.failures |= dict.fromkeys((1, 3), "ClientError: no such image")
    submit(backend, limits={"max_trials": 10, "max_parallel": 1})

    with pytest.raises(JobFailedError, match="No training job succeeded after 5 attempts") as caught:
        TuningJob(backend, "churn").wait(progress=False)
    assert caught.value.failures == {
        "AlgorithmError: no column y, exit code: 1": (0, 2, 4),
        "ClientError: no such image": (1, 3),
    }
    assert "3 x AlgorithmError: no column y, exit code: 1  (trials 0, 2, 4)" in str(caught.value)


def foreign(*changes: Any) -> dict[str, Any]:
    """Return a request that another tool may send."""
    return changed(
        full(),
        ("HyperParameterTuningJobName", "Theirs"),
        ("WarmStartConfig", GONE),
        (CONFIG, "RandomSeed", GONE),
        (CONFIG, "ResourceLimits", {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 3}),
        *changes,
    )


def test_a_job_of_another_tool_can_be_attached_to(service, open_backend):
    auto = (CONFIG, "ParameterRanges", "AutoParameters", [{"Name": "gamma", "ValueHint": "0.5"}])
    service.client("sagemaker").create_hyper_parameter_tuning_job(**foreign(auto, ("Autotune", {"Mode": "Enabled"})))
    job = attach("theirs", backend=open_backend())
    result = TuningJob(open_backend(), "THEIRS").wait(progress=False)

    assert (result.name, result.status, result.seed, result.strategy) == (
        "Theirs",
        JobStatus.Completed,
        None,
        "bayesian",
    )
    assert result.best is not None
    assert result.best.parameters == {
        "eta": 0.1008,
        "max_depth": 4,
        "momentum": 0.1998,
        "booster": "gbtree",
        "gamma": 0.5,
    }
    assert job.result() == result
    assert [(one.name, one.spec) for one in remote_jobs()] == [("Theirs", None)]


@pytest.mark.parametrize(
    ("changes", "cost"),
    [
        ((), 60 / 3600 * 0.257),
        ((("ResourceConfig", "InstanceCount", 3),), 3 * 60 / 3600 * 0.257),
        ((("ResourceConfig", "InstanceType", "ml.m5.24xlarge"),), None),
    ],
)
def test_what_a_job_of_another_tool_cost_is_told_where_the_price_is_known(service, open_backend, changes, cost):
    changes = [("TrainingJobDefinition", *change) for change in changes]
    service.client("sagemaker").create_hyper_parameter_tuning_job(**foreign(*changes))
    result = attach("theirs", backend=open_backend()).wait(progress=False)

    assert result.cost_usd == (None if cost is None else pytest.approx(cost))
    assert result.to_dict()["cost_usd"] == result.cost_usd


@pytest.mark.parametrize(("second", "cost"), [("ml.m5.xlarge", 4 * 20 / 3600 * 0.257), ("ml.m5.2xlarge", None)])
def test_what_several_definitions_cost_is_told_where_they_use_the_same(service, open_backend, second, cost):
    resources = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
    request = changed(
        several(),
        ("HyperParameterTuningJobName", "Theirs"),
        (CONFIG, "ResourceLimits", {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 4}),
        ("TrainingJobDefinitions", 0, "ResourceConfig", resources),
        ("TrainingJobDefinitions", 1, "ResourceConfig", {**resources, "InstanceType": second}),
    )
    service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    result = attach("Theirs", backend=open_backend()).wait(progress=False)

    assert result.cost_usd == (None if cost is None else pytest.approx(cost))


def test_several_definitions_are_told_apart(service, open_backend):
    request = changed(
        several(),
        ("HyperParameterTuningJobName", "Theirs"),
        (CONFIG, "ResourceLimits", {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 4}),
        ("TrainingJobDefinitions", 1, "TuningObjective", "MetricName", "validation:auc"),
    )
    service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    result = attach("Theirs", backend=open_backend()).wait(progress=False)

    assert [trial.origin for trial in result.trials] == ["first", "second", "first", "second"]


def test_a_job_is_attached_to_where_it_is_known_to_be(service, open_backend, monkeypatch):
    submit(open_backend())
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    assert attach("churn", backend=AmtBackend()).result().seed == 7
    assert remote_jobs()[0].spec is not None


def test_there_is_nothing_to_attach_to(service, backend):
    with pytest.raises(JobNotFoundError, match=f'no tuning job "churn" of this account in {REGION}; check the name'):
        attach("churn", backend=backend)
    assert remote_jobs() == []


@pytest.fixture
def data(user: Path) -> dict[str, Any]:
    """A training with code and data in files."""
    (user / "code").mkdir()
    (user / "code" / "train.py").write_text("print('auc: 0.5')\n")
    (user / "data").mkdir()
    (user / "data" / "rows.csv").write_text("1,2\n")
    training = {
        "source_dir": str(user / "code"),
        "entry_point": "train.py",
        "channels": {"train": str(user / "data")},
    }
    return {"training": training, "sagemaker": {"image": "sklearn:1.4-2"}}


@pytest.mark.parametrize(
    ("parent", "rule"),
    [
        ("amt:nowhere", 'there is no tuning job "nowhere" of this account in eu-west-1'),
        ("amt:running", "has not ended: it is InProgress"),
        ("amt:other", "has another objective, or several"),
    ],
)
def test_parents_are_asked_for_before_anything_is_sent(service, backend, data, parent, rule):
    other = {"objective": {"metric": "loss", "goal": "Minimize"}, "metrics": {"loss": "loss: ([0-9.]+)"}}
    submit(backend, name="first")
    submit(backend, name="other", **other)
    for name in ("first", "other"):
        backend.wait(name)
    service.holding = True
    submit(backend, name="running")
    plan = backend.plan(churn(**data, warm_start=["amt:first", parent]))
    service.calls.clear()

    with pytest.raises(SpecError) as caught:
        backend.submit(plan)
    problem = caught.value.problems[-1]
    assert (problem.field, problem.value, problem.rule) == ("warm_start.parents[1]", parent, rule)
    assert problem.fix
    assert set(service.calls) == {DESCRIBE}
    assert service.uploads == []
    assert {job.name for job in remote_jobs()} == {"first", "other", "running"}


def test_a_parent_that_has_ended_is_built_upon(service, backend):
    submit(backend, name="first")
    backend.wait("first")
    submit(backend, name="second", strategy="bayesian", warm_start=["amt:first"])

    parents = service.requests[-1]["WarmStartConfig"]["ParentHyperParameterTuningJobs"]
    assert parents == [{"HyperParameterTuningJobName": "first"}]
    warm_start = backend.wait("second").warm_start
    assert warm_start is not None
    assert [parent.name for parent in warm_start.parents] == ["first"]


def test_nothing_is_uploaded_twice(service, open_backend, data):
    submit(open_backend(), **data)
    sent = list(service.uploads)
    assert [Path(key).name for key in sent if "/complete/" not in key] == ["sourcedir.tar.gz", "rows.csv"]

    submit(open_backend(), **data)
    submit(open_backend(), name="other", **data)
    assert service.uploads == sent


@pytest.mark.parametrize(
    ("file", "field"), [("code/train.py", "training.source_dir"), ("data/rows.csv", "training.channels.train")]
)
def test_what_was_changed_since_the_plan_is_not_submitted(service, backend, user, data, file, field):
    plan = backend.plan(churn(**data))
    (user / file).write_text("changed")

    with pytest.raises(SpecError) as caught:
        backend.submit(plan)
    (problem,) = caught.value.problems
    assert (problem.field, problem.rule) == (field, "was changed since the job was planned")
    assert service.calls == []
    assert remote_jobs() == []


def test_a_bucket_in_another_region_is_refused(service, backend, data):
    where = {"LocationConstraint": "eu-north-1"}
    service.client("s3", "eu-north-1").create_bucket(Bucket="far", CreateBucketConfiguration=where)
    data["sagemaker"]["bucket"] = "far"
    with pytest.raises(SpecError, match=r"sagemaker\.bucket = far: is in eu-north-1, but the job runs in eu-west-1"):
        submit(backend, **data)
    assert service.uploads == service.calls == []


def test_a_default_bucket_of_another_account_is_refused(service, backend, data):
    data["sagemaker"]["role"] = ROLE.replace(ACCOUNT, "999999999999")
    with pytest.raises(SpecError, match="is not the bucket of account 999999999999"):
        submit(backend, **data)
    assert service.uploads == service.calls == []


def test_a_bucket_that_no_job_needs_is_not_made(service, backend):
    submit(backend)
    assert service.client("s3").list_buckets()["Buckets"] == []
    submit(backend, name="other", training={"image": IMAGE})
    assert [one["Name"] for one in service.client("s3").list_buckets()["Buckets"]] == [f"sagemaker-{REGION}-{ACCOUNT}"]


def test_lines_of_several_hosts_are_told_apart(service, backend):
    submit(backend)
    backend.wait("churn")
    first, second, _ = service.training_jobs("churn")
    service.print_lines(first, ["one", "two"])
    service.print_lines(first, ["three"], host="algo-2")
    service.print_lines(second, ["alone"])

    assert sorted(backend.logs("churn", 0)) == ["algo-1: one", "algo-1: two", "algo-2: three"]
    assert list(backend.logs("churn", 1)) == ["alone"]
    assert list(backend.logs("churn", 2)) == []


def test_a_log_is_followed_through_troubles_to_its_end(service, open_backend):
    service.holding = True
    submit(open_backend(), limits={"max_trials": 1, "max_parallel": 1})
    open_backend().poll("churn")
    (name,) = service.training_jobs("churn")
    service.print_lines(name, ["first"])
    then: list[Callable[[], object]] = [
        lambda: service.troubles.append("InternalFailure"),
        lambda: service.print_lines(name, ["second"], host="algo-2"),
        lambda: setattr(service, "holding", False),
    ]

    def pause(_seconds: float) -> None:
        if then:
            then.pop(0)()

    assert list(open_backend(pause=pause).logs("churn", 0, follow=True)) == ["first", "algo-2: second"]
    assert then == []


def test_the_best_model_can_be_downloaded(service, backend, user):
    submit(backend)
    best = backend.wait("churn").best
    assert best is not None
    uri = backend.best_model("churn")
    assert uri == f"s3://ours/models/{best.training_job}/output/model.tar.gz"
    s3 = service.client("s3")
    s3.create_bucket(Bucket="ours", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="ours", Key=uri.removeprefix("s3://ours/"), Body=b"model")

    path = backend.download_model("churn", user / "new" / "models")
    assert path.read_bytes() == b"model"
    assert path.name == "model.tar.gz"
    with pytest.raises(AwsError, match=f"the download of {uri.replace(str(best.training_job), '.*')}"):
        backend.download_model("churn", user / "another", number=0)


def test_a_trial_without_a_model_says_what_became_of_it(service, backend):
    service.failures = {0: "ClientError: no such image"}
    submit(backend)
    backend.wait("churn")
    with pytest.raises(JobNotFoundError, match="trial 0 of churn has no model; it is Failed"):
        backend.best_model("churn", 0)


def test_secrets_are_in_no_file_and_no_error(service, open_backend):
    backend = open_backend(endpoint_url=service.url.replace("//", "//ann:hunter2@"))
    submit(backend)
    backend.wait("churn")
    attach("churn", backend=backend)
    service.disconnect()
    with pytest.raises(AwsError) as caught:
        backend.poll("churn")
    service.connect()
    assert remote_jobs()[0].endpoint_url == service.url
    assert "hunter2" not in f"{caught.value!r} {caught.value} {backend!r}"

    kept = "".join(path.read_text() for path in kept_files())
    assert "churn" in kept
    for secret in ("hunter2", somebody.SECRET, somebody.KEY):
        assert secret not in kept


def test_what_is_kept_is_for_its_owner_alone(service, backend):
    submit(backend)
    backend.wait("churn")

    assert {path.suffix for path in kept_files()} == {".json", ".trainings"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept_files()} == {0o600}


def test_what_sagemakers_config_files_set_is_used_and_told(service, open_backend, user):
    session = {"DefaultS3Bucket": "ours", "DefaultS3ObjectKeyPrefix": "team"}
    network = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    job = {"RoleArn": ROLE, "VpcConfig": network, "Tags": [{"Key": "team", "Value": "churn"}]}
    config = {"SageMaker": {"PythonSDK": {"Modules": {"Session": session}}, "TrainingJob": job}}
    (user / "xdg" / "sagemaker").mkdir(parents=True)
    path = user / "xdg" / "sagemaker" / "config.yaml"
    path.write_text(yaml.safe_dump({"SchemaVersion": "1.0", **config}))
    plan = open_backend().plan(churn(training={"image": IMAGE}, sagemaker={"role": None}))
    open_backend().submit(plan)

    (request,) = service.requests
    assert request["TrainingJobDefinition"]["RoleArn"] == ROLE
    assert request["TrainingJobDefinition"]["VpcConfig"] == network
    assert request["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"] == "s3://ours/team/jobs"
    assert request["Tags"] == job["Tags"]
    keys = "bucket, prefix, role, security_groups, subnets, tags"
    assert f"{path} sets {keys}" in plan.schedule


def test_the_region_is_the_options_then_the_specs_then_the_environments_then_the_profiles(
    open_backend, user, monkeypatch
):
    config = "[default]\nregion = eu-north-1\n[profile research]\nregion = eu-west-3\n"
    (user / "aws-config").write_text(config)
    nowhere = {"region": None}

    def region(cloud: dict[str, Any], **options: Any) -> Any:
        return open_backend(**options).plan(churn(sagemaker=cloud)).region

    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert region({"region": "eu-west-1"}, region="us-west-2", profile="research") == "us-west-2"
    assert region({"region": "eu-west-1"}, profile="research") == "eu-west-1"
    assert region(nowhere, profile="research") == "us-east-2"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert region(nowhere, profile="research") == "eu-west-3"
    assert region(nowhere) == "eu-north-1"
