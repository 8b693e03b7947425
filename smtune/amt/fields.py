"""Where in a spec stands what is wrong in a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from smtune.amt.definition import CODE, LOG_LEVEL, PROGRAM, REGION
from smtune.amt.violations import Path, Severity, Violation, dotted
from smtune.errors import Problem

_MEMBERS: Mapping[Path, str] = {
    ("HyperParameterTuningJobName",): "name",
    ("HyperParameterTuningJobConfig", "Strategy"): "strategy",
    ("HyperParameterTuningJobConfig", "StrategyConfig"): "strategy",
    ("HyperParameterTuningJobConfig", "StrategyConfig", "HyperbandStrategyConfig"): "strategy.resource",
    (
        "HyperParameterTuningJobConfig",
        "StrategyConfig",
        "HyperbandStrategyConfig",
        "MinResource",
    ): "strategy.resource.min",
    (
        "HyperParameterTuningJobConfig",
        "StrategyConfig",
        "HyperbandStrategyConfig",
        "MaxResource",
    ): "strategy.resource.max",
    ("HyperParameterTuningJobConfig", "HyperParameterTuningJobObjective"): "objective",
    ("HyperParameterTuningJobConfig", "HyperParameterTuningJobObjective", "MetricName"): "objective.metric",
    ("HyperParameterTuningJobConfig", "HyperParameterTuningJobObjective", "Type"): "objective.goal",
    ("HyperParameterTuningJobConfig", "ResourceLimits", "MaxNumberOfTrainingJobs"): "limits.max_trials",
    ("HyperParameterTuningJobConfig", "ResourceLimits", "MaxParallelTrainingJobs"): "limits.max_parallel",
    ("HyperParameterTuningJobConfig", "ResourceLimits", "MaxRuntimeInSeconds"): "limits.max_runtime_seconds",
    ("HyperParameterTuningJobConfig", "ParameterRanges"): "parameters",
    ("HyperParameterTuningJobConfig", "TrainingJobEarlyStoppingType"): "early_stopping",
    ("HyperParameterTuningJobConfig", "TuningJobCompletionCriteria"): "completion",
    (
        "HyperParameterTuningJobConfig",
        "TuningJobCompletionCriteria",
        "BestObjectiveNotImproving",
        "MaxNumberOfTrainingJobsNotImproving",
    ): "completion.not_improving",
    ("HyperParameterTuningJobConfig", "RandomSeed"): "seed",
    ("TrainingJobDefinitions",): "definitions",
    ("WarmStartConfig",): "warm_start",
    ("WarmStartConfig", "WarmStartType"): "warm_start.type",
    ("WarmStartConfig", "ParentHyperParameterTuningJobs"): "warm_start.parents",
    ("Tags",): "sagemaker.tags",
    ("Autotune",): "sagemaker.autotune",
}
"""Members of a request to keys of a spec; what lies below one that is listed belongs to it."""

_OF_DEFINITIONS: Mapping[Path, str] = {
    ("DefinitionName",): "sagemaker.definition_name",
    ("TuningObjective",): "objective",
    ("TuningObjective", "MetricName"): "objective.metric",
    ("TuningObjective", "Type"): "objective.goal",
    ("HyperParameterRanges",): "parameters",
    ("StaticHyperParameters",): "static",
    ("StaticHyperParameters", PROGRAM): "training.entry_point",
    ("StaticHyperParameters", CODE): "training.source_dir",
    ("AlgorithmSpecification",): "sagemaker.image",
    ("AlgorithmSpecification", "AlgorithmName"): "training.algorithm",
    ("AlgorithmSpecification", "TrainingInputMode"): "sagemaker.input_mode",
    ("AlgorithmSpecification", "MetricDefinitions"): "metrics",
    ("RoleArn",): "sagemaker.role",
    ("InputDataConfig",): "training.channels",
    ("VpcConfig",): "sagemaker.subnets",
    ("VpcConfig", "SecurityGroupIds"): "sagemaker.security_groups",
    ("OutputDataConfig",): "training.output",
    ("OutputDataConfig", "KmsKeyId"): "sagemaker.output_kms_key",
    ("OutputDataConfig", "CompressionType"): "sagemaker.output_compression",
    ("StoppingCondition", "MaxRuntimeInSeconds"): "limits.max_trial_seconds",
    ("StoppingCondition", "MaxWaitTimeInSeconds"): "sagemaker.max_wait_seconds",
    ("StoppingCondition", "MaxPendingTimeInSeconds"): "sagemaker.max_pending_seconds",
    ("EnableNetworkIsolation",): "sagemaker.network_isolation",
    ("EnableInterContainerTrafficEncryption",): "sagemaker.encrypt_traffic",
    ("EnableManagedSpotTraining",): "sagemaker.spot",
    ("CheckpointConfig",): "sagemaker.checkpoints",
    ("CheckpointConfig", "LocalPath"): "sagemaker.checkpoint_path",
    ("RetryStrategy",): "sagemaker.retries",
    ("Environment",): "training.environment",
    **{
        (block, *path): key
        for block in ("ResourceConfig", "HyperParameterTuningResourceConfig")
        for path, key in {
            (): "sagemaker.instance_type",
            ("InstanceType",): "sagemaker.instance_type",
            ("InstanceCount",): "sagemaker.instance_count",
            ("VolumeSizeInGB",): "sagemaker.volume_gb",
            ("VolumeKmsKeyId",): "sagemaker.volume_kms_key",
            ("InstanceConfigs",): "sagemaker.instances",
        }.items()
    },
}

_BOUNDS = {"MinValue": ".min", "MaxValue": ".max", "ScalingType": ".scaling", "Values": ".values", "Name": ""}
_CHANNEL = {
    "ContentType": ".content_type",
    "CompressionType": ".compression",
    "RecordWrapperType": ".record_wrapper",
    "InputMode": ".input_mode",
    "ShuffleConfig": ".shuffle_seed",
    "DataSource": ".source",
}

_NAMED_BY = {"training.channels": "ChannelName", "metrics": "Name", "sagemaker.tags": "Key"}
"""Keys of lists in a request whose entries have names."""

_WORDS: Mapping[str, str] = {
    "AlgorithmName": "training.algorithm",
    "AttributeNames": "attributes",
    "AutoParameters": "sagemaker.auto_parameters",
    "Autotune": "sagemaker.autotune",
    "CheckpointConfig": "sagemaker.checkpoints",
    "DefinitionName": "sagemaker.definition_name",
    "EnableManagedSpotTraining": "sagemaker.spot",
    "HyperParameterRanges": "parameters",
    "HyperParameterTuningJobObjective": "objective",
    "HyperParameterTuningResourceConfig": "sagemaker.instances",
    "InputMode": "input_mode",
    "InstanceConfigs": "sagemaker.instances",
    "InstanceCount": "sagemaker.instance_count",
    "InstanceGroups": "instance_groups",
    "InstanceType": "sagemaker.instance_type",
    "MaxNumberOfTrainingJobs": "limits.max_trials",
    "MaxParallelTrainingJobs": "limits.max_parallel",
    "MaxResource": "max",
    "MaxValue": "max",
    "MaxWaitTimeInSeconds": "sagemaker.max_wait_seconds",
    "MetricDefinitions": "metrics",
    "MinResource": "min",
    "MinValue": "min",
    "ParameterRanges": "parameters",
    "ResourceConfig": "sagemaker.instance_type",
    "S3DataType": "data_type",
    "S3Uri": "source",
    "ScalingType": "scaling",
    "StaticHyperParameters": "static",
    "TrainingImage": "sagemaker.image",
    "TrainingJobDefinition": "training",
    "TrainingJobDefinitions": "definitions",
    "TrainingJobEarlyStoppingType": "early_stopping",
    "TuningObjective": "objective",
    "VolumeKmsKeyId": "sagemaker.volume_kms_key",
    "VolumeSizeInGB": "sagemaker.volume_gb",
    "VpcConfig": "sagemaker.subnets",
    "WarmStartConfig": "warm_start",
    "one TrainingJobDefinition": "no definitions",
}
"""Members that rules speak of, to keys of a spec. Where each of them is one key: ``MaxRuntimeInSeconds`` is two."""
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")


def problem_of(violation: Violation, request: Mapping[str, Any]) -> Problem:
    """Return a violation of a request as a problem of the spec that it was made of, in the spec's words."""
    field, fix = spec_field(violation.path, request), violation.fix
    if violation.path[-1:] == ("StaticHyperParameters",):
        added = sum(key in _at(request, violation.path) for key in (PROGRAM, CODE, REGION, LOG_LEVEL))
        fix = f"{fix}, of which {added} are smtune's own" if added else fix
    # What no key of a spec has a name for comes from a request in AWS's own words.
    if violation.severity is Severity.unknown or field == dotted(violation.path):
        return Problem(field, violation.value, violation.rule, fix, violation.source)
    rule, fix = (_WORD.sub(lambda found: _WORDS[found[0]], text) for text in (violation.rule, fix))
    return Problem(field, violation.value, rule, fix, violation.source)


