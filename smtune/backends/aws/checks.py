"""Whether an account has what a tuning job needs: a role, a bucket, an image, a quota. Reads only, and starts nothing.

What cannot be seen is not a problem: these credentials may be allowed to start a job without being allowed to look at
roles. It is listed instead, with the reason. Not supported: conditions of trust policies, the policies of buckets,
repositories and keys, endpoints of the VPC, and what other jobs take of a quota right now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from smtune.amt.images import is_managed, parse_ecr
from smtune.backends.aws.session import ROLE_ARN, Account
from smtune.backends.aws.storage import Bucket, bucket_region, other_region
from smtune.backends.aws.troubles import explained
from smtune.errors import AwsError, Problem, SpecError

_SERVICE: Final = "sagemaker.amazonaws.com"
_QUOTAS: Final = "https://docs.aws.amazon.com/general/latest/gr/sagemaker.html"

Finding = Problem | str
"""A problem, or what could not be checked and why."""


def check_account(
    account: Account,
    *,
    role: str | None,
    bucket: str | None,
    image: str | None,
    instances: Mapping[str, int],
    spot: bool = False,
) -> tuple[list[Problem], list[str]]:
    """Check what a tuning job needs of an account; without credentials, nothing is sent.

    Args:
        account: Who would start the job, and where.
        role: ARN of the role of the training jobs.
        bucket: Name of the bucket for code, data and results.
        image: Address of the training image.
        instances: Instance type to how many of it run at a time: instances per training job times parallel training jobs.
        spot: Whether they are spot instances, which have quotas of their own.

    Returns:
        Problems, with the fields ``role``, ``bucket``, ``image`` and ``instance_type``; and sentences about what could not
        be checked.
    """
    given = {"role": role, "bucket": bucket, "image": image, "quota": instances}
    wanted = [name for name, value in given.items() if value]
    try:
        if not account.has_credentials():
            return [], [f"{', '.join(wanted)}: there are no AWS credentials"]
        account_id = account.account_id(role)
    except AwsError as error:
        return [], [f"{', '.join(wanted)}: {error.rule}; {error.fix}"]
    checks: Mapping[str, Callable[[], Iterator[Finding]]] = {
        "role": lambda: _check_role(account, str(role), account_id, bucket, image),
        "bucket": lambda: _check_bucket(account, str(bucket)),
        "image": lambda: _check_image(account, str(image), account_id),
        "quota": lambda: _check_quota(account, instances, spot=spot),
    }
    problems: list[Problem] = []
    unchecked: list[str] = []
    for name in wanted:
        for finding in _findings(name, checks[name]):
            if isinstance(finding, Problem):
                problems.append(finding)
            else:
                unchecked.append(finding)
    return problems, unchecked


def _findings(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what a check finds, as far as it gets."""
    try:
        yield from check()
    except SpecError as error:
        yield from error.problems
    except AwsError as error:
        yield f"{name}: {error.rule}; {error.fix}"


def _check_role(
    account: Account, role: str, account_id: str, bucket: str | None, image: str | None
) -> Iterator[Finding]:
    parts = ROLE_ARN.fullmatch(role)
    if parts is None:
        yield Problem("role", role, "is no ARN of a role", "write e.g. arn:aws:iam::123456789012:role/sagemaker")
        return
    if parts["account"] != account_id:
        rule = f"is a role of account {parts['account']}, but the AWS credentials are of {account_id}"
        yield Problem("role", role, rule, f"name a role of account {account_id}, or change the profile")
        return
    client = account.client("iam")
    try:
        with explained("the role", service="IAM", actions="iam:GetRole"):
            found = client.get_role(RoleName=parts["name"])["Role"]
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise
        yield Problem("role", role, "does not exist", "correct it, or create it")
        return
    if found["Arn"] != role:
        yield Problem("role", role, "does not exist", f"did you mean {found['Arn']}?")
    elif not _trusts_sagemaker(found.get("AssumeRolePolicyDocument", {})):
        rule = "cannot be assumed by SageMaker"
        yield Problem("role", role, rule, f"allow sts:AssumeRole to {_SERVICE} in its trust policy")
    else:
        yield from _check_permissions(client, role, bucket, image)


def _trusts_sagemaker(policy: Mapping[str, Any]) -> bool:
    for statement in _several(policy.get("Statement")):
        actions = _several(statement.get("Action"))
        principal = statement.get("Principal", {})
        services = _several(principal.get("Service")) if isinstance(principal, Mapping) else [principal]
        allows = statement.get("Effect") == "Allow" and any(one in ("sts:AssumeRole", "sts:*", "*") for one in actions)
        if allows and any(one in (_SERVICE, "*") for one in services):
            return True
    return False


