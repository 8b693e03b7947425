import functools
import os
import subprocess
import sys
import textwrap
import time
from importlib.util import find_spec
from pathlib import Path
from threading import RLock

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.iam.responses import IamResponse
from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends

import smtune.emulator
from smtune.emulator import Settings, emulate
from smtune.emulator.moto_plugin.aws import NAMESPACE, MotoAws
from smtune.errors import MissingExtraError
from smtune.pricing import PriceBook, refresh
from tests.emulator.hammer import hammer

# Sessions are many here, and every one would read boto3's megabytes of service models anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

pytestmark = pytest.mark.usefixtures("services")


@pytest.fixture
def emulator():
    with emulate() as emulator:
        yield emulator


def code(raised):
    return raised.value.response["Error"]["Code"]


class TestOperations:
    def test_the_service_answers_its_own(self, emulator):
        sagemaker = boto3.client("sagemaker")
        before = int(time.time())
        arn = start(sagemaker, "churn")["TrainingJobArn"]
        assert arn == "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn"
        described = sagemaker.describe_training_job(TrainingJobName="churn")
        assert before <= described["CreationTime"].timestamp() <= time.time()

    def test_its_refusals_are_typed_exceptions(self, emulator):
        sagemaker = boto3.client("sagemaker")
        with pytest.raises(sagemaker.exceptions.ResourceNotFound, match=r"Requested resource not found\."):
            sagemaker.describe_training_job(TrainingJobName="nobody")

    def test_a_defect_of_the_service_is_an_internal_failure(self, emulator, monkeypatch, caplog):
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(ClientError, match="ZeroDivisionError: a defect") as raised:
            start(boto3.client("sagemaker"), "break")
        assert code(raised) == "InternalFailure"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert "a defect" in caplog.text

    def test_moto_answers_all_others(self, emulator):
        sagemaker = boto3.client("sagemaker")
        arn = sagemaker.create_model(
            ModelName="scores", ExecutionRoleArn=emulator.role, Tags=[{"Key": "team", "Value": "growth"}]
        )["ModelArn"]
        assert sagemaker.describe_model(ModelName="scores")["ModelArn"] == arn
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "growth"}]

    def test_tags_and_searches_of_jobs_are_the_services(self, emulator):
        sagemaker = boto3.client("sagemaker")
        arn = start(sagemaker, "churn")["TrainingJobArn"]
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "of", "Value": "churn"}]
        (found,) = sagemaker.search(Resource="TrainingJob")["Results"]
        assert found["TrainingJob"]["TrainingJobName"] == "churn"
        assert sagemaker.search(Resource="ModelPackage")["Results"] == []

    def test_what_nobody_implements_is_told(self, emulator):
        with pytest.raises(ClientError, match=r"Neither this emulator nor its moto implements CreateSpace"):
            boto3.client("sagemaker").create_space(DomainId="d-1", SpaceName="mine")

    @pytest.mark.parametrize(
        ("target", "body", "expected"),
        [
            ("SageMaker.DescribeTrainingJob", b"{", "SerializationException"),
            ("SageMaker.DescribeTrainingJob", b"[1]", "SerializationException"),
            ("SageMaker.DescribeTrainingJob", b"\xff\xfe", "SerializationException"),
            ("SageMaker.DescribeTrainingJob", b"[" * 100_000, "SerializationException"),
            ("SageMaker.DescribeModel", b"{", "SerializationException"),
            ("SageMaker.MakeCoffee", b"{}", "UnknownOperationException"),
            ("SageMaker.", b"{}", "UnknownOperationException"),
        ],
    )
    @pytest.mark.parametrize("over_http", [False, True])
    def test_what_is_no_request_is_refused(self, target, body, expected, over_http):
        with emulate(serve=over_http) as emulator:
            url = emulator.url if over_http else "https://api.sagemaker.us-east-1.amazonaws.com/"
            status, answer = post(url, target, body)
        assert (status, answer["__type"]) == (400, expected)

    def test_a_region_without_sagemaker_is_refused(self):
        with emulate(serve=True) as emulator:
            status, answer = post(emulator.url, "SageMaker.DescribeTrainingJob", b"{}", region="moon-1")
        assert (status, answer["__type"]) == (400, "UnrecognizedClientException")

    def test_accounts_and_regions_have_a_service_each(self, emulator, services):
        start(boto3.client("sagemaker"), "churn")
        with pytest.raises(ClientError, match="not found"):
            boto3.client("sagemaker", region_name="eu-west-1").describe_training_job(TrainingJobName="churn")
        role = "arn:aws:iam::111122223333:role/Other"
        assumed = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="other")["Credentials"]
        other = boto3.client(
            "sagemaker",
            aws_access_key_id=assumed["AccessKeyId"],
            aws_secret_access_key=assumed["SecretAccessKey"],
            aws_session_token=assumed["SessionToken"],
        )
        assert ":111122223333:" in start(other, "churn")["TrainingJobArn"]
        places = {(one.account, one.region) for one in services}
        assert places == {("123456789012", "us-east-1"), ("123456789012", "eu-west-1"), ("111122223333", "us-east-1")}


