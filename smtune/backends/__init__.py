"""A *backend* is a place where whole tuning jobs live: it plans, submits, polls, stops, and shows logs.

All of them take the same spec and give the same kind of answer; :func:`tune` is the way in.

==============  ====================  ================================================================
backend         strategy decides      trials run as
==============  ====================  ================================================================
``local``       here                  Python function, or training script as a process
``local-mode``  here                  training jobs of SageMaker, as processes with an ``/opt/ml`` each
``moto``        the emulator          training jobs of an emulated SageMaker on this machine
``amt``         AWS                   training jobs of SageMaker Automatic Model Tuning
==============  ====================  ================================================================
"""

from smtune.backends.amt import AmtBackend
from smtune.backends.base import Backend, Plan
from smtune.backends.job import (
    BACKENDS,
    BackendName,
    TuningJob,
    attach,
    backend_of,
    failure_text,
    find_job,
    open_backend,
    plan,
    resume,
    submit,
    tune,
)
from smtune.backends.local import LocalBackend
from smtune.backends.local_mode import LocalModeBackend
from smtune.backends.moto import MotoBackend

__all__ = [
    "BACKENDS",
    "AmtBackend",
    "Backend",
    "BackendName",
    "LocalBackend",
    "LocalModeBackend",
    "MotoBackend",
    "Plan",
    "TuningJob",
    "attach",
    "backend_of",
    "failure_text",
    "find_job",
    "open_backend",
    "plan",
    "resume",
    "submit",
    "tune",
]
