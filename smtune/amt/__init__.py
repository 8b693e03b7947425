"""The wire format of SageMaker Automatic Model Tuning (AMT): pure functions over the plain values that its API speaks."""

from smtune.amt.description import decode_objective, decode_trials

__all__ = ["decode_objective", "decode_trials"]
