"""How a planned tuning job comes to be on SageMaker: its parents are asked for, files are uploaded, it is created.

In this order, so that nothing is uploaded for a job that SageMaker would refuse, and none is created without its files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smtune.amt import request_of
from smtune.amt.patches import canonical
from smtune.backends.amt_plan import CODE, pack_code, planned_bucket
from smtune.backends.aws.session import Account
from smtune.backends.aws.storage import ensure_bucket, upload_file, upload_folder
from smtune.backends.aws.troubles import explained
from smtune.backends.base import Plan, Upload
from smtune.backends.tuning_jobs import ENDED, describe
from smtune.errors import AwsError, JobExistsError, JobNotFoundError, Problem, SpecError
from smtune.spec import AMT_PREFIX, SageMaker, Training, TuningSpec


def check_parents(client: Any, spec: TuningSpec) -> None:
    """Ask for the parents of a warm start, since SageMaker would say only that one of them is wrong.

    Args:
        client: boto3's client of SageMaker.
        spec: The spec of the job.

    Raises:
        SpecError: One is not there, has not ended, or has another objective.
        AwsError: SageMaker refuses, or cannot be reached.
    """
    problems = []
    for place, parent in enumerate(spec.warm_start.parents if spec.warm_start is not None else ()):
        name = parent.rpartition("/")[2].removeprefix(AMT_PREFIX)
        field = f"warm_start.parents[{place}]"
        try:
            description = describe(client, name)
        except JobNotFoundError as error:
            problems.append(Problem(field, parent, str(error).partition("; ")[0], "name a tuning job of this account"))
            continue
        status = description["HyperParameterTuningJobStatus"]
        objective = description["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
        wanted = {"Type": spec.objective.goal.value, "MetricName": spec.objective.metric}
        if status not in ENDED:
            problems.append(Problem(field, parent, f"has not ended: it is {status}", "wait for it, or stop it"))
        elif objective != wanted:
            rule = "has another objective, or several"
            problems.append(
                Problem(field, parent, rule, f"name a job that has {wanted['Type']} {wanted['MetricName']}")
            )
    if problems:
        raise SpecError(problems)


def upload(plan: Plan, account: Account) -> None:
    """Send what a plan needs elsewhere, unless it is there; make the default bucket if the job needs it.

    Raises:
        SpecError: Something was changed since it was planned, or the bucket cannot be used.
        AwsError: S3 refuses, or cannot be reached.
    """
    cloud = plan.spec.sagemaker or SageMaker()
    bucket = planned_bucket(cloud, account.client("s3"))
    if not plan.uploads and (cloud.bucket is not None or not _writes_to(bucket.uri(""), plan.request)):
        return  # it need not be there, or is for SageMaker's role alone to see
    try:
        ensure_bucket(bucket, account.region, create=cloud.bucket is None)
    except SpecError as error:
        raise SpecError(problem.under("sagemaker") for problem in error.problems) from None
    for one in plan.uploads:
        path = Path(one.path)
        if one.kind == CODE:
            with tempfile.TemporaryDirectory(prefix="smtune-code-") as folder:
                archive = pack_code(_training_of(plan.spec, one), Path(folder)).path
                uri = upload_file(bucket, one.kind, archive)
        else:
            uri = (upload_folder if path.is_dir() else upload_file)(bucket, one.kind, path)
        if uri != one.uri:
            field = "training.source_dir" if one.kind == CODE else f"training.channels.{one.kind}"
            raise SpecError([Problem(field, one.path, "was changed since the job was planned", "plan it again")])


def create(client: Any, plan: Plan) -> str | None:
    """Create a tuning job; one that is there and is the same is adopted.

    Returns:
        SageMaker's word for the status in which it was found; ``None`` if it is new.

    Raises:
        JobExistsError: There is another one of this name.
        AwsError: SageMaker refuses, or cannot be reached.
    """
    try:
        with explained(
            plan.name, service="SageMaker", actions="sagemaker:CreateHyperParameterTuningJob and iam:PassRole"
        ):
            client.create_hyper_parameter_tuning_job(**plan.request)
    except AwsError as error:
        if error.code != "ResourceInUse":
            raise
    else:
        return None
    description = describe(client, plan.name)
    there = request_of(description)
    asked = {key: value for key, value in plan.request.items() if key != "Tags"}  # a description leaves them out
    if not _is_part(canonical(asked), canonical(there)):
        where = f"of this account in {client.meta.region_name}"
        raise JobExistsError(f'there is another tuning job "{plan.name}" {where}; take another name')
    return str(description["HyperParameterTuningJobStatus"])


def _is_part(asked: Any, there: Any) -> bool:
    """Return whether all that was asked for is there; the service adds what nobody asked for."""
    if isinstance(asked, Mapping):
        return isinstance(there, Mapping) and all(
            key in there and _is_part(one, there[key]) for key, one in asked.items()
        )
    if isinstance(asked, list):
        return (
            isinstance(there, list)
            and len(asked) == len(there)
            and all(_is_part(one, other) for one, other in zip(asked, there, strict=True))
        )
    return bool(asked == there)


def _writes_to(start: str, request: Mapping[str, Any]) -> bool:
    """Return whether the training jobs of a request write below an address."""
    definitions = request.get("TrainingJobDefinitions") or [request["TrainingJobDefinition"]]
    return any(one["OutputDataConfig"]["S3OutputPath"].startswith(start) for one in definitions)


def _training_of(spec: TuningSpec, upload: Upload) -> Training:
    trainings = [spec.training, *(one.training for one in (spec.definitions or {}).values())]
    return next(one for one in trainings if one is not None and one.source_dir == upload.path)
