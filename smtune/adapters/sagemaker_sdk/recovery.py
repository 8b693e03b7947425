"""What the tuner of version 3 of the SDK holds and does not send, put back into its request.

Each piece is looked for in the request first: a version that sends it needs no help. 3.27 loses all but checkpoints,
retries and content types, which 3.12 loses, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smtune.adapters.sagemaker_sdk.capture import keep_toolkit_static

Request = dict[str, Any]

_KEPT = "which the SDK's tuner would lose: kept"


def recover_job(tuner: Any, request: Request) -> Iterator[str]:
    """Put back what belongs to the job as a whole, and yield what to tell."""
    config = request["HyperParameterTuningJobConfig"]
    if tuner.random_seed is not None and config.get("RandomSeed") != tuner.random_seed:
        config["RandomSeed"] = tuner.random_seed
        yield f"tuner.random_seed = {tuner.random_seed}, {_KEPT}"


def recover_definition(tuner: Any, trainer: Any, request: Request) -> Iterator[str]:
    """Put back what belongs to a training job definition, and yield what to tell.

    Args:
        tuner: A tuner of one trainer that has sent ``request``.
        trainer: The trainer.
        request: Changed in place.
    """
    definition = request["TrainingJobDefinition"]
    yield from _algorithm(trainer, definition)
    yield from _network(trainer, definition)
    yield from _resources(tuner, trainer, definition)
    yield from _times(trainer, definition)
    yield from _checkpoints(trainer, definition)
    yield from _autotune(tuner, request)
    yield from _lost(trainer)


def several_definitions(requests: Mapping[str | None, Request]) -> tuple[Request, list[str]]:
    """Return the request that tunes several algorithms, and what to tell.

    Args:
        requests: By definition, a request that tunes it alone.
    """
    first = next(iter(requests.values()))
    config = dict(first["HyperParameterTuningJobConfig"])
    definitions = []
    for name, request in requests.items():
        own = request["HyperParameterTuningJobConfig"]
        members = {
            "DefinitionName": name,
            "TuningObjective": own["HyperParameterTuningJobObjective"],
            "HyperParameterRanges": own.get("ParameterRanges") or {},
        }
        definitions.append({**members, **request["TrainingJobDefinition"]})
    for moved in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        config.pop(moved, None)
    request = {key: value for key, value in first.items() if key != "TrainingJobDefinition"}
    request |= {"HyperParameterTuningJobConfig": config, "TrainingJobDefinitions": definitions}
    names = ", ".join(map(str, requests))
    return request, [f"tuner of {names}: the SDK's tuner fails with HyperparameterTuner.create(); they are kept"]


def stated(holder: Any, name: str) -> Any:
    """Return an attribute of one of the SDK's shapes; ``None`` if it was never set."""
    value = getattr(holder, name, None)
    return None if type(value).__name__ == "Unassigned" else value


def _algorithm(trainer: Any, definition: Request) -> Iterator[str]:
    specification = definition["AlgorithmSpecification"]
    name = stated(trainer, "algorithm_name")
    if name is not None and "AlgorithmName" not in specification:
        specification["AlgorithmName"] = name
        yield f"model_trainer.algorithm_name = {name}, {_KEPT}"
    metrics = stated(trainer, "_metric_definitions")
    if metrics and not specification.get("MetricDefinitions"):
        specification["MetricDefinitions"] = [{"Name": one.name, "Regex": one.regex} for one in metrics]
        yield f"model_trainer.with_metric_definitions(...), {_KEPT}"


def _network(trainer: Any, definition: Request) -> Iterator[str]:
    members = {
        "enable_network_isolation": "EnableNetworkIsolation",
        "enable_inter_container_traffic_encryption": "EnableInterContainerTrafficEncryption",
    }
    for attribute, member in members.items():
        if stated(trainer.networking, attribute) and member not in definition:
            definition[member] = True
            yield f"networking.{attribute} = True, {_KEPT}"


