"""Tuners of version 3 of the SDK: ``sagemaker.train.tuner.HyperparameterTuner``.

Its ``tune`` packs the trainer's code, and creates the job through a resource class with a client of its own. It
loses some of what the tuner and its trainer hold; :mod:`smtune.adapters.sagemaker_sdk.recovery` brings it back.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from smtune.adapters.sagemaker_sdk.capture import Capture, addressed, sent_by
from smtune.adapters.sagemaker_sdk.code import Code
from smtune.adapters.sagemaker_sdk.offline import NO_ACCOUNT, NO_BUCKET, SOMEWHERE, Offline
from smtune.adapters.sagemaker_sdk.recovery import (
    recover_content_types,
    recover_definition,
    recover_job,
    several_definitions,
)
from smtune.adapters.sagemaker_sdk.twins import places_of, session_twin, twin_of
from smtune.errors import Problem, SpecError

_DRIVERS = "sm_drivers"
"""Channel with scripts of the SDK's own, which run the entry point."""
_MAKER = "get_sagemaker_client"
"""Class method by which resources get their clients."""
_PATCHING = threading.Lock()


def capture(tuner: Any, inputs: Any, job_name: str, arguments: Mapping[str, Any]) -> Capture:
    """Return what ``tuner.tune(inputs, job_name, **arguments)`` would send.

    Raises:
        SpecError: The SDK refuses, or needs AWS for it.
    """
    trainers = {None: tuner.model_trainer} if tuner.model_trainer is not None else dict(tuner.model_trainer_dict)
    code = {name: found for name, one in trainers.items() if (found := _code(one)) is not None}
    given = _by_trainer(addressed(inputs), trainers)
    arguments = {name: value for name, value in arguments.items() if name != "model_trainer_kwargs"}  # of no effect
    requests: dict[str | None, dict[str, Any]] = {}
    warnings: list[str] = []
    for name in sorted(trainers, key=str):
        one = _single(tuner, name)
        requests[name], said = _request_of(one, trainers[name], given.get(name), job_name, arguments)
        warnings += said if name is None else [f"model_trainer_dict[{name!r}]: {text}" for text in said]
    if tuner.model_trainer is not None:
        request = requests[None]
    else:
        request, said = several_definitions(requests)
        warnings += said
    warnings += recover_job(tuner, request)
    return Capture(request, code=code, warnings=tuple(warnings), **places_of(_session_of(trainers)))


def _by_trainer(inputs: Any, trainers: Mapping[str | None, Any]) -> Mapping[str | None, Any]:
    if None in trainers:
        return {None: inputs}
    if inputs is None or (isinstance(inputs, Mapping) and inputs.keys() <= trainers.keys()):
        return inputs or {}
    fix = f"write {{name: inputs}}, with names among {', '.join(map(str, trainers))}"
    raise SpecError([Problem("inputs", inputs, "must say which trainer gets what", fix)])


def _session_of(trainers: Mapping[str | None, Any]) -> Any:
    return next((one.sagemaker_session for one in trainers.values() if one.sagemaker_session is not None), None)


def _single(tuner: Any, name: str | None) -> Any:
    """Return a copy of a tuner that tunes one of its algorithms only."""
    if name is None:
        return twin_of(tuner)
    own = {
        "objective_metric_name": tuner.objective_metric_name_dict,
        "_hyperparameter_ranges": tuner._hyperparameter_ranges_dict,  # noqa: SLF001  # the SDK has no other name for it
        "metric_definitions": tuner.metric_definitions_dict,
        "hyperparameters_to_keep_static": tuner.hyperparameters_to_keep_static_dict,
        "instance_configs": tuner.instance_configs_dict,
    }
    changes = {key: (values or {}).get(name) for key, values in own.items()}
    return twin_of(tuner, **changes, model_trainer_dict=None)