class TestAccount:
    def test_a_role_for_sagemaker_is_there(self, emulator):
        role = boto3.client("iam").get_role(RoleName="SageMaker")["Role"]
        assert role["Arn"] == emulator.role
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}

    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
    def test_the_default_bucket_is_there(self, region):
        with emulate(region=region) as emulator:
            assert emulator.bucket == f"sagemaker-{region}-123456789012"
            boto3.client("s3").head_bucket(Bucket=emulator.bucket)
            assert boto3.client("sagemaker").meta.region_name == region

    @pytest.mark.parametrize("over_http", [False, True])
    def test_roles_may_do_everything(self, over_http):
        with emulate(serve=over_http) as emulator:
            iam = client("iam", emulator)
            answer = iam.simulate_principal_policy(
                PolicySourceArn=emulator.role, ActionNames=["s3:GetObject", "logs:<odd>"], ResourceArns=["*"]
            )
        decisions = {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}
        assert decisions == {"s3:GetObject": "allowed", "logs:<odd>": "allowed"}


class TestPrices:
    @pytest.mark.parametrize("over_http", [False, True])
    def test_they_are_those_of_the_table(self, tmp_path, over_http):
        with emulate(serve=over_http) as emulator:
            found = refresh(client("pricing", emulator), "us-east-1", tmp_path)
        assert found.unreadable == 0
        table = {price.item: price.usd for price in PriceBook.load().prices("us-east-1")}
        listed = {price.item: price.usd for price in PriceBook.load(tmp_path).prices("us-east-1")}
        assert listed == table

    def test_they_come_in_pages(self, emulator):
        pages = boto3.client("pricing").get_paginator("get_products")
        listed = pages.paginate(ServiceCode="AmazonSageMaker", PaginationConfig={"PageSize": 7}).build_full_result()
        assert len(listed["PriceList"]) == len(PriceBook.load().packaged) > 7

    @pytest.mark.parametrize(
        ("request_", "expected"),
        [
            ({"ServiceCode": "AmazonEC2"}, "NotFoundException"),
            ({"ServiceCode": "AmazonSageMaker", "NextToken": "x"}, "InvalidParameterException"),
            (
                {
                    "ServiceCode": "AmazonSageMaker",
                    "Filters": [{"Type": "CONTAINS", "Field": "regionCode", "Value": "us"}],
                },
                "InvalidParameterException",
            ),
        ],
    )
    def test_there_are_no_others(self, emulator, request_, expected):
        with pytest.raises(ClientError) as raised:
            boto3.client("pricing").get_products(**request_)
        assert code(raised) == expected


