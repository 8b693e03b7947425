"""The wire format of SageMaker Automatic Model Tuning (AMT): pure functions over the plain values that its API speaks."""

from smtune.amt.answers import encode_description, encode_summaries, encode_training_job
from smtune.amt.description import decode_description
from smtune.amt.echo import request_of
from smtune.amt.limits import Severity, Violation, check_request
from smtune.amt.lowering import References, losses, lower
from smtune.amt.request import decode_request, encode_request
from smtune.amt.summaries import decode_objective, decode_trials

__all__ = [
    "References",
    "Severity",
    "Violation",
    "check_request",
    "decode_description",
    "decode_objective",
    "decode_request",
    "decode_trials",
    "encode_description",
    "encode_request",
    "encode_summaries",
    "encode_training_job",
    "losses",
    "lower",
    "request_of",
]
