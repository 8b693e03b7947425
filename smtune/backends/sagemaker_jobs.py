"""Reads tuning jobs from SageMaker, for a warm start; needs boto3, an account, and a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smtune.backends.aws.troubles import explained
from smtune.errors import AwsError, Problem, SpecError

_PAGE = 100
"""As many training jobs as SageMaker returns at a time."""

_IAM_ACTIONS = "sagemaker:DescribeHyperParameterTuningJob and sagemaker:ListTrainingJobsForHyperParameterTuningJob"

_OF_JOBS: Mapping[str, tuple[str, str]] = {
    "NoRegionError": ("names no AWS region", "write the job's ARN, or set AWS_DEFAULT_REGION"),
    "ResourceNotFound": (
        "is no tuning job of this account in this region",
        "check the name, the region and AWS_PROFILE",
    ),
}
"""What some errors mean for a job that was named; code to rule and fix."""


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
    try:
        with explained(given, service="SageMaker", actions=_IAM_ACTIONS):
            return _fetch(name, region, arn, given)
    except AwsError as error:
        rule, fix = _OF_JOBS.get(error.code, (f"cannot be read: {error.rule}", error.fix))
        raise SpecError([Problem("", given, rule, fix)]) from None


def _fetch(
    name: str, region: str | None, arn: str | None, given: str
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
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
