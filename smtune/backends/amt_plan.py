"""What the ``amt`` backend checks, and what it will send, before anything is sent."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from smtune.amt import References, encode_request, losses, lower
from smtune.amt.fields import problem_of
from smtune.amt.limits import Severity, check_request
from smtune.backends.amt_request_cost import cap_problems, planned_trials, request_cost
from smtune.backends.aws.defaults import AccountDefaults, read_defaults
from smtune.backends.aws.packaging import Package, pack_source
from smtune.backends.aws.session import ROLE_ARN, region_problem
from smtune.backends.aws.storage import Bucket, default_bucket, file_address, folder_address, local_size
from smtune.backends.base import Plan, Upload
from smtune.backends.training_files import file_problems
from smtune.errors import LoweringError, Problem, SpecError
from smtune.pricing import STORAGE
from smtune.spec import TUNING_JOB_ARN, SageMaker, Training, TuningSpec
from smtune.store import home

CODE = "code"
"""Kind of an upload: the training code, packed."""

PREFIX = "smtune"
"""Begins the keys of all that is uploaded or written, unless somebody says otherwise."""

_JOB_NAME = "HyperParameterTuningJobName"

_CLOUD_DEFAULTS = {
    "role": "role",
    "subnets": "subnets",
    "security_groups": "security_groups",
    "network_isolation": "network_isolation",
    "encrypt_traffic": "encrypt_inter_container_traffic",
    "output_kms_key": "output_kms_key",
    "volume_kms_key": "volume_kms_key",
    "bucket": "bucket",
    "prefix": "prefix",
}
"""Keys of the ``sagemaker`` block to what SageMaker's config files call them."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is known of a job before it is sent.

    Attributes:
        plan: What would be submitted; ``None`` if there are problems.
        problems: What is wrong, all at once.
        lowering: Whether the spec itself is fine, and only this backend cannot do what it asks for.
    """

    plan: Plan | None
    problems: tuple[Problem, ...]
    lowering: bool = False


def plan_amt(
    spec: TuningSpec,
    *,
    name: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    backend: str = "amt",
) -> Plan:
    """Return the plan of a tuning job of SageMaker. Nothing is sent, and no credentials are needed.

    Args:
        spec: What to tune.
        name: Name of the job; by default the spec's own, or one made from the time.
        region: Where it runs; by default where the spec says, or the AWS configuration.
        profile: Whose AWS configuration that is; by default the usual choice.
        backend: Whose plan it is.

    Raises:
        SpecError: Everything that is wrong.
        LoweringError: The spec is fine, and SageMaker cannot do what it asks for.
    """
    found = examine(spec, name=name, region=region, profile=profile)
    if found.plan is None:
        raise (LoweringError if found.lowering else SpecError)(found.problems)
    return replace(found.plan, backend=backend)


def examine(
    spec: TuningSpec,
    *,
    name: str | None = None,
    region: str | None = None,
    profile: str | None = None,
) -> Findings:
    """Return the plan of a job, or all that keeps it from having one. Arguments as of :func:`plan_amt`."""
    defaults = read_defaults()
    named = _completed(
        spec, defaults, name, region or (spec.sagemaker or SageMaker()).region or configured_region(profile)
    )
    cloud = named.sagemaker or SageMaker()
    problems = [*_missing(cloud), *_renaming(named), *_far_parents(named), *_file_problems(named)]
    uploads, references, unfit, doubts = _placed(named, cloud)
    problems += unfit
    try:
        lowered = lower(named, references)
    except LoweringError as error:
        return Findings(None, (*problems, *error.problems), lowering=not problems)
    except SpecError as error:
        return Findings(None, (*problems, *error.problems))
    request = encode_request(lowered)
    violations = check_request(request)
    # What is missing on this machine is told in its own words, and would be told twice.
    known = {problem.field for problem in problems}
    errors = [problem_of(one, request) for one in violations if one.severity is Severity.error]
    problems += [one for one in errors if one.field not in known]
    cost = request_cost(request, named)
    problems += cap_problems(named, cost)
    if problems:
        return Findings(None, tuple(problems))
    asides = [_aside(problem_of(one, request)) for one in violations if one.severity is not Severity.error]
    plan = Plan(
        backend="amt",
        name=str(named.name),
        spec=named,
        request=request,
        trials=planned_trials(request),
        warnings=(*losses(named), *asides, *doubts, *_warnings(named)),
        schedule=tuple(_sources(spec.sagemaker or SageMaker(), defaults)),
        uploads=tuple(uploads),
        estimate=None if cost is None else cost.estimate,
        region=cloud.region,
    )
    return Findings(plan, ())


def _completed(spec: TuningSpec, defaults: AccountDefaults, name: str | None, region: str | None) -> TuningSpec:
    """Return the spec with a name, a region, and what SageMaker's config files say where it is silent."""
    cloud = spec.sagemaker or SageMaker()
    filled = _set_by_files(cloud, defaults)
    filled["tags"] = {**defaults.tags, **cloud.tags}
    filled["region"] = region
    training = spec.training
    if training is not None and defaults.environment:
        training = training.model_copy(update={"environment": {**defaults.environment, **training.environment}})
    chosen = name or spec.name or time.strftime("tuning-%y%m%d-%H%M%S-") + secrets.token_hex(2)
    completed = {"name": chosen, "training": training, "sagemaker": cloud.model_copy(update=filled)}
    if chosen != spec.name:
        TuningSpec.from_dict({**spec.to_dict(), "name": chosen})  # by the rule of names
    return spec.model_copy(update=completed)


