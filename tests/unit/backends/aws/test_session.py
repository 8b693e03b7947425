import subprocess
import sys
import traceback

import pytest

from smtune.backends.aws import Account
from smtune.errors import AwsError, SpecError

ROLE = "arn:aws:iam::210987654321:role/service-role/AmazonSageMaker-ExecutionRole-20250625T205217"


def problem_of(**settings):
    with pytest.raises(SpecError) as caught:
        Account(**settings)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_regions_of_every_partition_are_known(region):
    assert Account(region=region).region == region


@pytest.mark.parametrize(
    ("region", "rule", "fix"),
    [
        (None, "no AWS region is set", "AWS_DEFAULT_REGION"),
        ("eu-wset-1", "is no AWS region", "did you mean 'eu-west-1'?"),
        ("nowhere", "is no AWS region", "eu-west-1"),
        ("aws-global", "is no AWS region", ""),
    ],
)
def test_a_region_that_is_none_is_told_before_anything_is_sent(region, rule, fix):
    problem = problem_of(region=region)
    assert problem.field == "region"
    assert problem.rule == rule
    assert fix in problem.fix


def test_the_region_comes_from_the_profile_unless_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[profile work]\nregion = sa-east-1\n")
    assert Account(profile="work").region == "sa-east-1"
    assert Account(profile="work", region="eu-west-1").region == "eu-west-1"
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert Account().region == "sa-east-1"


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_profile_that_does_not_exist_is_told_with_the_nearest(tmp_path, monkeypatch, by_variable):
    (tmp_path / "config").write_text("[profile work]\nregion = sa-east-1\n")
    if by_variable:
        monkeypatch.setenv("AWS_PROFILE", "wrok")
    problem = problem_of() if by_variable else problem_of(profile="wrok", region="eu-west-1")
    assert (problem.field, problem.value) == ("profile", "wrok")
    assert problem.fix == "did you mean 'work'?"


@pytest.mark.parametrize("url", ["localhost:5000", "ftp://127.0.0.1", "http://user:hunter2@host:port", "http://"])
def test_an_endpoint_that_is_no_address_is_told_without_its_password(url):
    problem = problem_of(region="eu-west-1", endpoint_url=url)
    assert problem.field == "endpoint_url"
    assert "hunter2" not in str(problem)


def test_an_endpoint_of_the_environment_that_is_no_address_is_told_without_its_password(credentials, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "user:hunter2@nowhere")
    with pytest.raises(AwsError, match="no address") as caught:
        Account().client("sagemaker")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_clients_are_made_once_for_each_region(credentials):
    account = Account()
    assert account.client("s3") is account.client("s3")
    assert account.client("pricing", region="us-east-1").meta.region_name == "us-east-1"
    assert account.client("s3").meta.region_name == account.region


def test_the_endpoint_holds_for_every_service(credentials, monkeypatch):
    account = Account(endpoint_url="http://127.0.0.1:5000")
    assert {account.client(name).meta.endpoint_url for name in ("sts", "s3", "logs")} == {"http://127.0.0.1:5000"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:6000")
    assert Account().client("sts").meta.endpoint_url == "http://127.0.0.1:6000"


def test_the_number_of_attempts_is_the_users_where_it_is_set(credentials, monkeypatch):
    assert Account().client("s3").meta.config.retries == {"mode": "adaptive", "total_max_attempts": 8}
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    assert Account().client("s3").meta.config.retries["total_max_attempts"] == 2


def test_whether_there_are_credentials(monkeypatch):
    assert not Account(region="eu-west-1").has_credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    assert Account(region="eu-west-1").has_credentials()


def test_the_account_is_asked_of_sts_once(account):
    asked = []
    account.client("sts").meta.events.register("before-call.sts.GetCallerIdentity", lambda **_: asked.append(1))
    assert [account.account_id(ROLE), account.account_id()] == ["123456789012"] * 2
    assert asked == [1]


def test_the_role_tells_the_account_where_sts_cannot_be_reached(credentials, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    account = Account(endpoint_url="http://user:hunter2@127.0.0.1:1")
    assert account.account_id(ROLE) == "210987654321"
    with pytest.raises(AwsError, match="STS cannot be reached") as caught:
        account.account_id()
    assert caught.value.transient
    assert "hunter2" not in str(caught.value)


def test_a_role_is_not_believed_without_credentials():
    with pytest.raises(AwsError, match="there are no AWS credentials"):
        Account(region="eu-west-1").account_id(ROLE)


WITHOUT_BOTO3 = """
import sys
sys.modules["boto3"] = None  # what Python makes of a package that is not there
from smtune.backends.aws import Account
from smtune.errors import MissingExtraError
try:
    Account(region="nowhere")
except MissingExtraError as error:
    print(error)
"""


def test_boto3_is_asked_for_first():
    done = subprocess.run([sys.executable, "-c", WITHOUT_BOTO3], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'a job on AWS needs an optional package: pip install "smtune[aws]"'
