"""The environment of a training process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_KEPT: Final = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION"})
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
