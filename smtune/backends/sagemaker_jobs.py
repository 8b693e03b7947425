"""Reads tuning jobs from SageMaker; the only thing here that needs boto3, an account, and a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from smtune.errors import MissingExtraError, Problem, SpecError

_PAGE = 100
"""As many training jobs as SageMaker returns at a time."""

_IAM_ACTIONS = "sagemaker:DescribeHyperParameterTuningJob and sagemaker:ListTrainingJobsForHyperParameterTuningJob"
_SIGN_IN = "sign in again, e.g. with `aws configure` or `aws sso login`"
_NOT_VALID = ("cannot be read: the AWS credentials are not valid", _SIGN_IN)
_EXPIRED = ("cannot be read: the AWS credentials have expired", _SIGN_IN)
_REFUSALS: Mapping[str, tuple[str, str]] = {
    "ResourceNotFound": (
        "is no tuning job of this account in this region",
        "check the name, the region and AWS_PROFILE",
    ),
    "AccessDeniedException": ("cannot be read: these AWS credentials are not authorised", f"allow {_IAM_ACTIONS}"),
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "InvalidClientTokenId": _NOT_VALID,
    "InvalidSignatureException": _NOT_VALID,
    "UnrecognizedClientException": _NOT_VALID,
}
"""SageMaker's and the signing service's error codes, to rule and fix."""

_TROUBLES: Mapping[str, tuple[str, str]] = {
    "NoCredentialsError": ("cannot be read: there are no AWS credentials", _SIGN_IN),
    "PartialCredentialsError": ("cannot be read: the AWS credentials are incomplete", _SIGN_IN),
    "NoRegionError": ("names no AWS region", "write the job's ARN, or set AWS_DEFAULT_REGION"),
    "ProfileNotFound": ("cannot be read: AWS_PROFILE names no profile", "correct it, or unset it"),
    "EndpointConnectionError": ("cannot be read: SageMaker cannot be reached", "check the region and the network"),
}
"""boto3's own errors, to rule and fix."""


def require_boto3() -> None:
    """Ask for the optional package before anything is read.

    Raises:
        MissingExtraError: It is not installed.
    """
    if find_spec("boto3") is None:
        raise MissingExtraError("a warm start from a SageMaker tuning job", "aws")


def fetch_tuning_job(
    name: str, *, region: str | None, arn: str | None, given: str
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Return what SageMaker says of a tuning job and of its training jobs.

    Args:
        name: Name of the tuning job.
        region: Where it is; ``None`` for where the user's AWS configuration says.
        arn: Its ARN, if that is known: a job of this name in another account is then refused.
        given: How the user names it.

    Returns:
        The answer of ``DescribeHyperParameterTuningJob``, and all ``TrainingJobSummaries``, as boto3 reads them.

    Raises:
        SpecError: It cannot be read; says why. The field of the problem is empty.
    """
    with _explained(given):
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
        client = boto3.session.Session().client("sagemaker", region_name=region, config=config)
        description = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if arn is not None and description["HyperParameterTuningJobArn"] != arn:
            rule = "belongs to another account than the AWS credentials, which have a job of the same name"
            raise SpecError([Problem("", given, rule, "set AWS_PROFILE to a profile of its account")])
        pages = client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name, SortBy="CreationTime", PaginationConfig={"PageSize": _PAGE}
        )
        return description, [summary for page in pages for summary in page["TrainingJobSummaries"]]


@contextmanager
def _explained(job: str) -> Iterator[None]:
    """Say what went wrong by the kind of error only: boto3's texts may hold proxies' passwords or tokens."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        otherwise = (f"cannot be read: SageMaker answers {code}", "try again later, or save its training jobs as .json")
        rule, fix = _REFUSALS.get(code, otherwise)
    except BotoCoreError as error:
        kind = type(error).__name__
        otherwise = (f"cannot be read: boto3 reports {kind}", "check the AWS configuration and the network")
        rule, fix = _TROUBLES.get(kind, otherwise)
    else:
        return
    raise SpecError([Problem("", job, rule, fix)])