def _resources(tuner: Any, trainer: Any, definition: Request) -> Iterator[str]:
    resources = definition.get("ResourceConfig")
    if resources is None:
        return
    for attribute, member in _RESOURCES.items():
        value = stated(trainer.compute, attribute)
        if value is not None and member not in resources:
            resources[member] = value
            yield f"compute.{attribute} = {value}, {_KEPT}"
    for attribute in ("instance_groups", "instance_preferences", "instance_placement_config"):
        if stated(trainer.compute, attribute):
            yield f"compute.{attribute}: neither the SDK's tuner sends it nor does the spec hold it"
    if tuner.instance_configs and "HyperParameterTuningResourceConfig" not in definition:
        configs = [
            {member: stated(one, attribute) for attribute, member in _INSTANCE.items() if stated(one, attribute)}
            for one in tuner.instance_configs
        ]
        kept = {key: value for key, value in resources.items() if key == "VolumeKmsKeyId"}
        del definition["ResourceConfig"]
        definition["HyperParameterTuningResourceConfig"] = {"InstanceConfigs": configs, **kept}
        yield f"tuner.override_resource_config(...), {_KEPT}"


_RESOURCES = {
    "volume_kms_key_id": "VolumeKmsKeyId",
    "keep_alive_period_in_seconds": "KeepAlivePeriodInSeconds",
    "training_plan_arn": "TrainingPlanArn",
}
_INSTANCE = {
    "instance_type": "InstanceType",
    "instance_count": "InstanceCount",
    "volume_size_in_gb": "VolumeSizeInGB",
}


def _times(trainer: Any, definition: Request) -> Iterator[str]:
    seconds = stated(trainer.stopping_condition, "max_pending_time_in_seconds")
    if seconds is not None and "MaxPendingTimeInSeconds" not in definition["StoppingCondition"]:
        definition["StoppingCondition"]["MaxPendingTimeInSeconds"] = seconds
        yield f"stopping_condition.max_pending_time_in_seconds = {seconds}, {_KEPT}"
    attempts = stated(stated(trainer, "_retry_strategy"), "maximum_retry_attempts")
    if attempts is not None and "RetryStrategy" not in definition:
        definition["RetryStrategy"] = {"MaximumRetryAttempts": attempts}
        yield f"model_trainer.with_retry_strategy({attempts}), {_KEPT}"


def _checkpoints(trainer: Any, definition: Request) -> Iterator[str]:
    uri = stated(trainer.checkpoint_config, "s3_uri")
    if uri is not None and "CheckpointConfig" not in definition:
        path = stated(trainer.checkpoint_config, "local_path")
        definition["CheckpointConfig"] = {"S3Uri": uri, **({} if path is None else {"LocalPath": path})}
        yield f"model_trainer.checkpoint_config = {uri}, {_KEPT}"


def recover_content_types(inputs: Any, definition: Request) -> Iterator[str]:
    """Put back what the data of a tuner's inputs are, and yield what to tell.

    Args:
        inputs: What ``tune()`` was given; only a list says what its data are.
        definition: Changed in place.
    """
    types = {one.channel_name: stated(one, "content_type") for one in (inputs if isinstance(inputs, list) else ())}
    for channel in definition.get("InputDataConfig") or ():
        content_type = types.get(channel["ChannelName"])
        if content_type is not None and "ContentType" not in channel:
            channel["ContentType"] = content_type
            yield f"inputs[{channel['ChannelName']!r}].content_type = {content_type}, {_KEPT}"


def _autotune(tuner: Any, request: Request) -> Iterator[str]:
    """Put back the hyperparameters that Autotune is to choose."""
    ranges = request["HyperParameterTuningJobConfig"].setdefault("ParameterRanges", {})
    chosen = tuner.auto_parameters or {}
    if chosen and not ranges.get("AutoParameters"):
        ranges["AutoParameters"] = [{"Name": name, "ValueHint": hint} for name, hint in chosen.items()]
        names = ", ".join(name for name in chosen if not name.startswith("sagemaker_"))
        yield f"hyperparameters {names or 'of the toolkit'} under autotune, {_KEPT}"
    yield from keep_toolkit_static(request["TrainingJobDefinition"], ranges)


def _lost(trainer: Any) -> Iterator[str]:
    """Yield what a tuning job has no place for."""
    if trainer.distributed is not None:
        yield "model_trainer.distributed: the SDK's own launcher is not part of the spec; the script is run by itself"
    if trainer.training_image_config is not None:
        yield "model_trainer.training_image_config: a tuning job has no such setting"
    if stated(trainer.source_code, "command") is not None:
        yield "source_code.command: a tuning job runs entry_script; a command is not sent"