def _request_of(
    tuner: Any, trainer: Any, inputs: Any, job_name: str, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return what a tuner of one trainer sends, with what would be lost, and what to tell of that.

    Args:
        tuner: A copy of the user's; it is changed.
        trainer: The user's.
        inputs: Addresses.
        job_name: Name of the job.
        arguments: Further ones of ``tune()``.
    """
    offline = Offline(places_of(trainer.sagemaker_session)["region"] or SOMEWHERE)
    twin = _trainer_twin(trainer, offline)
    warnings: list[str] = []
    if isinstance(inputs, list):
        inputs = [_channel(one, twin, "inputs", warnings, plain=True) for one in inputs]
    if twin.input_data_config:
        own = [_channel(one, twin, "input_data_config", warnings, plain=False) for one in twin.input_data_config]
        vars(twin)["input_data_config"] = own
    tuner.model_trainer = twin
    try:
        with _clients_of(type(tuner), offline):
            request = sent_by(lambda: tuner.tune(inputs, job_name=job_name, **{**arguments, "wait": False}), offline)
    finally:
        drivers = vars(twin).get("_tuner_temp_dir")
        if drivers is not None and drivers is not vars(trainer).get("_tuner_temp_dir"):
            drivers.cleanup()
    definition = request["TrainingJobDefinition"]
    channels = definition.get("InputDataConfig") or []
    definition["InputDataConfig"] = [one for one in channels if one["ChannelName"] != _DRIVERS]
    warnings += recover_content_types(inputs, definition)
    return request, [*warnings, *recover_definition(tuner, trainer, request)]


def _trainer_twin(trainer: Any, offline: Offline) -> Any:
    session = trainer.sagemaker_session
    if session is None:  # a trainer for containers on this machine
        module = sys.modules["sagemaker.core.helper.session_helper"]
        session = module.Session(boto_session=offline.session, default_bucket=NO_BUCKET)
    shapes = sys.modules["sagemaker.core.shapes"]
    output = trainer.output_data_config or shapes.OutputDataConfig(s3_output_path=f"s3://{NO_BUCKET}/")
    twin = twin_of(
        trainer,
        sagemaker_session=session_twin(session, offline),
        training_mode=type(trainer.training_mode)["SAGEMAKER_TRAINING_JOB"],
        role=trainer.role or f"arn:aws:iam::{NO_ACCOUNT}:role/none",
        output_data_config=output,
        tags=[tag if isinstance(tag, dict) else {"Key": tag.key, "Value": tag.value} for tag in trainer.tags or ()],
    )
    # A trainer cleans up the folders that it holds when it goes; the twin's are the user's.
    twin.__pydantic_private__.update(_temp_recipe_train_dir=None, _temp_code_dir=None)
    return twin


def _channel(given: Any, trainer: Any, path: str, warnings: list[str], *, plain: bool) -> Any:
    """Return an input as the SDK's tuner can send it.

    Args:
        given: A ``Channel``, which it can, or an ``InputData``.
        trainer: Makes a ``Channel`` of an ``InputData``, as its ``train()`` does.
        path: Where it stands.
        warnings: Takes what to tell.
        plain: Whether the tuner knows what to do with an ``InputData`` that is an address.
    """
    if type(given).__name__ != "InputData":
        return given
    where = f"{path}[{given.channel_name!r}]"
    source = addressed(given.data_source, where)
    if plain and isinstance(source, str):
        return twin_of(given, data_source=source)
    if not plain:
        warnings.append(f"{where}: the SDK's tuner fails with an InputData of its trainer; kept")
    channel = trainer.create_input_data_channel(given.channel_name, source)
    if given.content_type is not None:
        channel.content_type = given.content_type
    return channel


@contextmanager
def _clients_of(tuner_class: type, offline: Offline) -> Iterator[None]:
    """Have the SDK's resources use clients that reach nobody, in this thread.

    Resources make clients of their own, and keep them: 3.12 keeps one for the whole process, whatever session it is given
    later. Other threads get theirs as ever.
    """
    resource = getattr(sys.modules[_module_of(tuner_class)], "HyperParameterTuningJob", object)
    base = next((one for one in resource.__mro__ if _MAKER in vars(one)), None)
    if base is None:
        rule = "creates tuning jobs in a way that is not known"
        raise SpecError([Problem("tuner", tuner_class.__name__, rule, "use sagemaker 3.27, or a version near it")])
    here = threading.get_ident()

    def client(cls: type, session: Any = None, region_name: Any = None, service_name: str = "sagemaker") -> Any:
        if threading.get_ident() == here:
            return offline.client(service_name)
        return maker.__get__(None, cls)(session=session, region_name=region_name, service_name=service_name)

    with _PATCHING:
        maker = vars(base)[_MAKER]
        setattr(base, _MAKER, classmethod(client))
        try:
            yield
        finally:
            setattr(base, _MAKER, maker)


def _module_of(tuner_class: type) -> str:
    return next(one.__module__ for one in tuner_class.__mro__ if one.__module__.startswith("sagemaker."))


def _code(trainer: Any) -> Code | None:
    """Return the code that a tuner would upload for a trainer, if it has any here.

    Raises:
        SpecError: It is packed already.
    """
    source = trainer.source_code or SimpleNamespace(entry_script=None, source_dir=None)
    if source.entry_script is None or source.source_dir is None or source.source_dir.startswith("s3://"):
        return None
    folder = Path(source.source_dir).absolute()
    if folder.is_file():
        fix = "unpack it, and name the folder"
        rule = "is an archive, of which the SDK's tuner would send nothing"
        raise SpecError([Problem("source_code.source_dir", source.source_dir, rule, fix)])
    return Code(str(folder), source.entry_script)
