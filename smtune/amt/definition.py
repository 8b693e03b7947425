"""A training job definition: what SageMaker runs as a trial, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from smtune.amt.channels import decode_channel, encode_channel
from smtune.amt.patches import apply_patch, canonical, make_patch
from smtune.amt.ranges import decode_ranges, encode_ranges, encode_text, quoting_of
from smtune.container import decode_value
from smtune.space import SearchSpace
from smtune.spec import Definition, InstanceChoice, Objective, SageMaker, Training, TuningSpec, checked

DAY_SECONDS = 86_400
"""How long a trial may take if nobody says: the service's own default."""
PROGRAM = "sagemaker_program"
"""Hyperparameter that names the entry point for the training toolkit."""
CODE = "sagemaker_submit_directory"
"""Hyperparameter that says where the toolkit finds the code."""
REGION = "sagemaker_region"
"""Hyperparameter without which older toolkits do not know their region."""
LOG_LEVEL = "sagemaker_container_log_level"
"""Hyperparameter with the toolkit's log level."""
TUNING_OBJECTIVE = "_tuning_objective_metric"
"""Hyperparameter that the service adds by itself."""

_INFO = "20"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What a spec says of one training job definition, be it its own or a further one."""

    objective: Objective
    parameters: SearchSpace
    static: Mapping[str, Any]
    metrics: Mapping[str, str]
    max_trial_seconds: float | None
    training: Training
    sagemaker: SageMaker

    @classmethod
    def main(cls, spec: TuningSpec) -> Algorithm:
        """Return the job's own."""
        return cls(
            spec.objective,
            spec.parameters,
            spec.static,
            spec.metrics,
            spec.limits.max_trial_seconds,
            spec.training or _NOTHING,
            spec.sagemaker or SageMaker(),
        )

    @classmethod
    def further(cls, definition: Definition, job: TuningSpec) -> Algorithm:
        """Return a further one."""
        return cls(
            definition.objective or job.objective,
            definition.parameters,
            definition.static,
            definition.metrics,
            definition.max_trial_seconds,
            definition.training or _NOTHING,
            definition.sagemaker or SageMaker(),
        )


_NOTHING = Training.model_construct()
"""Where a spec leaves open what is trained: the request then lacks it."""


def encode_objective(objective: Objective) -> dict[str, str]:
    """Return a ``HyperParameterTuningJobObjective``."""
    return {"Type": objective.goal.value, "MetricName": objective.metric}


def encode_definition(
    algorithm: Algorithm, *, name: str | None, own_ranges: bool, region: str | None
) -> dict[str, Any]:
    """Return a ``HyperParameterTrainingJobDefinition``; what is not known is left out.

    Args:
        algorithm: What to train.
        name: Name of the definition, if it has one.
        own_ranges: Whether it holds its objective and ranges, as where there are several.
        region: Told to the training toolkit.
    """
    training, cloud = algorithm.training, algorithm.sagemaker
    ranges = encode_ranges(algorithm.parameters, cloud.auto_parameters, cloud.quoting) if own_ranges else {}
    stopping = {
        "MaxRuntimeInSeconds": None if algorithm.max_trial_seconds is None else int(algorithm.max_trial_seconds),
        "MaxWaitTimeInSeconds": cloud.max_wait_seconds,
        "MaxPendingTimeInSeconds": cloud.max_pending_seconds,
    }
    checkpoints = {"S3Uri": cloud.checkpoints, "LocalPath": cloud.checkpoint_path}
    members: dict[str, Any] = {
        "DefinitionName": name,
        "TuningObjective": encode_objective(algorithm.objective) if own_ranges else None,
        "HyperParameterRanges": ranges or None,
        "StaticHyperParameters": _static(algorithm, region) or None,
        "AlgorithmSpecification": _specification(algorithm),
        "RoleArn": cloud.role,
        "InputDataConfig": [encode_channel(key, one) for key, one in training.channels.items()] or None,
        "VpcConfig": {"SecurityGroupIds": cloud.security_groups, "Subnets": cloud.subnets} if cloud.subnets else None,
        "OutputDataConfig": _known(
            {
                "S3OutputPath": training.output,
                "KmsKeyId": cloud.output_kms_key,
                "CompressionType": cloud.output_compression,
            }
        ),
        **_resources(cloud),
        "StoppingCondition": _known(stopping),
        "EnableNetworkIsolation": bool(cloud.network_isolation),
        "EnableInterContainerTrafficEncryption": bool(cloud.encrypt_traffic),
        "EnableManagedSpotTraining": cloud.spot,
        "CheckpointConfig": _known(checkpoints) if cloud.checkpoints is not None else None,
        "RetryStrategy": None if cloud.retries is None else {"MaximumRetryAttempts": cloud.retries},
        "Environment": dict(training.environment) or None,
    }
    return dict(apply_patch(_known(members), cloud.definition))