def _set_by_files(cloud: SageMaker, defaults: AccountDefaults) -> dict[str, Any]:
    """Return the keys of the ``sagemaker`` block that SageMaker's config files set, but for its tags."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, attribute in _CLOUD_DEFAULTS.items()
        if getattr(cloud, key) in (None, []) and (value := getattr(defaults, attribute)) not in (None, ())
    }


def _sources(cloud: SageMaker, defaults: AccountDefaults) -> Iterator[str]:
    """Yield which file sets what the spec does not; no values, since those of variables may be secrets."""
    keys = {key: _CLOUD_DEFAULTS[key] for key in _set_by_files(cloud, defaults)}
    keys |= {key: key for key in ("tags", "environment") if getattr(defaults, key)}
    by_file: dict[str, list[str]] = {}
    for key in sorted(keys):
        by_file.setdefault(defaults.sources[keys[key]], []).append(key)
    for file, names in by_file.items():
        yield f"{file} sets {', '.join(names)}"


def configured_region(profile: str | None = None) -> str | None:
    """Return the region of the environment, or else of AWS's configuration files.

    Args:
        profile: Name of a profile in these files; ``None`` for the usual choice.
    """
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if named or find_spec("botocore") is None:
        return named
    from botocore.exceptions import ProfileNotFound
    from botocore.session import Session

    try:
        region: str | None = Session(profile=profile).get_config_variable("region")
    except ProfileNotFound:  # told by whatever needs the profile
        return None
    return region


def _missing(cloud: SageMaker) -> Iterator[Problem]:
    if cloud.role is None:
        rule = "is missing, and SageMaker's config files name none"
        yield Problem("sagemaker.role", None, rule, "write the ARN of the role that trainings act as")
    if cloud.region is None:
        rule = "is missing, and no AWS region is configured"
        yield Problem("sagemaker.region", None, rule, "write e.g. eu-west-1, or set AWS_DEFAULT_REGION")
    elif find_spec("botocore") is not None and (unknown := region_problem(cloud.region)) is not None:
        yield unknown.under("sagemaker")
    if not cloud.choices and not {"ResourceConfig", "HyperParameterTuningResourceConfig"} & cloud.definition.keys():
        yield Problem("sagemaker.instance_type", None, "is missing", "write e.g. ml.m5.xlarge")


def _renaming(spec: TuningSpec) -> Iterator[Problem]:
    """Yield what would create the job under a name by which nobody here would find it."""
    patch = (spec.sagemaker or SageMaker()).request
    if _JOB_NAME in patch:
        rule = "would name the job otherwise than smtune, which could not find it again"
        value = patch[_JOB_NAME]
        yield Problem(f"sagemaker.request.{_JOB_NAME}", value, rule, "leave it out, and write name or --name")


def _far_parents(spec: TuningSpec) -> Iterator[Problem]:
    """Yield parents of another region or account than the job's: SageMaker knows parents by their names alone."""
    cloud = spec.sagemaker or SageMaker()
    role = ROLE_ARN.fullmatch(str(cloud.role))
    account = role["account"] if role else None
    for place, parent in enumerate(spec.warm_start.parents if spec.warm_start is not None else ()):
        if TUNING_JOB_ARN.fullmatch(parent) is None:
            continue
        _, _, _, region, owner, _ = parent.split(":", 5)
        field = f"warm_start.parents[{place}]"
        if cloud.region not in (None, region):
            rule = f"is in {region}, but the job runs in {cloud.region}"
            yield Problem(field, parent, rule, f"name a tuning job in {cloud.region}, or run in {region}")
        if account not in (None, owner):
            rule = f"is of account {owner}, but the job's role is of account {account}"
            yield Problem(field, parent, rule, f"name a tuning job of account {account}")


def _trainings(spec: TuningSpec) -> Iterator[tuple[str, Training]]:
    """Yield what each definition trains, the job's own under an empty name."""
    if spec.training is not None:
        yield "", spec.training
    for key, one in (spec.definitions or {}).items():
        if one.training is not None:
            yield key, one.training


def _file_problems(spec: TuningSpec) -> Iterator[Problem]:
    seen: list[Training] = []
    for key, training in _trainings(spec):
        if training not in seen:  # further definitions often train what the job's own does
            prefix = f"definitions.{key}." if key else ""
            yield from (replace(one, field=prefix + one.field) for one in file_problems(training))
        seen.append(training)


