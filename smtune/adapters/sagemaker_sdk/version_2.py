"""Tuners of version 2 of the SDK: ``sagemaker.tuner.HyperparameterTuner``.

Its ``fit`` has its estimators pack and upload their code, and hands the whole request to its session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smtune.adapters.sagemaker_sdk.capture import Capture, addressed, keep_toolkit_static, sent_by
from smtune.adapters.sagemaker_sdk.code import Code
from smtune.adapters.sagemaker_sdk.offline import SOMEWHERE, Offline
from smtune.adapters.sagemaker_sdk.twins import places_of, session_twin, twin_of
from smtune.errors import HIDDEN, Problem, SpecError


def capture(tuner: Any, inputs: Any, job_name: str, arguments: Mapping[str, Any]) -> Capture:
    """Return what ``tuner.fit(inputs, job_name, **arguments)`` would send.

    Raises:
        SpecError: The SDK refuses, or needs AWS for it.
    """
    estimators = _estimators(tuner)
    _check(estimators)
    places = places_of(tuner.sagemaker_session)
    offline = Offline(places["region"] or SOMEWHERE)
    sessions = {id(one.sagemaker_session): one.sagemaker_session for one in estimators.values()}
    replaced = {key: session_twin(session, offline) for key, session in sessions.items()}
    twins = {
        name: twin_of(one, sagemaker_session=replaced[id(one.sagemaker_session)]) for name, one in estimators.items()
    }
    if tuner.estimator is not None:
        twin = twin_of(tuner, estimator=twins[None])
    else:
        twin = twin_of(tuner, estimator_dict=twins)
        arguments = {"include_cls_metadata": {}, **arguments}
    given = addressed(inputs)
    request = sent_by(lambda: twin.fit(given, job_name=job_name, **{**arguments, "wait": False}), offline)
    code = {name: found for name, one in estimators.items() if (found := _code(one)) is not None}
    warnings = [*_warnings(estimators, code)]
    for name, definition in _definitions(request).items():
        if name in code:
            _drop_code_channel(definition, twins[name])
        ranges = definition.get("HyperParameterRanges") or request["HyperParameterTuningJobConfig"].get(
            "ParameterRanges"
        )
        warnings += keep_toolkit_static(definition, ranges or {})
    return Capture(request, code=code, warnings=tuple(warnings), **places)


def _definitions(request: Mapping[str, Any]) -> dict[str | None, dict[str, Any]]:
    if "TrainingJobDefinition" in request:
        return {None: request["TrainingJobDefinition"]}
    return {one["DefinitionName"]: one for one in request["TrainingJobDefinitions"]}


def _drop_code_channel(definition: dict[str, Any], estimator: Any) -> None:
    """Take the channel out that brings the code to trainings without a network."""
    if estimator.code_uri is not None:
        channels = definition.get("InputDataConfig") or ()
        definition["InputDataConfig"] = [one for one in channels if one["ChannelName"] != estimator.code_channel_name]


def _estimators(tuner: Any) -> dict[str | None, Any]:
    return {None: tuner.estimator} if tuner.estimator is not None else dict(tuner.estimator_dict)


def _check(estimators: Mapping[str | None, Any]) -> None:
    problems = [
        Problem("estimator.git_config", HIDDEN, "would be cloned", "clone it, and name source_dir in the clone")
        for one in estimators.values()
        if getattr(one, "git_config", None)
    ]
    if problems:
        raise SpecError(problems)


def _code(estimator: Any) -> Code | None:
    """Return the code that an estimator would upload, if it has any here."""
    script, folder = getattr(estimator, "entry_point", None), getattr(estimator, "source_dir", None)
    if script is None or (folder is not None and folder.lower().startswith("s3://")):
        return None
    beside = tuple(str(Path(one).absolute()) for one in estimator.dependencies or ())
    if folder is None:
        path = Path(script.removeprefix("file://")).absolute()
        return Code(str(path.parent), path.name, whole=False, beside=beside)
    return Code(str(Path(folder.removeprefix("file://")).absolute()), script, beside=beside)


def _warnings(estimators: Mapping[str | None, Any], code: Mapping[str | None, Code]) -> Iterator[str]:
    for name, one in estimators.items():
        where = "estimator" if name is None else f"estimator_dict[{name!r}]"
        if "/" not in one.role:
            yield f"{where}.role: nobody is asked for the ARN of {one.role}; sagemaker.role is left open"
        if name in code and one.enable_network_isolation():
            yield (
                f"{where}: without a network, the SDK brings the code in a channel; smtune names its address, "
                "which such a training cannot reach on SageMaker"
            )