def _known(members: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}


def _static(algorithm: Algorithm, region: str | None) -> dict[str, str]:
    training, quoting = algorithm.training, algorithm.sagemaker.quoting
    values: dict[str, Any] = dict(algorithm.static)
    if training.entry_point is not None:
        values |= {PROGRAM: training.entry_point, CODE: training.source_dir}
        values |= {REGION: region} if region is not None else {}
    texts = {key: encode_text(value, quoting) for key, value in values.items()}
    return {**texts, LOG_LEVEL: _INFO} if training.entry_point is not None and LOG_LEVEL not in texts else texts


def _specification(algorithm: Algorithm) -> dict[str, Any]:
    training, cloud = algorithm.training, algorithm.sagemaker
    return _known(
        {
            "TrainingImage": training.image or (cloud.image if training.entry_point is not None else None),
            "AlgorithmName": training.algorithm,
            "TrainingInputMode": cloud.input_mode,
            "MetricDefinitions": [{"Name": key, "Regex": regex} for key, regex in algorithm.metrics.items()] or None,
        }
    )


def _resources(cloud: SageMaker) -> dict[str, Any]:
    members: dict[str, Any] = {}
    if cloud.instances:
        members["AllocationStrategy"] = "Prioritized"
        members["InstanceConfigs"] = [
            {"InstanceType": one.type, "InstanceCount": one.count, "VolumeSizeInGB": one.volume_gb}
            for one in cloud.instances
        ]
    elif cloud.instance_type is not None:
        members["InstanceType"] = cloud.instance_type
        members["InstanceCount"] = cloud.instance_count
        members["VolumeSizeInGB"] = cloud.volume_gb
    if cloud.volume_kms_key is not None:
        members["VolumeKmsKeyId"] = cloud.volume_kms_key
    tuning = cloud.tuning_resources or bool(cloud.instances)
    return {"HyperParameterTuningResourceConfig" if tuning else "ResourceConfig": members} if members else {}


def told_region(encoded: Mapping[str, Any]) -> str | None:
    """Return the region that a ``HyperParameterTrainingJobDefinition`` tells the training toolkit, if it does."""
    texts = encoded.get("StaticHyperParameters") or {}
    return str(decode_value(texts[REGION])) if REGION in texts and _is_script(texts) else None


def decode_definition(
    encoded: Mapping[str, Any],
    ranges: Mapping[str, Any],
    objective: Objective,
    *,
    own_ranges: bool,
    region: str | None,
) -> Algorithm:
    """Return what a ``HyperParameterTrainingJobDefinition`` means.

    What smtune has no word for stands in ``sagemaker.definition``. The objective that the service adds to the
    hyperparameters by itself is left out.

    Args:
        encoded: The definition.
        ranges: The ``ParameterRanges`` that apply to it.
        objective: The objective that applies to it.
        own_ranges: Whether it is the place of both, as where there are several definitions.
        region: As the job tells the training toolkit; it is not a hyperparameter.

    Raises:
        SpecError: Everything that is wrong.
        KeyError: A required member is missing.
        TypeError, AttributeError, ValueError: A member has a wrong type.
    """
    given = encoded.get("StaticHyperParameters")
    texts = {} if given is None else {key: text for key, text in given.items() if key != TUNING_OBJECTIVE}
    encoded = {**encoded, "StaticHyperParameters": texts}
    space, auto = decode_ranges(ranges)
    choices = [text for one in ranges.get("CategoricalParameterRanges") or () for text in one["Values"]]
    training, static = _training(encoded, texts)
    seconds = encoded["StoppingCondition"].get("MaxRuntimeInSeconds")
    known = Algorithm(
        objective=objective,
        parameters=space,
        static=static,
        metrics={one["Name"]: one["Regex"] for one in encoded["AlgorithmSpecification"].get("MetricDefinitions") or ()},
        max_trial_seconds=DAY_SECONDS if seconds is None else seconds,
        training=training,
        sagemaker=_sagemaker(encoded, auto, quoting_of([*texts.values(), *choices]), training),
    )
    again = encode_definition(known, name=encoded.get("DefinitionName"), own_ranges=own_ranges, region=region)
    rest = make_patch(canonical(again), canonical(encoded))
    cloud = known.sagemaker.model_copy(update={"definition": rest})
    return Algorithm(objective, space, static, known.metrics, known.max_trial_seconds, training, cloud)