def spec_field(path: Path, request: Mapping[str, Any]) -> str:
    """Return the key of a spec that became the member at ``path``; the member itself if no key has a name for it.

    >>> ranges = {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0", "MaxValue": "1"}]}
    >>> request = {"HyperParameterTuningJobConfig": {"ParameterRanges": ranges}}
    >>> config = ("HyperParameterTuningJobConfig", "ParameterRanges")
    >>> spec_field((*config, "ContinuousParameterRanges", 0, "MinValue"), request)
    'parameters.eta.min'
    >>> spec_field(("TrainingJobDefinition", "RoleArn"), request)
    'sagemaker.role'
    """
    prefix, rest, definition = _definition(path, request)
    if definition is None:
        members, node = _MEMBERS, request
    else:
        members, node = _OF_DEFINITIONS, definition
    for length in range(len(rest), 0, -1):
        key = members.get(rest[:length])
        if key is not None:
            return prefix + key + _below(key, rest[:length], rest[length:], node)
    return dotted(path)


def _definition(path: Path, request: Mapping[str, Any]) -> tuple[str, Path, Mapping[str, Any] | None]:
    """Return the prefix of a definition's keys, the path within it, and the definition; ``None`` outside of any."""
    if path[:1] == ("TrainingJobDefinition",) and len(path) > 1:
        return "", path[1:], _at(request, path[:1])
    if path[:1] == ("TrainingJobDefinitions",) and len(path) > 2:
        definition = _at(request, path[:2])
        name = definition.get("DefinitionName", path[1])
        return "" if path[1] == 0 else f"definitions.{name}.", path[2:], definition
    return "", path, None


def _below(key: str, path: Path, rest: Path, node: Mapping[str, Any]) -> str:
    """Return what follows the key for what lies below its member: the names of ranges, channels, entries of maps."""
    if key == "parameters" and len(rest) >= 2:
        name = _at(node, (*path, *rest[:2])).get("Name", rest[1])
        return f".{name}{_BOUNDS.get(str(rest[2]), '') if len(rest) > 2 else ''}"
    if key in _NAMED_BY and rest:
        name = _at(node, (*path, rest[0])).get(_NAMED_BY[key], rest[0])
        return f".{name}{_CHANNEL.get(str(rest[1]), '') if key == 'training.channels' and len(rest) > 1 else ''}"
    if key in ("static", "training.environment") and rest:
        return f".{rest[0]}"
    if key in ("warm_start.parents", "sagemaker.instances") and rest:
        return f"[{rest[0]}]"
    return ""


def _at(node: Any, path: Path) -> Mapping[str, Any]:
    """Return the object at a path; an empty one if there is none."""
    for part in path:
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list | tuple) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            return {}
    return node if isinstance(node, Mapping) else {}
