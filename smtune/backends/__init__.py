"""A *backend* is a place where whole tuning jobs live: it plans, submits, polls, stops, and shows logs.

All of them take the same spec and give the same kind of answer; :func:`tune` is the way in.

==============  ====================  ============================================================
backend         strategy decides      trials run as
==============  ====================  ============================================================
``local``       here                  Python function, or training script as a process
``local-mode``  here                  training jobs of SageMaker, with an ``/opt/ml`` each, as processes
``amt``         AWS                   training jobs of SageMaker Automatic Model Tuning
==============  ====================  ============================================================
"""

from smtune.backends.amt import AmtBackend
from smtune.backends.base import Backend, Plan
from smtune.backends.job import (
    BACKENDS,
    BackendName,
    TuningJob,
    attach,
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

__all__ = [
    "BACKENDS",
    "AmtBackend",
    "Backend",
    "BackendName",
    "LocalBackend",
    "LocalModeBackend",
    "Plan",
    "TuningJob",
    "attach",
    "failure_text",
    "find_job",
    "open_backend",
    "plan",
    "resume",
    "submit",
    "tune",
]
