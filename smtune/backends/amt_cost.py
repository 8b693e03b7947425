"""What the training jobs of a tuning job cost per hour, by what SageMaker says of it and the prices known here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smtune.errors import SpecError
from smtune.pricing import PriceBook
from smtune.store import home


def usd_per_hour(description: Mapping[str, Any], region: str) -> float | None:
    """Return what one training job costs per hour on demand, in USD; spare capacity is billed fewer seconds.

    Args:
        description: What ``DescribeHyperParameterTuningJob`` answers.
        region: Where the job runs.

    Returns:
        ``None`` if its training jobs run on different instances, or the region's own price is not known here.
    """
    used = set(_instances(description))
    if len(used) != 1:
        return None
    ((instance_type, count),) = used
    price = _prices().price(instance_type, region)
    return None if price is None or price.region != region else price.usd * count


def _instances(description: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield type and number of all instances that a training job may get; no type for what is more than that."""
    for one in description.get("TrainingJobDefinitions") or [description.get("TrainingJobDefinition") or {}]:
        flexible = one.get("HyperParameterTuningResourceConfig") or {}
        for config in flexible.get("InstanceConfigs") or [flexible or one.get("ResourceConfig") or {}]:
            yield config.get("InstanceType", ""), config.get("InstanceCount", 1)


def _prices() -> PriceBook:
    try:
        return PriceBook.load(home())
    except SpecError:  # `smtune prices` says what is wrong with the refreshed ones
        return PriceBook.load()
