"""What the SDK would send, and what of it lies on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smtune.adapters.sagemaker_sdk.code import Code
from smtune.adapters.sagemaker_sdk.offline import NO_BUCKET, Captured, NotOfflineError, Offline
from smtune.errors import Problem, SpecError

_TUNER = "HyperparameterTuner"
_HERE = f"s3://{NO_BUCKET}/here"


@dataclass(frozen=True, slots=True)
class Capture:
    """What the SDK would send.

    Attributes:
        request: ``CreateHyperParameterTuningJob``, with what the SDK would have lost of it.
        region: Where it would be sent to, if that is known.
        bucket: Where the user wants uploads, if the session says so; not the SDK's default.
        prefix: Begins the names of uploads, if the session says so.
        code: What the SDK would pack and upload, by definition; ``None`` is the only one.
        warnings: What was recovered, and what is lost, one line each.
    """

    request: dict[str, Any]
    region: str | None
    bucket: str | None = None
    prefix: str | None = None
    code: Mapping[str | None, Code] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def sent_by(submit: Callable[[], object], offline: Offline) -> dict[str, Any]:
    """Return the request that a call of the SDK sends.

    Args:
        submit: Calls the SDK, whose sessions reach nobody.
        offline: What they reach instead.

    Raises:
        SpecError: The SDK refuses, with its own words; or it asks AWS for more than the job.
    """
    try:
        submit()
    except Captured:
        pass
    except NotOfflineError as error:
        rule = f"asks AWS ({error}) before the tuning job is made, and nobody is asked here"
        raise SpecError([Problem("tuner", _TUNER, rule, "name what it asks for in the estimator")]) from error
    except Exception as error:  # whatever the SDK refuses with
        raise SpecError([_refusal(error)]) from error
    if offline.request is None:
        raise SpecError([Problem("tuner", _TUNER, "sent no request", "see whether its fit() or tune() does")])
    return offline.request


def _refusal(error: Exception) -> Problem:
    rule = f"is refused by the SageMaker SDK: {type(error).__name__}: {' '.join(str(error).split())}"
    return Problem("tuner", _TUNER, rule, "change it as the SDK says")


def addressed(inputs: Any, path: str = "inputs") -> Any:
    """Return the inputs of a tuner with an address in S3 for each folder and file that they name.

    The SDKs take no others. :func:`local_source` returns what an address stands for.

    Args:
        inputs: What ``fit()`` or ``tune()`` would be given; folders and files, too.
        path: What to call them in errors.

    Raises:
        SpecError: One of them is nowhere.
    """
    if isinstance(inputs, Mapping):
        return {name: addressed(one, f"{path}.{name}") for name, one in inputs.items()}
    if not isinstance(inputs, str) and not hasattr(inputs, "__fspath__"):
        return inputs
    text = str(inputs)
    if "://" in text and not text.startswith("file://"):
        return text
    return _HERE + str(_found(text, path))


def _found(text: str, path: str) -> Path:
    place = Path(text.removeprefix("file://")).expanduser().absolute()
    if not place.exists():
        rule = "is neither an s3:// address nor a folder or a file here"
        raise SpecError([Problem(path, text, rule, "check the path")])
    return place


def local_source(address: str) -> str:
    """Return the path that an address of a channel stands for; the address itself if that is all there is.

    >>> local_source("s3://bucket/train"), local_source("file:///data/train")
    ('s3://bucket/train', '/data/train')
    """
    if address.startswith(_HERE):
        return address.removeprefix(_HERE)
    if address.startswith("file://"):
        return address.removeprefix("file://")
    return address if "://" in address or address.startswith("arn:") else str(Path(address).absolute())


def keep_toolkit_static(definition: dict[str, Any], ranges: dict[str, Any]) -> list[str]:
    """Take the training toolkit's hyperparameters out of those that SageMaker chooses, and return what to tell.

    With ``autotune``, the SDKs leave all hyperparameters to SageMaker that they are not told to keep, even those that say
    what to run.

    Args:
        definition: Changed in place.
        ranges: Its ``ParameterRanges``; changed in place.
    """
    chosen = {one["Name"]: one["ValueHint"] for one in ranges.get("AutoParameters") or ()}
    toolkit = {name: hint for name, hint in chosen.items() if name.startswith("sagemaker_")}
    if not toolkit:
        return []
    ranges["AutoParameters"] = [one for one in ranges["AutoParameters"] if one["Name"] not in toolkit]
    definition["StaticHyperParameters"] = {**(definition.get("StaticHyperParameters") or {}), **toolkit}
    return [f"autotune: the SDK would let SageMaker choose {', '.join(sorted(toolkit))}; they stay as they are"]
