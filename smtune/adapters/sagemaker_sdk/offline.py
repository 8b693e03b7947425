"""A boto3 session that reaches nobody: it answers what the SDK asks by itself, and keeps the request that it was made for.

The answer is given at botocore's event ``before-call``, when a request has been validated and serialised and before
anything of it is sent. Nothing thus leaves the process, whatever credentials, endpoints or proxies are set.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

NO_ACCOUNT = "000000000000"
"""Stands for the account that nobody was asked for, in the ARN of a role whose name alone is known."""
NO_BUCKET = f"smtune-no-bucket-{NO_ACCOUNT}"
"""Stands for the default bucket that nobody was asked for."""
SOMEWHERE = "us-east-1"
"""Region of endpoints that are not contacted, where none is known."""

_CREDENTIALS = ("offline", "offline")
"""Requests are signed with these, so that nobody's own are read."""
_NO_PROFILE: Mapping[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Session variables of botocore (name in a config file, variable, default, conversion): no file of the user's is read."""
_CREATE = "CreateHyperParameterTuningJob"
_UPLOADS = frozenset(
    {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload"}
)


class Captured(BaseException):  # no error: it ends the SDK's work past its `except Exception`
    """The SDK has sent the request that it was asked for."""


class NotOfflineError(Exception):
    """The SDK asks AWS for something that cannot be known without."""


class Offline:
    """A boto3 session without a network.

    Attributes:
        session: The ``boto3.Session``.
        request: The ``CreateHyperParameterTuningJob`` request, as it would have gone over the wire; ``None`` before.
    """

    def __init__(self, region: str) -> None:
        """Make the session.

        Args:
            region: For the names of endpoints; none of them is contacted.
        """
        import boto3
        import botocore.session

        core = botocore.session.Session(session_vars=_NO_PROFILE)
        core.register_component("data_loader", _loader())
        self.request: dict[str, Any] | None = None
        self._clients: dict[str, Any] = {}
        self.session: Any = boto3.Session(*_CREDENTIALS, region_name=region, botocore_session=core)
        self.session.events.register("before-call", self._answer)

    def client(self, service: str) -> Any:
        """Return a client of a service, the same one each time: to make one is slow."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service)
        return self._clients[service]

    def _answer(self, model: Any, params: Mapping[str, Any], **_event: Any) -> tuple[Any, dict[str, Any]]:
        """Return the answer to a request, in place of sending it.

        Raises:
            Captured: It is the request to create a tuning job.
            NotOfflineError: Only AWS knows the answer.
        """
        operation = model.name
        if operation == _CREATE:
            self.request = json.loads(params["body"])
            raise Captured
        answer = _answers(operation, params.get("body"))
        if answer is None:
            raise NotOfflineError(f"{model.service_model.service_name}:{operation}")
        return SimpleNamespace(status_code=200, headers={}), {"ResponseMetadata": {}, **answer}


@functools.cache
def _loader() -> Any:
    """Return what reads botocore's descriptions of services, and remembers them: they are some megabytes of JSON."""
    from botocore.loaders import create_loader

    return create_loader()


def _answers(operation: str, body: Any) -> dict[str, Any] | None:
    """Return what is answered to an operation, or ``None`` if nothing that is true could be."""
    if operation in _UPLOADS:
        return {"UploadId": "offline", "ETag": "offline"}
    if operation == "GetRole":
        name = body["RoleName"]
        return {"Role": {"RoleName": name, "Arn": f"arn:aws:iam::{NO_ACCOUNT}:role/{name}"}}
    if operation == "GetCallerIdentity":
        return {"Account": NO_ACCOUNT, "Arn": f"arn:aws:iam::{NO_ACCOUNT}:root"}
    return {"EvaluationResults": []} if operation == "SimulatePrincipalPolicy" else None
