"""What only the AWS account knows of a job on SageMaker: whether role, buckets, image, quota and parents are there.

Reads only, and starts nothing. Whatever could not be asked is listed, with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from smtune.backends.amt_plan import planned_bucket
from smtune.backends.amt_submit import check_parents
from smtune.backends.aws.checks import check_account
from smtune.backends.aws.session import Account
from smtune.backends.aws.storage import Bucket, bucket_region, other_region
from smtune.backends.base import Plan
from smtune.errors import AwsError, MissingExtraError, Problem, SpecError
from smtune.spec import SageMaker, TuningSpec

_ACCOUNT_FIELDS = {
    "role": "sagemaker.role",
    "bucket": "sagemaker.bucket",
    "image": "sagemaker.image",
    "instance_type": "sagemaker.instance_type",
}
"""Fields of the account's checks to keys of a spec."""

_S3 = "s3://"
_NO_CREDENTIALS = "as no AWS credentials were found: sign in, or name a --profile"

_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """Which account is asked, and where; as of :class:`smtune.backends.aws.session.Account`."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


def ask_account(
    spec: TuningSpec, plan: Plan | None, options: AccountOptions, *, wanted: bool | None
) -> tuple[list[Problem], list[str]]:
    """Ask the account for what a job needs of it.

    Args:
        spec: What to tune.
        plan: What would be submitted; ``None`` if that is not known.
        options: Which account.
        wanted: Whether to ask; ``None`` if there seem to be credentials.

    Returns:
        Problems, and sentences about what could not be asked.
    """
    questions = ", ".join(("role", "bucket", "image", "quota", *_further_questions(spec)))
    reason = _reason_not_to_ask(options, wanted=wanted)
    if reason is not None:
        return [], [f"{questions}: an AWS account was not asked, {reason}"]
    if plan is None:
        return [], [f"{questions}: they are asked for once the problems above are mended"]
    try:
        account = _account(plan, options)
    except (MissingExtraError, AwsError) as error:
        return [], [f"{questions}: {error}"]
    except SpecError as error:
        return [replace(one, field=f"sagemaker.{one.field}") for one in error.problems], []
    if account is None:
        return [], [f"{questions}: an AWS account was not asked, {_NO_CREDENTIALS}"]
    problems, unchecked = _ask_for_needs(account, plan)
    for finding in (*_ask_for_parents(account, plan.spec), *_ask_for_buckets(account, plan.spec)):
        if isinstance(finding, Problem):
            problems.append(finding)
        else:
            unchecked.append(finding)
    return problems, unchecked


def _reason_not_to_ask(options: AccountOptions, *, wanted: bool | None) -> str | None:
    if wanted is False:
        return "as --no-account says"
    return _NO_CREDENTIALS if wanted is None and not _seem_to_be_credentials(options) else None


def _account(plan: Plan, options: AccountOptions) -> Account | None:
    """Return the account, or ``None`` without credentials."""
    account = Account(options.profile, plan.region, options.endpoint_url)
    return account if account.has_credentials() else None


def _further_questions(spec: TuningSpec) -> Iterator[str]:
    if spec.warm_start is not None:
        yield "warm_start.parents"
    yield from _addresses(spec)


def _ask_for_needs(account: Account, plan: Plan) -> tuple[list[Problem], list[str]]:
    """Ask for role, bucket, image and quota."""
    cloud = plan.spec.sagemaker or SageMaker()
    instances: dict[str, int] = {}
    for choice in cloud.choices:
        instances[choice.type] = max(instances.get(choice.type, 0), choice.count * plan.spec.limits.max_parallel)
    definition = plan.request.get("TrainingJobDefinition") or plan.request["TrainingJobDefinitions"][0]
    problems, unchecked = check_account(
        account,
        role=cloud.role,
        bucket=planned_bucket(cloud).name,
        image=definition["AlgorithmSpecification"].get("TrainingImage"),
        instances=instances,
        spot=cloud.spot,
    )
    mine = {"bucket"} if cloud.bucket is None else set()  # the default bucket is made where it is missing
    return [
        replace(one, field=_ACCOUNT_FIELDS.get(one.field, one.field))
        for one in problems
        if not (one.field in mine and one.rule == "does not exist")
    ], unchecked


def _ask_for_parents(account: Account, spec: TuningSpec) -> Iterator[Problem | str]:
    try:
        check_parents(account.client("sagemaker"), spec)
    except SpecError as error:
        yield from error.problems
    except AwsError as error:
        yield f"warm_start.parents: {error.rule}; {error.fix}"


def _ask_for_buckets(account: Account, spec: TuningSpec) -> Iterator[Problem | str]:
    """Ask for the buckets of what lies in S3, each once; the job's own was asked for already."""
    asked = {planned_bucket(spec.sagemaker or SageMaker()).name}
    for field, address in _addresses(spec).items():
        name = address.removeprefix(_S3).partition("/")[0]
        if name in asked:
            continue
        asked.add(name)
        try:
            found = bucket_region(Bucket(account.client("s3"), name))
        except AwsError as error:
            yield f"{field}: {error.what}: {error.rule}; {error.fix}"
            continue
        if found is None:
            yield Problem(field, address, f"there is no bucket {name}", "correct it, or create it")
        elif found != account.region:
            yield replace(other_region(name, found, account.region), field=field)


def _addresses(spec: TuningSpec) -> dict[str, str]:
    """Return what of a spec is in S3, by its key."""
    given: dict[str, str | None] = {}
    blocks = {"": spec} | {f"definitions.{name}.": one for name, one in (spec.definitions or {}).items()}
    for prefix, block in blocks.items():
        if block.training is not None:
            given |= {f"{prefix}training.channels.{name}": one.source for name, one in block.training.channels.items()}
            given |= {f"{prefix}training.{key}": getattr(block.training, key) for key in ("source_dir", "output")}
        if block.sagemaker is not None:
            given[f"{prefix}sagemaker.checkpoints"] = block.sagemaker.checkpoints
    return {key: address for key, address in given.items() if address is not None and address.startswith(_S3)}


def _seem_to_be_credentials(options: AccountOptions) -> bool:
    """Return whether it is worth asking: finding out for sure may take seconds where there are none."""
    if options.profile is not None or any(os.environ.get(name) for name in _CREDENTIALS):
        return True
    files: Mapping[str, str] = {
        "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
        "AWS_CONFIG_FILE": "~/.aws/config",
    }
    return any(Path(os.environ.get(name, usual)).expanduser().is_file() for name, usual in files.items())
