"""SageMaker's protocol, AWS JSON 1.1: whose operation a request is, and JSON in and out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast
from uuid import uuid4

from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from smtune.emulator.moto_plugin.models import AmtSageMakerBackend
from smtune.emulator.moto_plugin.plugin import TARGET
from smtune.emulator.moto_plugin.requests import checked, service_model
from smtune.emulator.service.errors import ServiceError, validation

_LOGGER = logging.getLogger(__name__)

Answer = tuple[int, dict[str, str], str]
"""Status, headers and body, as moto wants them."""

_ARN_PARTS: Final = (":training-job/", ":hyper-parameter-tuning-job/")
_RESOURCES: Final = ("TrainingJob", "HyperParameterTuningJob")


def _has_own_arn(request: Mapping[str, Any]) -> bool:
    return any(part in str(request.get("ResourceArn")) for part in _ARN_PARTS)


_SHARED: Final[dict[str, Callable[[Mapping[str, Any]], bool]]] = {
    "AddTags": _has_own_arn,
    "DeleteTags": _has_own_arn,
    "ListTags": _has_own_arn,
    "Search": lambda request: request.get("Resource") in _RESOURCES,
}
"""Operations that moto has for other resources: whether a request is about ours."""


class AmtSageMakerResponse(SageMakerResponse):
    """Answers the service's operations, and leaves all others to moto."""

    @classmethod
    def dispatch(cls, request: Any, full_url: str, headers: Any) -> Any:
        """Answer a request of SageMaker.

        Args:
            request: As the moto at hand passes it: one of werkzeug, flask or botocore.
            full_url: Its address.
            headers: Its headers.
        """
        reader = cls()
        reader.automated_parameter_parsing = False  # newer versions of moto would read the parameters themselves
        reader.setup_class(request, full_url, headers, use_raw_body=True)
        target = _text(reader.headers.get("X-Amz-Target") or "")
        try:
            backend = _backend(reader.current_account, reader.region)
            operation, body = _operation(target), read(reader.body)
            is_own = _is_own(backend, operation, body)
            # Tuning jobs are checked by the service itself, which knows more of them.
            body = checked(operation, body, constraints=is_own and operation != "CreateHyperParameterTuningJob")
            if is_own:
                return answer(200, _call(backend, operation, body))
            with backend.plugin.gate:
                return _left_to_moto(operation, lambda: SageMakerResponse.dispatch(request, full_url, headers))
        except ServiceError as error:
            return refusal(error)


def _left_to_moto(operation: str, dispatch: Callable[[], Any]) -> Any:
    """Return moto's answer.

    Raises:
        ServiceError: moto does not implement the operation, or stumbles over a resource that it does not know.
    """
    try:
        return dispatch()
    except NotImplementedError:
        text = f"Neither this emulator nor its moto implements {operation}."
        raise ServiceError("NotImplemented", text, status=501) from None
    except (AttributeError, LookupError, TypeError, ValueError):
        if operation not in _SHARED:
            raise
        raise validation("The resource is none that this emulator knows.") from None


def _backend(account: str, region: str) -> AmtSageMakerBackend:
    """Return what SageMaker knows in an account and region.

    Raises:
        ServiceError: There is no such region.
    """
    regions = sagemaker_backends[account]
    if region not in regions:
        raise ServiceError("UnrecognizedClientException", f"SageMaker is not in the region {region}.")
    return cast("AmtSageMakerBackend", regions[region])


def _operation(target: str) -> str:
    """Return the operation that a request asks for.

    Raises:
        ServiceError: SageMaker has no such operation.
    """
    operation = target.removeprefix(TARGET)
    if not target.startswith(TARGET) or operation not in service_model().operation_names:
        raise ServiceError("UnknownOperationException", f"There is no operation {target or 'without a name'}.")
    return operation


def _call(backend: AmtSageMakerBackend, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the service's answer.

    Raises:
        ServiceError: It refuses, or failed: that is its own fault then, and in the log with all that helps to mend it.
    """
    try:
        return backend.service.call(operation, request)
    except ServiceError:
        raise
    except Exception as error:
        _LOGGER.exception("%s failed", operation)
        text = f"The emulator failed: {type(error).__name__}: {error}"
        raise ServiceError("InternalFailure", text, status=500) from error


def _is_own(backend: AmtSageMakerBackend, operation: str, request: Mapping[str, Any]) -> bool:
    if operation not in backend.plugin.operations:
        return False
    return operation not in _SHARED or _SHARED[operation](request)


def read(body: bytes | str | None) -> dict[str, Any]:
    """Return a request.

    Raises:
        ServiceError: It is no JSON object.
    """
    read = read_json(body or "{}")
    if not isinstance(read, dict):
        raise ServiceError("SerializationException", "The request is no JSON object.")
    return read


def read_json(body: bytes | str) -> Any:
    """Return what a body says.

    Raises:
        ServiceError: It is no JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:  # a wrong encoding is a ValueError, too
        raise ServiceError("SerializationException", f"The request is no JSON: {error}") from None


def answer(status: int, body: Mapping[str, Any]) -> Answer:
    """Return an answer in AWS JSON 1.1; times are seconds since the epoch."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid4())}
    return status, headers, json.dumps(body, default=_plain)


def refusal(error: ServiceError) -> Answer:
    """Return an error as AWS tells it."""
    return answer(error.status, {"__type": error.code, "message": error.message})


def _plain(value: object) -> float:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} cannot be told in JSON")


def _text(value: str | bytes) -> str:
    """Return a header of a request, which botocore may have made of bytes."""
    return value.decode("latin-1") if isinstance(value, bytes) else value
