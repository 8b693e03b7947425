"""The job that tests send: it needs nothing uploaded."""

from typing import Any

from tests.services.tuning_service import REGION, ROLE

IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/own:1"

FIELDS: dict[str, Any] = {
    "name": "churn",
    "objective": {"metric": "validation:auc", "goal": "Maximize"},
    "parameters": {"eta": {"type": "continuous", "min": 0.01, "max": 0.5}},
    "metrics": {"validation:auc": r"auc: ([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"},
    "strategy": "random",
    "limits": {"max_trials": 3, "max_parallel": 2, "max_trial_seconds": 600},
    "seed": 7,
    "training": {"image": IMAGE, "output": "s3://ours/models"},
    "sagemaker": {"role": ROLE, "region": REGION, "instance_type": "ml.m5.xlarge"},
}