class TestAws:
    @pytest.fixture
    def aws(self, emulator):
        return MotoAws(RLock(), emulator.account, emulator.region)

    @pytest.fixture
    def s3(self, emulator):
        return boto3.client("s3")

    @pytest.mark.parametrize("size", [0, 1, 16 * 1024 * 1024, 40 * 1024 * 1024 + 3])
    def test_files_of_any_size_go_up_and_down(self, aws, s3, emulator, tmp_path, size):
        (tmp_path / "up").write_bytes(os.urandom(size))
        aws.upload(tmp_path / "up", f"s3://{emulator.bucket}/a b/ü?x=1#y")
        assert s3.get_object(Bucket=emulator.bucket, Key="a b/ü?x=1#y")["Body"].read() == (tmp_path / "up").read_bytes()
        aws.download(f"s3://{emulator.bucket}/a b/ü?x=1#y", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == (tmp_path / "up").read_bytes()

    def test_a_file_that_changes_meanwhile_is_uploaded_as_it_was_read(self, emulator, tmp_path):
        path = tmp_path / "log"
        path.write_bytes(b"before")

        class Gate:
            def __enter__(self):
                with path.open("r+b") as file:  # as long as before: a mapped file that is shorter ends the process
                    file.write(b"after!")

            def __exit__(self, *_):
                pass

        aws = MotoAws(Gate(), emulator.account, emulator.region)  # type: ignore[arg-type]
        aws.upload(path, f"s3://{emulator.bucket}/log")
        assert boto3.client("s3").get_object(Bucket=emulator.bucket, Key="log")["Body"].read() == b"before"

    def test_objects_are_listed_by_the_beginning_of_their_address(self, aws, s3, emulator):
        for key in ("train/b", "train/a", "training/c", "test/d"):
            s3.put_object(Bucket=emulator.bucket, Key=key, Body=b"123")
        root = f"s3://{emulator.bucket}"
        assert [tuple(one) for one in aws.objects(f"{root}/train/")] == [
            (f"{root}/train/a", 3),
            (f"{root}/train/b", 3),
        ]
        assert len(list(aws.objects(f"{root}/train"))) == 3
        assert len(list(aws.objects(root))) == 4
        assert list(aws.objects("s3://nobody/train")) == []
        assert aws.bucket_exists(emulator.bucket)
        assert not aws.bucket_exists("nobody")

    def test_what_was_deleted_is_gone_although_its_versions_are_kept(self, aws, s3, emulator, tmp_path):
        s3.put_bucket_versioning(Bucket=emulator.bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=emulator.bucket, Key="a", Body=b"1")
        s3.put_object(Bucket=emulator.bucket, Key="a", Body=b"22")
        assert [one.size for one in aws.objects(f"s3://{emulator.bucket}/a")] == [2]
        s3.delete_object(Bucket=emulator.bucket, Key="a")
        assert list(aws.objects(f"s3://{emulator.bucket}/a")) == []
        with pytest.raises(FileNotFoundError):
            aws.download(f"s3://{emulator.bucket}/a", tmp_path / "a")

    @pytest.mark.parametrize("place", ["s3://nobody/a", "s3://sagemaker-us-east-1-123456789012/nothing"])
    def test_what_is_not_there_cannot_be_had(self, aws, tmp_path, place):
        with pytest.raises(FileNotFoundError):
            aws.download(place, tmp_path / "a")

    def test_nothing_goes_into_a_bucket_that_is_not_there(self, aws, tmp_path):
        (tmp_path / "a").write_text("1")
        with pytest.raises(FileNotFoundError):
            aws.upload(tmp_path / "a", "s3://nobody/a")

    @pytest.mark.parametrize("over_http", [False, True])
    def test_logs_are_found_by_the_beginning_of_their_streams(self, over_http):
        with emulate(serve=over_http) as emulator:
            aws = MotoAws(RLock(), emulator.account, emulator.region)
            now = time.time()
            aws.log("churn-1/algo-1-1", [(now + 1, "second"), (now, "first")])
            aws.log("churn-2/algo-1-1", [(now, "other")])
            logs = client("logs", emulator)
            found = logs.filter_log_events(logGroupName=NAMESPACE, logStreamNamePrefix="churn-1/")
            assert [one["message"] for one in found["events"]] == ["first", "second"]
            assert found["events"][0]["timestamp"] == int(now * 1000)
            assert logs.filter_log_events(logGroupName=NAMESPACE, logStreamNamePrefix="x")["events"] == []
            assert len(logs.filter_log_events(logGroupName=NAMESPACE)["events"]) == 3
            with pytest.raises(logs.exceptions.ResourceNotFoundException):
                logs.filter_log_events(logGroupName="nothing", logStreamNamePrefix="x")

    @pytest.mark.parametrize("over_http", [False, True])
    def test_metrics_are_cloudwatchs(self, over_http):
        with emulate(serve=over_http) as emulator:
            aws = MotoAws(RLock(), emulator.account, emulator.region)
            now = time.time()
            for value in (0.25, 0.75):
                aws.metric("churn-1", "validation:auc", value, now)
            aws.metric("churn-2", "validation:auc", 9.0, now)
            cloudwatch = client("cloudwatch", emulator)
            skip_unless_understood(cloudwatch)
            answer = cloudwatch.get_metric_statistics(
                Namespace=NAMESPACE,
                MetricName="validation:auc",
                Dimensions=[{"Name": "TrainingJobName", "Value": "churn-1"}],
                StartTime=now - 60,
                EndTime=now + 60,
                Period=60,
                Statistics=["Average", "Maximum"],
            )
        (point,) = answer["Datapoints"]
        assert (point["Average"], point["Maximum"]) == (0.5, 0.75)
        assert abs(point["Timestamp"].timestamp() - now) < 60

    @pytest.mark.parametrize("over_http", [False, True])
    def test_metrics_are_sagemakers_as_well(self, over_http):
        with emulate(serve=over_http) as emulator:
            aws = MotoAws(RLock(), emulator.account, emulator.region)
            for number, value in enumerate((3.0, 1.0, 2.0)):
                aws.metric("churn-1", "loss", value, 1_800_000_000 + 40 * number)
            aws.metric("churn-2", "loss", 9.0, 1_800_000_000)
            of = {"MetricName": "loss", "ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/churn-1"}
            steps = {"XAxisType": "IterationNumber", "Period": "IterationNumber"}
            results = client("sagemaker-metrics", emulator).batch_get_metrics(
                MetricQueries=[
                    {**of, **steps, "MetricStat": "Last"},
                    {**of, "XAxisType": "Timestamp", "Period": "OneMinute", "MetricStat": "Avg"},
                    {**of, **steps, "MetricStat": "Last", "Start": 1},
                    {**of, **steps, "MetricStat": "Last", "ResourceArn": "arn:aws:sagemaker:eu-west-1:1:model/churn"},
                ]
            )["MetricQueryResults"]
        found = [(one["Status"], one["XAxisValues"], one["MetricValues"]) for one in results]
        assert found == [
            ("Complete", [0, 1, 2], [3.0, 1.0, 2.0]),
            ("Complete", [1_800_000_000, 1_800_000_060], [2.0, 2.0]),
            ("Complete", [1, 2], [1.0, 2.0]),
            ("ValidationError", [], []),
        ]

    def test_what_is_late_for_a_reset_goes_nowhere(self, aws, emulator, tmp_path):
        (tmp_path / "a").write_text("1")
        boto3.DEFAULT_SESSION = None
        sagemaker_backends.reset()
        boto3.client("s3").create_bucket(Bucket=emulator.bucket)
        with pytest.raises(FileNotFoundError):
            aws.upload(tmp_path / "a", f"s3://{emulator.bucket}/a")
        aws.log("churn/algo-1-1", [(time.time(), "late")])
        assert boto3.client("logs").describe_log_groups()["logGroups"] == []
        assert boto3.client("s3").list_objects_v2(Bucket=emulator.bucket)["KeyCount"] == 0


class TestEmulate:
    def test_importing_it_loads_nothing(self):
        script = "import smtune.emulator, smtune.emulator.fixtures, sys; print({'moto', 'boto3'} & sys.modules.keys())"
        shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert shown.stdout == "set()\n"

    def test_its_public_names_can_be_had(self):
        assert all(hasattr(smtune.emulator, name) for name in smtune.emulator.__all__)
        assert not hasattr(smtune.emulator, "nothing")

    @pytest.mark.parametrize(("missing", "serve"), [("moto", False), ("flask", True), ("flask_cors", True)])
    def test_without_moto_it_says_what_to_install(self, monkeypatch, missing, serve):
        hidden = "smtune.emulator.emulation.find_spec"
        monkeypatch.setattr(hidden, lambda name: None if name == missing else find_spec(name))
        with pytest.raises(MissingExtraError, match=r'pip install "smtune\[emulator\]"'), emulate(serve=serve):
            pass

    def test_it_is_a_decorator_and_can_be_repeated(self):
        @emulate()
        def count():
            start(boto3.client("sagemaker"), "churn")
            return len(boto3.client("sagemaker").search(Resource="TrainingJob")["Results"])

        assert [count(), count()] == [1, 1]

    def test_nested_ones_share_their_state(self, emulator, services):
        start(boto3.client("sagemaker"), "churn")
        with emulate() as inner:
            assert inner == emulator
            boto3.client("sagemaker").describe_training_job(TrainingJobName="churn")
        boto3.client("sagemaker").describe_training_job(TrainingJobName="churn")
        assert len(services) == 1

    def test_nested_ones_cannot_differ_in_their_settings(self, emulator):
        with pytest.raises(RuntimeError, match="with other settings"), emulate(Settings(slots=7)):
            pass
        boto3.client("sagemaker").list_models()

    def test_the_variables_are_as_before(self, monkeypatch):
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        before = dict(os.environ)
        with emulate() as emulator:
            assert emulator.region == "eu-west-1"
        assert dict(os.environ) == before

    @pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"])
    def test_what_was_configured_for_aws_does_not_matter(self, monkeypatch, name):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        with emulate():
            assert boto3.client("s3").list_buckets()["Buckets"]

    def test_what_runs_at_its_end_is_killed(self, services):
        with emulate():
            start(boto3.client("sagemaker"), "sleep")
        (service,) = services
        assert service.processes[0].returncode == -9
        assert service.is_closed

    def test_a_reset_in_between_kills_what_runs(self, emulator, services):
        start(boto3.client("sagemaker"), "sleep")
        status, _ = post("http://motoapi.amazonaws.com/moto-api/reset", "", b"")
        assert status == 200
        assert services[0].processes[0].wait() == -9
        with pytest.raises(ClientError, match="not found"):
            boto3.client("sagemaker").describe_training_job(TrainingJobName="sleep")
        assert len(services) == 2

    def test_one_that_listens_serves_the_same_state(self, services):
        with emulate(serve=True) as emulator:
            start(boto3.client("sagemaker"), "churn")
            client("sagemaker", emulator).describe_training_job(TrainingJobName="churn")
            environment = services[0].settings.environment
        assert environment["AWS_ENDPOINT_URL"] == emulator.url
        assert environment["AWS_ACCESS_KEY_ID"] == "test"

    def test_many_threads_are_served(self, emulator):
        assert hammer(boto3.client, emulator.bucket, seconds=2.0) == []


class TestWithoutEmulator:
    """The other tests have one in place from start to end."""

    @pytest.fixture
    def services(self):
        """None."""

    def test_moto_is_left_as_it_was(self):
        from smtune.emulator.moto_plugin.install import install, uninstall
        from tests.emulator.small_service import OPERATIONS, SmallService

        before = (BotocoreStubber.process_request, vars(IamResponse).copy(), sagemaker_backends.backend)
        with mock_aws():
            sagemaker = boto3.client("sagemaker", region_name="us-east-1")
            sagemaker.create_model(ModelName="mine", ExecutionRoleArn="arn:aws:iam::123456789012:role/Mine")
            install(service_factory=SmallService, operations=OPERATIONS)
            assert sagemaker.list_models()["Models"] == []
            start(sagemaker, "churn")
            uninstall()
            assert [one["ModelName"] for one in sagemaker.list_models()["Models"]] == ["mine"]
            assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
        after = (BotocoreStubber.process_request, vars(IamResponse).copy(), sagemaker_backends.backend)
        assert after == before
        assert sagemaker_backends.backend is SageMakerModelBackend


class TestFixtures:
    def test_pytest_has_them(self, tmp_path):
        (tmp_path / "test_mine.py").write_text(
            textwrap.dedent("""
                import boto3
                import pytest
                from smtune.emulator import Settings
                from smtune.emulator.moto_plugin.install import install, uninstall
                from tests.emulator.small_service import ALL, OPERATIONS, SmallService

                @pytest.fixture(autouse=True, scope="module")
                def services():
                    install(Settings(slots=1), service_factory=SmallService, operations=OPERATIONS)
                    yield
                    uninstall()

                @pytest.fixture
                def sagemaker_emulator_settings():
                    return Settings(slots=1)

                @pytest.mark.parametrize("_", range(2))
                def test_in_process(sagemaker_emulator, _):
                    assert sagemaker_emulator.url.startswith("http://127.0.0.1:")
                    assert boto3.client("sagemaker").search(Resource="TrainingJob")["Results"] == []
                    start(sagemaker_emulator)

                @pytest.mark.parametrize("_", range(2))
                def test_over_http(sagemaker_emulator_server, _):
                    sagemaker = boto3.client("sagemaker")
                    assert sagemaker.meta.endpoint_url == sagemaker_emulator_server.url
                    assert sagemaker.search(Resource="TrainingJob")["Results"] == []
                    start(sagemaker_emulator_server)

                def start(emulator):
                    boto3.client("sagemaker").create_training_job(
                        TrainingJobName="churn", RoleArn=emulator.role,
                        AlgorithmSpecification={"TrainingImage": "mine", "TrainingInputMode": "File"},
                        OutputDataConfig={"S3OutputPath": f"s3://{emulator.bucket}/out"},
                        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                        StoppingCondition={"MaxRuntimeInSeconds": 60},
                    )
                """)
        )
        command = [sys.executable, "-m", "pytest", "-q", "-p", "smtune.emulator.fixtures", "-p", "no:cacheprovider"]
        variables = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
        run = subprocess.run(
            [*command, str(tmp_path)], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout
        assert "4 passed" in run.stdout


def client(service, emulator):
    """Return a client of the emulator's address, or of this process."""
    url = {} if emulator.url is None else {"endpoint_url": emulator.url}
    ignore = os.environ.pop("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", None)
    try:
        return boto3.client(service, **url)
    finally:
        if ignore is not None:
            os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = ignore


def skip_unless_understood(cloudwatch):
    """Older versions of moto do not know the protocol in which newer ones of boto3 talk to CloudWatch."""
    try:
        cloudwatch.get_metric_statistics(
            Namespace="none", MetricName="none", StartTime=0, EndTime=60, Period=60, Statistics=["Sum"]
        )
    except (ClientError, TypeError) as error:
        pytest.skip(f"this moto does not understand this boto3: {type(error).__name__}")


def start(sagemaker, name):
    return sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn="arn:aws:iam::123456789012:role/SageMaker",
        AlgorithmSpecification={"TrainingImage": "mine", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


def post(url, target, body, region="us-east-1"):
    """Send something, whatever it is, and return the status and the answer."""
    import requests

    credential = f"Credential=test/20260101/{region}/sagemaker/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": target,
    }
    answer = requests.post(url, data=body, headers=headers, timeout=60)
    return answer.status_code, answer.json()
