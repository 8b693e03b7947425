"""AWS's container for XGBoost without a script, emulated by plain XGBoost: hyperparameters, channels, log lines, model.

A program of its own, which reads what SageMaker lays out and needs ``xgboost`` and ``numpy``. It does not do: several
hosts together (each trains on what it has, and the first saves its model), Parquet, RecordIO, GPUs, and the container's
undocumented cross-validation.

Names, ranges and messages follow aws/sagemaker-xgboost-container (Apache-2.0), commits 13a194f0 and 0f2757e4.
"""

from __future__ import annotations


def main() -> None:
    """Train, as the environment says; exit with 1 if that fails."""
    from smtune.sandbox.xgboost_algorithm.job import run

    run()