def _several(value: Any) -> list[Any]:
    """Return what policies write as one value or as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _check_permissions(client: Any, role: str, bucket: str | None, image: str | None) -> Iterator[Finding]:
    """Ask IAM what the role may do; it knows the role's policies, not those of what the role uses."""
    partition = role.split(":")[1]
    wanted: list[tuple[str, tuple[str, ...]]] = []
    if bucket:
        wanted.append((f"arn:{partition}:s3:::{bucket}", ("s3:ListBucket",)))
        wanted.append((f"arn:{partition}:s3:::{bucket}/*", ("s3:GetObject", "s3:PutObject")))
    found = parse_ecr(image) if image else None
    if found is not None and image is not None and not is_managed(image):
        repository = f"arn:{partition}:ecr:{found.region}:{found.account}:repository/{found.repository}"
        wanted.append((repository, ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")))
    for resource, actions in wanted:
        with explained("the permissions of the role", service="IAM", actions="iam:SimulatePrincipalPolicy"):
            answer = client.simulate_principal_policy(
                PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[resource]
            )
        for result in answer["EvaluationResults"]:
            action, decision = result["EvalActionName"], result["EvalDecision"]
            if decision == "explicitDeny":
                fix = "change the policy that denies it"
                yield Problem("role", role, f"is denied {action} on {resource}", fix)
            elif decision != "allowed":
                yield f"role: its own policies do not allow {action} on {resource}; only that resource's policy could"


def _check_bucket(account: Account, name: str) -> Iterator[Finding]:
    found = bucket_region(Bucket(account.client("s3"), name))
    if found is None:
        yield Problem("bucket", name, "does not exist", "correct it, or create it")
    elif found != account.region:
        yield other_region(name, found, account.region)


def _check_image(account: Account, image: str, account_id: str) -> Iterator[Finding]:
    found = parse_ecr(image)
    if found is None:
        yield "image: it is not in Amazon's Elastic Container Registry"
        return
    if found.region != account.region:
        rule = f"is in {found.region}, but the job runs in {account.region}"
        yield Problem("image", image, rule, f"copy it to a repository in {account.region}")
        return
    if is_managed(image):
        return
    if found.account != account_id:
        yield f"image: it is in the repository of another account, {found.account}"
        return
    which = {"imageDigest": found.digest} if found.digest else {"imageTag": found.tag or "latest"}
    try:
        with explained("the image", service="ECR", actions="ecr:DescribeImages"):
            account.client("ecr").describe_images(
                registryId=found.account, repositoryName=found.repository, imageIds=[which]
            )
    except AwsError as error:
        if error.code == "RepositoryNotFoundException":
            yield Problem("image", image, f"there is no repository {found.repository}", "correct it, or create it")
        elif error.code == "ImageNotFoundException":
            yield Problem("image", image, "is not in its repository", "push it, or correct the tag")
        else:
            raise


def _check_quota(account: Account, instances: Mapping[str, int], *, spot: bool) -> Iterator[Finding]:
    kind = "spot training job usage" if spot else "training job usage"
    wanted = {f"{instance_type} for {kind}": instance_type for instance_type in instances}
    with explained("the quotas", service="Service Quotas", actions="servicequotas:ListServiceQuotas"):
        quotas = _quotas(account.client("service-quotas"), wanted)
    for name, instance_type in wanted.items():
        count = instances[instance_type]
        if name not in quotas:
            yield f"quota: there is none of the name {name!r} in {account.region}"
        elif quotas[name] < count:
            rule = f"{count} would run at a time; the quota {name!r} is {quotas[name]:g}"
            fix = "run fewer in parallel, or ask for a higher quota"
            yield Problem("instance_type", instance_type, rule, fix, source=_QUOTAS)


def _quotas(client: Any, names: Iterable[str]) -> dict[str, float]:
    """Return the values of quotas; SageMaker has thousands, so the listing ends with the last one wanted."""
    missing = set(names)
    found: dict[str, float] = {}
    for page in client.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker"):
        for quota in page["Quotas"]:
            if quota["QuotaName"] in missing:
                missing.remove(quota["QuotaName"])
                found[quota["QuotaName"]] = quota["Value"]
        if not missing:
            break
    return found