def _is_script(texts: Mapping[str, str]) -> bool:
    """Return whether the hyperparameters tell the training toolkit to fetch code and run an entry point of it."""
    if not {PROGRAM, CODE} <= texts.keys():
        return False
    path = PurePosixPath(str(decode_value(texts[PROGRAM])))
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return inside and str(decode_value(texts[CODE])).startswith("s3://")


def _training(encoded: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[Training, dict[str, Any]]:
    """Return what is trained, and the hyperparameters that do not belong to it."""
    specification = encoded["AlgorithmSpecification"]
    values = {key: decode_value(text) for key, text in texts.items()}
    static = {key: value for key, value in values.items() if value is not None}
    fields: dict[str, Any] = {
        "channels": _channels(encoded),
        "environment": dict(encoded.get("Environment") or {}),
        "output": encoded["OutputDataConfig"]["S3OutputPath"],
    }
    if _is_script(texts):
        fields |= {"entry_point": str(static.pop(PROGRAM)), "source_dir": str(static.pop(CODE))}
        static.pop(REGION, None)
        if texts.get(LOG_LEVEL) == _INFO:
            del static[LOG_LEVEL]
    else:
        fields |= {"image": specification.get("TrainingImage"), "algorithm": specification.get("AlgorithmName")}
    return checked(Training, fields, "training"), static


def _channels(encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {one["ChannelName"]: decode_channel(one) for one in encoded.get("InputDataConfig") or ()}


def _sagemaker(encoded: Mapping[str, Any], auto: dict[str, str], quoting: str, training: Training) -> SageMaker:
    tuning = encoded.get("HyperParameterTuningResourceConfig") is not None
    resources = encoded.get("HyperParameterTuningResourceConfig" if tuning else "ResourceConfig") or {}
    configs = resources.get("InstanceConfigs") or ()
    instances = [
        InstanceChoice(type=one["InstanceType"], count=one["InstanceCount"], volume_gb=one["VolumeSizeInGB"])
        for one in configs
    ]
    stopping, output = encoded["StoppingCondition"], encoded["OutputDataConfig"]
    checkpoints, vpc = encoded.get("CheckpointConfig") or {}, encoded.get("VpcConfig") or {}
    spot = encoded.get("EnableManagedSpotTraining", False)
    fields = {
        "image": encoded["AlgorithmSpecification"].get("TrainingImage") if training.entry_point is not None else None,
        "instance_type": None if instances else resources.get("InstanceType"),
        "instance_count": resources.get("InstanceCount") or None,
        "volume_gb": resources.get("VolumeSizeInGB") or None,
        "instances": instances,
        "tuning_resources": tuning and not instances,
        "volume_kms_key": resources.get("VolumeKmsKeyId"),
        "role": encoded.get("RoleArn"),
        "spot": spot,
        "max_wait_seconds": stopping.get("MaxWaitTimeInSeconds") if spot else None,
        "max_pending_seconds": stopping.get("MaxPendingTimeInSeconds"),
        "checkpoints": checkpoints.get("S3Uri"),
        "checkpoint_path": checkpoints.get("LocalPath"),
        "subnets": vpc.get("Subnets"),
        "security_groups": vpc.get("SecurityGroupIds"),
        "network_isolation": encoded.get("EnableNetworkIsolation", False),
        "encrypt_traffic": encoded.get("EnableInterContainerTrafficEncryption", False),
        "output_kms_key": output.get("KmsKeyId"),
        "output_compression": output.get("CompressionType"),
        "input_mode": encoded["AlgorithmSpecification"]["TrainingInputMode"],
        "retries": (encoded.get("RetryStrategy") or {}).get("MaximumRetryAttempts"),
        "auto_parameters": auto,
        "quoting": quoting,
        "definition_name": encoded.get("DefinitionName"),
    }
    return checked(SageMaker, {key: value for key, value in fields.items() if value is not None}, "sagemaker")
