"""The one entrance: a tuner of either generation to a spec."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from smtune.adapters.sagemaker_sdk import version_2, version_3
from smtune.adapters.sagemaker_sdk.capture import Capture
from smtune.adapters.sagemaker_sdk.code import Code
from smtune.adapters.sagemaker_sdk.decoding import spec_of
from smtune.errors import Problem, SpecError
from smtune.spec import TuningSpec

_CAPTURES: Mapping[tuple[str, str], Callable[[Any, Any, str, Mapping[str, Any]], Capture]] = {
    ("sagemaker.train.tuner", "HyperparameterTuner"): version_3.capture,
    ("sagemaker.tuner", "HyperparameterTuner"): version_2.capture,
}
"""Where each generation's tuner is defined, and what captures its request."""

_LONGEST_NAME = 32


def from_tuner(
    tuner: Any,
    inputs: Any = None,
    *,
    job_name: str | None = None,
    code_dir: str | os.PathLike[str] | None = None,
    **arguments: Any,
) -> TuningSpec:
    """Return the spec of the job that a tuner of the SageMaker SDK would submit.

    Args:
        tuner: A ``HyperparameterTuner`` of version 3 (``sagemaker.train.tuner``) or version 2 (``sagemaker.tuner``). It
            stays as it is.
        inputs: What its ``tune()`` or ``fit()`` would be given. Folders and files of this machine may stand for
            ``s3://`` addresses, so that trainings here find their data.
        job_name: Name of the job; by default ``base_tuning_job_name``, if the tuner has one.
        code_dir: Folder for a copy of the training code, laid out as the SDK would pack it; by default the spec names
            the code where it is. It matters where the SDK packs a script alone, or ``dependencies`` beside it.
        **arguments: Further arguments of ``tune()`` or ``fit()``.

    Raises:
        SpecError: It is no tuner, needs AWS or a pipeline, is refused by the SDK, or asks for what no spec can say.

    Warns:
        UserWarning: The SDK would lose something of it on the way, or the spec does.
    """
    capture = _capture_of(tuner)
    problems = [*_pipeline_problems(tuner, inputs)]
    if problems:
        raise SpecError(problems)
    base = getattr(tuner, "base_tuning_job_name", None)
    name = job_name or (base and base[:_LONGEST_NAME].rstrip("-"))
    captured = capture(tuner, inputs, name or "tuning", arguments)
    told = [*captured.warnings]
    if code_dir is None:
        told += [text for one in captured.code.values() for text in one.losses()]
    else:
        captured = replace(captured, code=_copies(captured.code, Path(code_dir).expanduser()))
    spec = spec_of(captured, name)
    for text in told:
        warnings.warn(text, UserWarning, stacklevel=2)
    return spec


def _copies(code: Mapping[str | None, Code], folder: Path) -> dict[str | None, Code]:
    """Return copies of the code of each definition; where there are several, each has a folder of its own."""
    return {name: one.copied_to(folder if name is None else folder / name) for name, one in code.items()}


def _capture_of(tuner: Any) -> Callable[[Any, Any, str, Mapping[str, Any]], Capture]:
    for base in type(tuner).__mro__:
        capture = _CAPTURES.get((base.__module__, base.__qualname__))
        if capture is not None:
            return capture
    kind = f"{type(tuner).__module__}.{type(tuner).__qualname__}"
    rule = "is no HyperparameterTuner of the SageMaker SDK"
    fix = "give one of sagemaker.train.tuner (version 3) or sagemaker.tuner (version 2)"
    raise SpecError([Problem("tuner", kind, rule, fix)])


def _pipeline_problems(tuner: Any, inputs: Any) -> Iterator[Problem]:
    """Yield what is known only when a pipeline runs."""
    fix = "give the tuner plain values and a plain session"
    seen: set[int] = set()
    for path, value in [*_members(tuner, "tuner", seen), *_members(inputs, "inputs", seen)]:
        classes = {base.__name__ for base in type(value).__mro__}
        if "PipelineVariable" in classes:
            yield Problem(path, type(value).__name__, "is known only when a pipeline runs", fix)
        elif "PipelineSession" in classes:
            yield Problem(path, type(value).__name__, "submits nothing by itself", fix)


def _members(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield all of the SDK's objects that a value holds, with their paths."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _members(key, path, seen)
            yield from _members(one, f"{path}[{key!r}]", seen)
    elif isinstance(value, list | tuple | set):
        for place, one in enumerate(value):
            yield from _members(one, f"{path}[{place}]", seen)
    elif any(base.__module__.partition(".")[0] == "sagemaker" for base in type(value).__mro__):
        yield path, value
        if not any(base.__name__ == "Session" for base in type(value).__mro__):
            for name, one in list(getattr(value, "__dict__", {}).items()):
                yield from _members(one, f"{path}.{name}", seen)
