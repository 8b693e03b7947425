import json

import pytest

from smtune.amt.images import image_uri
from smtune.backends.aws import Account
from smtune.backends.aws.checks import check_account

ACCOUNT = "123456789012"
MANAGED = image_uri("xgboost:1.7-1", "eu-west-1")
OWN = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/trainer:7"
TYPE = "ml.m5.xlarge"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


class Response:
    content = b""

    def __init__(self, status):
        self.status_code = status


def answer(account, service, operation, result, *, client=None):
    """Let a service of AWS that moto lacks answer; a text is the code of a refusal."""
    if isinstance(result, str):
        result = {"Error": {"Code": result, "Message": "hunter2"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    calls = []

    def respond(params, **_):
        calls.append(params)
        return Response(400 if "Error" in result else 200), result

    events = account.client(client or service).meta.events
    events.register(f"before-call.{service}.{operation}", respond)
    return calls


def quotas(*values):
    listed = [{"QuotaName": f"{TYPE} for training job usage", "Value": value} for value in values]
    return {"Quotas": listed}


def decisions(*names):
    actions = ("s3:GetObject", "s3:PutObject")
    results = [{"EvalActionName": a, "EvalDecision": d} for a, d in zip(actions, names, strict=False)]
    return {"EvaluationResults": results}


@pytest.fixture
def role(account):
    return create_role(account, "sagemaker", [TRUST])


def create_role(account, name, statements, path="/"):
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    made = account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy, Path=path)
    return made["Role"]["Arn"]


@pytest.fixture
def bucket(account):
    where = {"LocationConstraint": account.region}
    account.client("s3").create_bucket(Bucket="our-bucket", CreateBucketConfiguration=where)
    return "our-bucket"


def check(account, **wanted):
    return check_account(account, **{"role": None, "bucket": None, "image": None, "instances": {}, **wanted})


def problem_of(account, **wanted):
    (problem,), _ = check(account, **wanted)
    return problem


def test_an_account_that_has_everything_has_no_problem(account, role, bucket):
    simulated = answer(account, "iam", "SimulatePrincipalPolicy", decisions("allowed", "allowed"))
    answer(account, "service-quotas", "ListServiceQuotas", quotas(4.0))
    assert check(account, role=role, bucket=bucket, image=MANAGED, instances={TYPE: 4}) == ([], [])
    assert len(simulated) == 2


def test_nothing_is_sent_without_credentials():
    account = Account(region="eu-west-1", endpoint_url="http://127.0.0.1:1")
    problems, unchecked = check(account, role="no", bucket="b", image="i", instances={TYPE: 1})
    assert (problems, unchecked) == ([], ["role, bucket, image, quota: there are no AWS credentials"])
    assert account._clients == {}


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_credentials_that_are_not_valid_are_told_once(account, code):
    answer(account, "sts", "GetCallerIdentity", code)
    problems, (reason,) = check(account, role="no", bucket="b", image="i", instances={TYPE: 1})
    assert problems == []
    assert reason.startswith("role, bucket, image, quota: the AWS credentials ")
    assert "hunter2" not in reason


# --- role ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ("sagemaker", "is no ARN of a role"),
        ("arn:aws:iam::210987654321:role/sagemaker", "is a role of account 210987654321"),
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", "does not exist"),
    ],
)
def test_a_role_that_cannot_be_used_is_told(account, given, rule):
    problem = problem_of(account, role=given)
    assert (problem.field, problem.value) == ("role", given)
    assert rule in problem.rule


def test_a_role_in_another_path_is_offered(account):
    real = create_role(account, "sagemaker", [TRUST], path="/service-role/")
    assert problem_of(account, role=f"arn:aws:iam::{ACCOUNT}:role/sagemaker").fix == f"did you mean {real}?"


