"""What every account has that is ready for SageMaker: an execution role, and the SDK's default bucket."""

from __future__ import annotations

import json
from typing import Final

from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from smtune.emulator.clients import ACCOUNT, ROLE_NAME, default_bucket
from smtune.emulator.moto_plugin.plugin import Plugin

_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def furnish(plugin: Plugin, region: str) -> None:
    """Put the role and the bucket of a region into moto's state, where they are missing."""
    with plugin.gate:
        _furnish(region)


def _furnish(region: str) -> None:
    partition = get_partition(region)
    s3 = s3_backends[ACCOUNT][partition]
    if default_bucket(region) not in s3.buckets:
        s3.create_bucket(default_bucket(region), region)
    iam = iam_backends[ACCOUNT][partition]
    if all(role.name != ROLE_NAME for role in iam.roles.values()):
        iam.create_role(
            role_name=ROLE_NAME,
            assume_role_policy_document=json.dumps(_TRUST),
            path="/",
            permissions_boundary=None,
            description="What SageMaker may do for training jobs",
            tags=[],
            max_session_duration="3600",
        )
