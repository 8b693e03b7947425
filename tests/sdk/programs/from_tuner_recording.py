"""What a tuner sends, beside the spec that smtune makes of it."""

import json
import socket
import warnings
from unittest import mock

import boto3

from smtune.adapters.sagemaker_sdk import from_tuner
from smtune.amt import encode_request


class Sent(BaseException):
    """The SDK has sent its request; nothing needs to run."""


def recording_session():
    """Return a boto3 session, and the list that takes the requests that it sends for tuning jobs."""
    session, requests = boto3.Session(), []

    def record(params, **_event):
        requests.append(json.loads(params["body"]))
        raise Sent

    session.events.register("before-call.sagemaker.CreateHyperParameterTuningJob", record)
    return session, requests


def refuse(*_arguments):
    raise AssertionError("something is sent")


def decoded(tuner, *arguments, **named):
    """Return the spec, what was warned of, and the request that the spec makes; nothing may be sent meanwhile."""
    before = state(tuner)
    with mock.patch.object(socket.socket, "connect", refuse), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spec = from_tuner(tuner, *arguments, **named)
    assert state(tuner) == before
    told = [str(one.message) for one in caught if one.category is UserWarning and one.filename == __file__]
    return spec, {"spec": spec.to_dict(), "request": encode_request(spec), "warnings": told}


def state(tuner):
    """Return all that a tuner and its estimators or trainers hold, as text."""
    held = [tuner, *(getattr(tuner, name, None) for name in ("estimator", "model_trainer"))]
    held += [
        one for name in ("estimator_dict", "model_trainer_dict") for one in (getattr(tuner, name, None) or {}).values()
    ]
    held += [one.sagemaker_session for one in held[1:] if one is not None]
    return [repr(sorted(vars(one).items())) for one in held if one is not None]


def sent(requests, submit):
    """Return the request that a call sends."""
    try:
        submit()
    except Sent:
        return requests.pop()
    raise AssertionError("no request was sent")
