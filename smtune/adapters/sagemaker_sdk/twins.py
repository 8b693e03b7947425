"""Copies of the SDK's objects to work on, so that the user's stay as they are."""

from __future__ import annotations

import copy
import os
from typing import Any

from smtune.adapters.sagemaker_sdk.offline import NO_BUCKET, Offline


def twin_of(original: Any, **changes: Any) -> Any:
    """Return a copy of an object whose lists and mappings are its own.

    Whatever else it holds, it shares with the original.

    Args:
        original: An object with a ``__dict__``.
        **changes: Attributes of the copy that differ.
    """
    twin = copy.copy(original)
    vars(twin).update({name: _own(value) for name, value in vars(original).items()} | changes)
    return twin


def _own(value: Any) -> Any:
    if type(value) is dict:
        return {key: _own(one) for key, one in value.items()}
    return [_own(one) for one in value] if type(value) is list else value


def session_twin(session: Any, offline: Offline) -> Any:
    """Return a copy of one of the SDK's sessions that reaches nobody.

    Args:
        session: A ``Session`` of either generation; a local one becomes one that would ask AWS.
        offline: Takes the place of its boto3 session.
    """
    bucket = getattr(session, "_default_bucket", None) or getattr(session, "_default_bucket_name_override", None)
    changes = {name: None for name, value in vars(session).items() if _is_of_boto(value)} | {
        "boto_session": offline.session,
        "sagemaker_client": offline.client("sagemaker"),
        "s3_client": offline.client("s3"),
        "s3_resource": offline.session.resource("s3"),
        "local_mode": False,
        "_default_bucket": bucket or NO_BUCKET,
    }
    return twin_of(session, **changes)


def _is_of_boto(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("boto3", "botocore")


def places_of(session: Any) -> dict[str, str | None]:
    """Return region, bucket and prefix that one of the SDK's sessions names; there may be no session.

    A bucket that the SDK has made up of account and region is not one that somebody wants.
    """
    variables = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return {
        "region": getattr(session, "boto_region_name", None) or variables,
        "bucket": getattr(session, "_default_bucket_name_override", None),
        "prefix": getattr(session, "default_bucket_prefix", None),
    }
