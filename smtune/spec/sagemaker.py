"""What SageMaker needs to know beyond the tuning itself: the ``sagemaker`` block of a spec.

Read by the backends that speak to AWS, and by local-mode, whose trials find what they would find there; ignored by local. Where it has no word of its own for something that
SageMaker can be asked, ``request`` and ``definition`` say it in the service's words, merged into what is sent.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smtune.errors import Problem, SpecError


class InstanceChoice(BaseModel):
    """Instances that the trials may run on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, Field(min_length=1, description="E.g. ml.m5.xlarge.")]
    count: Annotated[int, Field(ge=1, description="Instances per trial.")] = 1
    volume_gb: Annotated[int, Field(ge=1, description="Gigabytes of storage per instance.")] = 30


def _one_or_many(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


def _text(given: Any) -> Any:
    """Let users write numbers where only text exists."""
    if not isinstance(given, dict):
        return given
    return {str(key): str(value) if isinstance(value, int | float) else value for key, value in given.items()}


_Merged = "in its own words: merged into it (RFC 7396, so null leaves a key out)."


class SageMaker(BaseModel):
    """How and where SageMaker trains. What is not set is as SageMaker's own config files say, or its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    image: Annotated[
        str | None,
        Field(description="Image that runs the entry point: a managed one by name, e.g. xgboost:3.0-5, or a full URI."),
    ] = None
    instance_type: Annotated[str | None, Field(description="E.g. ml.m5.xlarge.")] = None
    instance_count: Annotated[int, Field(ge=1, description="Instances per trial.")] = 1
    volume_gb: Annotated[int, Field(ge=1, description="Gigabytes of storage per instance.")] = 30
    instances: Annotated[
        list[InstanceChoice],
        Field(description="Instances to choose from in this order, where there is no capacity; instead of the above."),
    ] = []
    tuning_resources: Annotated[
        bool,
        Field(description="Ask for instances by HyperParameterTuningResourceConfig; always so if there is a choice."),
    ] = False
    volume_kms_key: Annotated[str | None, Field(description="Key that encrypts the instances' storage.")] = None
    role: Annotated[str | None, Field(description="ARN of the role that trainings act as.")] = None
    region: Annotated[str | None, Field(description="E.g. eu-west-1; by default that of the AWS configuration.")] = None
    bucket: Annotated[
        str | None, Field(description="Where code and local data are uploaded to, and models written.")
    ] = None
    prefix: Annotated[
        str | None, Field(description="Begins the keys of all that is uploaded or written there; by default smtune.")
    ] = None
    spot: Annotated[bool, Field(description="Use spare capacity: cheaper, and may be interrupted.")] = False
    max_wait_seconds: Annotated[
        int | None,
        Field(ge=1, description="Longest time for a trial with spot, its waiting included; at least its own limit."),
    ] = None
    max_pending_seconds: Annotated[int | None, Field(ge=1, description="Longest time that a trial may queue.")] = None
    checkpoints: Annotated[
        str | None, Field(description="s3:// URI where checkpoints are kept while the trials run.")
    ] = None
    checkpoint_path: Annotated[str | None, Field(description="Their folder in the container.")] = None
    subnets: Annotated[list[str], BeforeValidator(_one_or_many), Field(description="Of the VPC, 1 to 16.")] = []
    security_groups: Annotated[list[str], BeforeValidator(_one_or_many), Field(description="Of the VPC, 1 to 5.")] = []
    network_isolation: Annotated[bool | None, Field(description="Give trainings no network.")] = None
    encrypt_traffic: Annotated[bool | None, Field(description="Encrypt what several instances send each other.")] = None
    output_kms_key: Annotated[str | None, Field(description="Key that encrypts models and outputs.")] = None
    output_compression: Annotated[
        Literal["GZIP", "NONE"] | None, Field(description="Whether models become a model.tar.gz.")
    ] = None
    input_mode: Annotated[
        Literal["File", "FastFile", "Pipe"], Field(description="Whether data are copied, or read as they come.")
    ] = "File"
    retries: Annotated[
        int | None, Field(ge=1, le=30, description="How often a trial is tried again after an error of SageMaker's.")
    ] = None
    tags: Annotated[dict[str, str], BeforeValidator(_text), Field(description="Of the job and all its trials.")] = {}
    max_cost_usd: Annotated[
        float | None, Field(gt=0, description="A job that may cost more is refused before it starts.")
    ] = None
    usd_per_hour: Annotated[
        float | None, Field(gt=0, description="What an instance costs per hour; by default as smtune's table says.")
    ] = None
    autotune: Annotated[bool, Field(description="Let SageMaker choose what the job leaves open.")] = False
    auto_parameters: Annotated[
        dict[str, str],
        BeforeValidator(_text),
        Field(description="Hyperparameters whose ranges SageMaker chooses, with a value each that is known to work."),
    ] = {}
    quoting: Annotated[
        Literal["plain", "json", "python"],
        Field(
            description="How hyperparameters are written: json puts texts in quotes, as version 2 of the SDK does; python "
            "writes booleans as True and False, as the tuner of version 3 does."
        ),
    ] = "plain"
    definition_name: Annotated[str | None, Field(description="Name of the training job definition.")] = None
    request: Annotated[
        dict[str, Any], Field(description=f"What else CreateHyperParameterTuningJob says, {_Merged}")
    ] = {}
    definition: Annotated[dict[str, Any], Field(description=f"What else TrainingJobDefinition says, {_Merged}")] = {}

    @property
    def choices(self) -> list[InstanceChoice]:
        """The instances that trials may run on; empty if none is named."""
        if self.instances or self.instance_type is None:
            return list(self.instances)
        return [InstanceChoice(type=self.instance_type, count=self.instance_count, volume_gb=self.volume_gb)]

    @model_validator(mode="after")
    def _check(self) -> SageMaker:
        problems = []
        if self.instances and self.instance_type is not None:
            rule = "and instances cannot both say what trials run on"
            problems.append(Problem("instance_type", self.instance_type, rule, "leave one of them out"))
        if bool(self.subnets) != bool(self.security_groups):
            name = "subnets" if self.subnets else "security_groups"
            other = "security_groups" if self.subnets else "subnets"
            problems.append(Problem(name, getattr(self, name), f"needs {other} too", f"add {other}"))
        if self.checkpoint_path is not None and self.checkpoints is None:
            rule = "says nothing without checkpoints"
            problems.append(Problem("checkpoint_path", self.checkpoint_path, rule, "add checkpoints: s3://..."))
        if self.max_wait_seconds is not None and not self.spot:
            rule = "says nothing without spot"
            problems.append(Problem("max_wait_seconds", self.max_wait_seconds, rule, "add spot: true"))
        if problems:
            raise SpecError(problems)
        return self