@pytest.mark.parametrize(
    ("statement", "trusted"),
    [
        (TRUST, True),
        ({**TRUST, "Principal": {"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]}}, True),
        ({**TRUST, "Action": ["sts:AssumeRole", "sts:TagSession"]}, True),
        ({**TRUST, "Principal": "*"}, True),
        ({**TRUST, "Principal": {"Service": "ec2.amazonaws.com"}}, False),
        ({**TRUST, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, False),
        ({**TRUST, "Effect": "Deny"}, False),
        ({**TRUST, "Action": "sts:TagSession"}, False),
    ],
)
def test_sagemaker_must_be_able_to_assume_the_role(account, statement, trusted):
    role = create_role(account, "sagemaker", [statement])
    problems, unchecked = check(account, role=role)
    assert unchecked == []
    assert [problem.rule == "cannot be assumed by SageMaker" for problem in problems] == ([] if trusted else [True])


def test_a_denied_permission_is_a_problem_and_a_missing_one_is_not_known(account, role):
    answer(account, "iam", "SimulatePrincipalPolicy", decisions("explicitDeny", "implicitDeny"))
    problems, unchecked = check(account, role=role, bucket=None, image=OWN)
    resource = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/trainer"
    assert [problem.rule for problem in problems if problem.field == "role"] == [
        f"is denied s3:GetObject on {resource}"
    ]
    assert (
        f"role: its own policies do not allow s3:PutObject on {resource}; only that resource's policy could"
        in unchecked
    )


@pytest.mark.parametrize("operation", ["GetRole", "SimulatePrincipalPolicy"])
def test_what_may_not_be_looked_at_is_no_problem(account, role, bucket, operation):
    answer(account, "iam", operation, "AccessDenied")
    problems, unchecked = check(account, role=role, bucket=bucket)
    assert problems == []
    assert unchecked == [f"role: these AWS credentials are not authorised; allow iam:{operation}"]


# --- bucket -------------------------------------------------------------------------------------------------------


def test_a_bucket_must_exist_where_the_job_runs(account, bucket):
    assert check(account, bucket=bucket) == ([], [])
    assert problem_of(account, bucket="no-bucket").rule == "does not exist"
    assert problem_of(Account(region="us-west-2"), bucket=bucket).rule.startswith(
        "is in eu-west-1, but the job runs in"
    )


def test_a_bucket_that_may_not_be_looked_at_is_no_problem(account, bucket):
    answer(account, "s3", "HeadBucket", "403")
    assert check(account, bucket=bucket) == (
        [],
        ["bucket: these AWS credentials are not authorised; allow s3:ListBucket"],
    )


# --- image --------------------------------------------------------------------------------------------------------


def test_images_of_aws_are_there(account):
    assert check(account, image=MANAGED) == ([], [])


@pytest.mark.parametrize(
    ("image", "which"),
    [
        (OWN, {"imageTag": "7"}),
        (OWN.removesuffix(":7"), {"imageTag": "latest"}),
        (f"{OWN}@sha256:{'0' * 64}", {"imageDigest": f"sha256:{'0' * 64}"}),
    ],
)
def test_an_image_of_ones_own_is_looked_up(account, image, which):
    calls = answer(account, "ecr", "DescribeImages", {"imageDetails": []})
    assert check(account, image=image) == ([], [])
    (call,) = calls
    assert json.loads(call["body"]) == {
        "registryId": ACCOUNT,
        "repositoryName": "team/trainer",
        "imageIds": [which],
    }


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("RepositoryNotFoundException", "there is no repository team/trainer"),
        ("ImageNotFoundException", "is not in its repository"),
    ],
)
def test_an_image_that_is_not_there_is_told(account, code, rule):
    answer(account, "ecr", "DescribeImages", code)
    assert problem_of(account, image=OWN).rule == rule


def test_an_image_in_another_region_is_told(account):
    assert "is in us-east-1" in problem_of(account, image=image_uri("xgboost:1.7-1", "us-east-1")).rule


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (OWN.replace(ACCOUNT, "210987654321"), "image: it is in the repository of another account, 210987654321"),
        ("docker.io/team/trainer:7", "image: it is not in Amazon's Elastic Container Registry"),
    ],
)
def test_an_image_of_somebody_else_cannot_be_checked(account, image, reason):
    assert check(account, image=image) == ([], [reason])


# --- quota --------------------------------------------------------------------------------------------------------


def test_a_quota_that_is_too_small_is_told(account):
    answer(account, "service-quotas", "ListServiceQuotas", quotas(3.0))
    problem = problem_of(account, instances={TYPE: 4})
    assert (problem.field, problem.value) == ("instance_type", TYPE)
    assert problem.rule == f"4 would run at a time; the quota '{TYPE} for training job usage' is 3"
    assert problem.source.startswith("https://")


def test_spot_instances_have_quotas_of_their_own(account):
    answer(account, "service-quotas", "ListServiceQuotas", quotas(3.0))
    problems, (reason,) = check(account, instances={TYPE: 1}, spot=True)
    assert problems == []
    assert f"'{TYPE} for spot training job usage'" in reason


def test_quotas_are_read_as_far_as_they_are_wanted(account):
    pages = [{"Quotas": [], "NextToken": "1"}, {**quotas(9.0), "NextToken": "2"}]
    asked = []

    def respond(**_):
        asked.append(1)
        return Response(200), pages[len(asked) - 1]

    account.client("service-quotas").meta.events.register("before-call.service-quotas.ListServiceQuotas", respond)
    assert check(account, instances={TYPE: 9}) == ([], [])
    assert len(asked) == 2


def test_quotas_that_may_not_be_read_are_no_problem(account):
    answer(account, "service-quotas", "ListServiceQuotas", "AccessDeniedException")
    problems, (reason,) = check(account, instances={TYPE: 9})
    assert problems == []
    assert reason == "quota: these AWS credentials are not authorised; allow servicequotas:ListServiceQuotas"