def _placed(spec: TuningSpec, cloud: SageMaker) -> tuple[list[Upload], References, list[Problem], list[str]]:
    """Return what is to be uploaded, where everything will lie, what of it cannot be uploaded, and what perhaps should not.

    What is missing here was told already, and lies nowhere.
    """
    bucket = planned_bucket(cloud)
    uploads: list[Upload] = []
    code: dict[str, str] = {}
    channels: dict[tuple[str, str], str] = {}
    problems: list[Problem] = []
    doubts: dict[str, None] = {}  # each once, though further definitions often train what the job's own does

    def place(kind: str, path: str, measured: Callable[[], tuple[str, int, int]], prefix: str) -> str:
        try:
            uploads.append(Upload(kind, path, *measured()))
        except SpecError as error:
            problems.extend(problem.under(prefix) for problem in error.problems if Path(path).exists())
            return bucket.uri(kind)
        return uploads[-1].uri

    for key, training in _trainings(spec):
        prefix = f"definitions.{key}.training" if key else "training"
        if training.entry_point is not None and not training.has_remote_code:
            if (Path(training.source_dir) / training.entry_point).is_file():
                measured = partial(_measured_code, training, bucket, doubts)
                code[key] = place(CODE, training.source_dir, measured, prefix)
            else:
                code[key] = bucket.uri(CODE)
        for name, channel in training.channels.items():
            if not channel.is_remote:
                measured = partial(_measured_data, bucket, name, Path(channel.source))
                channels[key, name] = place(name, channel.source, measured, f"{prefix}.channels")
    unique = list({one.uri: one for one in uploads}.values())
    output = bucket.uri(bucket.key("jobs"))
    return unique, References(None, cloud.role, cloud.region, output, code, channels), problems, list(doubts)


def planned_bucket(cloud: SageMaker, client: Any = None) -> Bucket:
    """Return where a job's code and data go.

    Args:
        cloud: A block with a role and a region; without, nothing can be uploaded.
        client: boto3's client of S3, to upload with.
    """
    matched = ROLE_ARN.fullmatch(str(cloud.role))
    account = matched["account"] if matched else "unknown"
    name = cloud.bucket or default_bucket(str(cloud.region), account)
    # A bucket that was named may be another account's; the one that has the default name must not be.
    return Bucket(client, name, cloud.prefix or PREFIX, cloud.output_kms_key, None if cloud.bucket else account)


def _measured_code(training: Training, bucket: Bucket, doubts: dict[str, None]) -> tuple[str, int, int]:
    """Return address, number of files and bytes of a training's archive; what it should perhaps not hold is a doubt."""
    with tempfile.TemporaryDirectory(prefix="smtune-plan-") as folder:
        package = pack_code(training, Path(folder))
        source = f"training.source_dir = {training.source_dir}"
        if package.credentials:
            names = ", ".join(package.credentials)
            doubts[f"{source}: {names} would be uploaded, and may be credentials; move them out of it"] = None
        if package.from_outside:
            names = ", ".join(package.from_outside)
            doubts[f"{source}: {names} would be uploaded with what is linked there from outside of it"] = None
        return file_address(bucket, CODE, package.path), package.files, package.size


def _measured_data(bucket: Bucket, kind: str, path: Path) -> tuple[str, int, int]:
    address = (folder_address if path.is_dir() else file_address)(bucket, kind, path)
    return (address, *local_size(kind, path))


def pack_code(training: Training, folder: Path) -> Package:
    """Return the archive of a training's code, made in ``folder``.

    Raises:
        SpecError: It cannot be packed; fields are relative to the training.
    """
    source = Path(training.source_dir)
    data = [home(), *(Path(one.source) for one in training.channels.values() if not one.is_remote)]
    inside = [one for one in data if source.resolve() in one.resolve().parents]
    archive = folder / "sourcedir.tar.gz"
    return pack_source(source, archive, entry_point=str(training.entry_point), leave_out=inside)


def _aside(problem: Problem) -> str:
    """Return what is legal and surely not meant, or above a quota, as a warning."""
    subject = problem.field if problem.value is None else problem.subject
    return f"{subject} {problem.rule}; {problem.fix}"


def _warnings(spec: TuningSpec) -> Iterator[str]:
    if spec.limits.max_trial_seconds is None:
        yield "limits.max_trial_seconds is not set: a trial that hangs is stopped, and billed, after a day"


def priced(plan: Plan) -> TuningSpec:
    """Return the spec of a plan with the price that its estimate reckons with, so that results tell what trials cost."""
    cloud = plan.spec.sagemaker
    if cloud is None or cloud.usd_per_hour is not None or plan.estimate is None:
        return plan.spec
    hourly = [price.usd for price in plan.estimate.prices if price.item != STORAGE]
    if len(hourly) != 1:  # nobody knows which of several it will be
        return plan.spec
    return plan.spec.model_copy(update={"sagemaker": cloud.model_copy(update={"usd_per_hour": hourly[0]})})
