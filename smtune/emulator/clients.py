"""What clients must be told to talk to an emulator, and to nobody else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ACCOUNT: Final = "123456789012"
"""The account whose every credential is good: moto's own."""

REGION: Final = "us-east-1"
"""Where an emulator is, unless somebody says otherwise."""

PORT: Final = 5566
"""Where ``smtune emulator serve`` listens, unless somebody says otherwise."""

ROLE_NAME: Final = "SageMaker"

ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}"
"""An execution role that SageMaker may assume."""


def default_bucket(region: str) -> str:
    """Return the bucket that the SageMaker SDK takes where nobody names one."""
    return f"sagemaker-{region}-{ACCOUNT}"


def client_environment(url: str, region: str, folder: Path) -> dict[str, str]:
    """Return the variables that send boto3, the command line and both versions of the SageMaker SDK to an emulator.

    The SDK asks STS at an address of its own for the number of the account, unless its configuration names the default
    bucket, and for the role, unless that is named; likewise it tells AWS how it is used. So that file is written, too.

    Args:
        url: Where the emulator listens.
        region: The region that clients take.
        folder: Where the file goes; it is made if need be.

    Raises:
        OSError: The file cannot be written.
    """
    import yaml

    modules = {"TelemetryOptOut": True, "Session": {"DefaultS3Bucket": default_bucket(region)}}
    sagemaker = {"PythonSDK": {"Modules": modules}, "TrainingJob": {"RoleArn": ROLE}}
    config = {"SchemaVersion": "1.0", "SageMaker": sagemaker}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sagemaker-{region}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return {
        **endpoint_environment(url, region),
        "AWS_REGION": region,
        "SAGEMAKER_VALIDATE_ROLE": "false",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(path),
        "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    }


def endpoint_environment(url: str, region: str) -> dict[str, str]:
    """Return the variables that send boto3 to an emulator: past any proxy, and with credentials that are worth nothing.

    Args:
        url: Where the emulator listens.
        region: The region that clients take.
    """
    proxied = {name: ",".join(filter(None, [os.environ.get(name), *LOOPBACK])) for name in ("NO_PROXY", "no_proxy")}
    return {"AWS_ENDPOINT_URL": url, **CREDENTIALS, "AWS_DEFAULT_REGION": region, **proxied}


LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""What no proxy is asked for."""

NOWHERE: Final = "http://127.0.0.1:9"
"""Where nobody listens: the port of the discard service."""

CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Credentials that are worth nothing, and no way to find others."""


def foreign_names(variables: Mapping[str, str]) -> list[str]:
    """Return the names of variables that say who asks AWS, and where; sorted."""
    return sorted(name for name in variables if name.startswith(("AWS_", "SAGEMAKER_")))
