"""The numbers behind the rules, each with the page that states it.

Numbers that the service model itself states (lengths, sizes of lists, least values) are in ``service_model.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from smtune.amt.rules.rule import GUIDE
from smtune.amt.violations import API_REFERENCE

_QUOTAS = f"{GUIDE}automatic-model-tuning-limits.html"


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that AWS states.

    Attributes:
        value: In the unit that ``what`` names.
        what: What is limited.
        source: Address of the page.
    """

    value: int
    what: str
    source: str


LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "tuned": Limit(
            30, "hyperparameters to search, over all kinds of ranges", f"{API_REFERENCE}ParameterRanges.html"
        ),
        "hyperparameters": Limit(
            100,
            "hyperparameters of a training job: static ones, tuned ones and AMT's own",
            f"{API_REFERENCE}HyperParameterTrainingJobDefinition.html",
        ),
        "training_jobs": Limit(750, "training jobs of a tuning job", _QUOTAS),
        "random_training_jobs": Limit(10_000, "training jobs of a random search, after a raised quota", _QUOTAS),
        "parallel": Limit(10, "training jobs of a tuning job at the same time", _QUOTAS),
        "raised_parallel": Limit(100, "training jobs of a tuning job at the same time, after a raised quota", _QUOTAS),
        "tuning_seconds": Limit(30 * 86_400, "seconds that a tuning job runs", _QUOTAS),
        "training_seconds": Limit(
            28 * 86_400, "seconds that a training job runs", f"{API_REFERENCE}StoppingCondition.html"
        ),
        "default_training_seconds": Limit(
            86_400, "seconds that a training job runs if nothing is said", f"{API_REFERENCE}StoppingCondition.html"
        ),
        "hyperband_resource": Limit(20_000, "epochs of Hyperband", f"{API_REFERENCE}HyperbandStrategyConfig.html"),
        "environment": Limit(
            48,
            "environment variables, over all definitions",
            f"{API_REFERENCE}HyperParameterTrainingJobDefinition.html",
        ),
    }
)
"""Limits by name."""
