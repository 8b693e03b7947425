"""The environment of a training process."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_KEPT: Final = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION"})
_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_DROPPED: Final = ("AWS_", "SAGEMAKER_", "SM_", "TRAINING_JOB_")
_WITHOUT_CREDENTIALS: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "BOTO_CONFIG": os.devnull,
}


def inherited_environment() -> dict[str, str]:
    """Return what a child takes over from this process: everything but AWS credentials and SageMaker's variables.

    The region stays. Files and services that boto3 would ask for credentials are out of reach too. Relative entries of
    ``PYTHONPATH`` are made absolute, because the child works in another folder.
    """
    environment = {
        name: value for name, value in os.environ.items() if name in _KEPT or not name.upper().startswith(_DROPPED)
    }
    if environment.get("PYTHONPATH"):
        entries = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in entries)
    return {**environment, **_WITHOUT_CREDENTIALS}


def toolkit_environment(training: Mapping[str, Any]) -> dict[str, str]:
    """Return the ``SM_*`` variables that the SageMaker training toolkit 5.1 sets for a script.

    >>> variables = toolkit_environment({"hyperparameters": {"eta": 0.1}, "channel_input_dirs": {"train": "/data"}})
    >>> variables["SM_HP_ETA"], variables["SM_CHANNEL_TRAIN"], variables["SM_CHANNELS"]
    ('0.1', '/data', '["train"]')

    Args:
        training: The properties of the toolkit's ``Environment`` by their names.
    """
    values = {name: value for name, value in training.items() if name not in _NOT_VARIABLES}
    values["hps"] = training["hyperparameters"]
    values["framework_params"] = training.get("additional_framework_parameters")
    values["channels"] = sorted(training["channel_input_dirs"])
    values["user_args"] = command_arguments(training["hyperparameters"])
    values["training_env"] = dict(training)
    values |= {f"channel_{name}": path for name, path in training["channel_input_dirs"].items()}
    values |= {f"hp_{name}": value for name, value in training["hyperparameters"].items()}
    return {f"SM_{name.upper()}": _variable(value) for name, value in values.items()}


def command_arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return hyperparameters as the toolkit passes them to a script: sorted, one dash before a single letter.

    >>> command_arguments({"eta": 0.1, "C": 2, "verbose": True, "layers": {"a": 1, "b": 2}})
    ['-C', '2', '--eta', '0.1', '--layers', 'a=1,b=2', '--verbose', 'True']
    """
    arguments = []
    for name, value in sorted(hyperparameters.items()):
        text = (
            ",".join(f"{key}={item}" for key, item in sorted(value.items())) if isinstance(value, dict) else str(value)
        )
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", text]
    return arguments


_NOT_VARIABLES: Final = frozenset(
    {
        "additional_framework_parameters",
        "channel_input_dirs",
        "distribution_hosts",
        "hyperparameters",
        "is_master",
        "job_name",
        "master_hostname",
    }
)


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _encode(value)
