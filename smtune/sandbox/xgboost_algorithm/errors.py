"""Who is to blame for a training that failed."""

from __future__ import annotations


class UserError(Exception):
    """The hyperparameters or the data are wrong."""


class AlgorithmError(Exception):
    """Anything else."""
