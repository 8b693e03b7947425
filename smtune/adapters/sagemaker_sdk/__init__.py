"""Tuners of the SageMaker Python SDK, version 3 or 2, as specs.

::

    tuner = HyperparameterTuner(estimator, "validation:auc", {...})     # as the notebook has it
    spec = from_tuner(tuner, {"train": "data/train"})                   # in place of tuner.fit(...) or tuner.tune(...)
    tune(spec).wait()                                                   # here; or backend="amt", smtune check, ...

A copy of the tuner is told to submit its job, with a session that reaches nobody; the request that it would have sent
is decoded by :func:`smtune.amt.decode_request`. Nothing is uploaded, no credentials are read, and the tuner stays as it
is.
"""

from smtune.adapters.sagemaker_sdk.tuners import from_tuner

__all__ = ["from_tuner"]
