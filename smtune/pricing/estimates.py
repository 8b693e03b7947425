"""Bounds of the cost and the duration of a tuning job.

SageMaker's tuning itself is free; its training jobs are billed per second from ``TrainingStartTime`` to
``TrainingEndTime``, times the number of instances, plus their ML storage (``DescribeTrainingJob`` and
https://aws.amazon.com/sagemaker/pricing/). There is no least fee, so only what is known of the trials bounds the cost
from below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smtune.pricing.prices import STORAGE, Price, PriceBook, Standing

SPOT_SAVING = 0.9
"""At most what managed spot training saves: "up to 90%", Amazon SageMaker Developer Guide, Managed Spot Training."""

STOP_SECONDS = 120.0
"""Between SIGTERM and SIGKILL, when a limit stops a training job (``StoppingCondition``, SageMaker API Reference)."""

START_SECONDS = 120.0
"""The start of a training job: "often almost two minutes", tutorial of Syne Tune (Seeger 2022). It is not billed."""

_OWN_DISK = ("ml.g4dn.", "ml.g5.", "ml.p4d.")
"""Families whose instances train on their own NVMe disk, and get no ML storage (``ResourceConfig.VolumeSizeInGB``, API
Reference). It names these as examples; for others the storage is counted, which keeps the worst case a bound."""

_HOUR = 3600.0
_MONTH_SECONDS = {"least": 31 * 24 * _HOUR, "expected": 730 * _HOUR, "worst": 28 * 24 * _HOUR}
"""A GB-month is spread over the month's own seconds: the longest month is the cheapest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceUse:
    """The instances of every trial of one training definition.

    Attributes:
        type: E.g. ``ml.m5.xlarge``.
        count: Instances per trial.
        volume_gb: ML storage per instance; not billed for types that train on a disk of their own, e.g. ml.g5.
        fallbacks: Taken instead, in this order, where there is no capacity (``InstanceConfigs``).
        beside: Further instances of the same trial, of other types (``InstanceGroups``).
    """

    type: str
    count: int = 1
    volume_gb: float = 30.0
    fallbacks: tuple[InstanceUse, ...] = ()
    beside: tuple[InstanceUse, ...] = ()

    @property
    def billed_gb(self) -> float:
        """The ML storage per instance that is billed."""
        return 0.0 if self.type.startswith(_OWN_DISK) else self.volume_gb


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a tuning job may do, as far as it bears on time and money.

    Attributes:
        instances: One per training definition, at least one.
        region: Where they run.
        max_trial_seconds: The longest a trial may train; of several definitions the longest.
        trials: The most there may be; ``None`` if only time ends the job.
        parallel: Trials at a time.
        max_runtime_seconds: Wall-clock seconds of the whole job; running trials are then stopped.
        max_wait_seconds: The longest that a trial on spot instances may take, its waiting included.
        spot: Managed spot training.
        stops_early: Trials or the job may end before their limits, by early stopping, Hyperband or a criterion.
        seconds_per_trial: What a trial takes on average, where that is known.
        shortest_trial_seconds: The shortest trial that is known; by default all are taken to be alike.
        usd_per_hour: What the user says that an instance costs, whatever its type.
    """

    instances: Sequence[InstanceUse]
    region: str
    max_trial_seconds: float
    trials: int | None = None
    parallel: int = 1
    max_runtime_seconds: float | None = None
    max_wait_seconds: float | None = None
    spot: bool = False
    stops_early: bool = False
    seconds_per_trial: float | None = None
    shortest_trial_seconds: float | None = None
    usd_per_hour: float | None = None

    @property
    def slots(self) -> int:
        """How many trials can really run at a time."""
        return self.parallel if self.trials is None else min(self.parallel, self.trials)

    @property
    def worst_trial_seconds(self) -> float:
        """What one trial is billed for at most, in seconds."""
        longest = self.max_trial_seconds
        if self.max_runtime_seconds is not None:
            longest = min(longest, self.max_runtime_seconds)
        return longest + STOP_SECONDS

    @property
    def worst_billed_seconds(self) -> float | None:
        """What all trials together are billed for at most, in seconds; ``None`` if nothing bounds it."""
        bounds: list[float] = []
        if self.trials is not None:
            bounds.append(self.trials * self.worst_trial_seconds)
        if self.max_runtime_seconds is not None:
            bounds.append(self.slots * (self.max_runtime_seconds + STOP_SECONDS))
        return min(bounds, default=None)


@dataclass(frozen=True, slots=True)
class Bounds:
    """A quantity from below, as expected, and from above; ``None`` where nothing is known."""

    least: float | None = None
    expected: float | None = None
    worst: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a tuning job may cost, and how long it may take.

    Attributes:
        usd: All training jobs together; storage of the artifacts, requests and transfer are not in it.
        seconds: Wall-clock seconds of the job.
        trials: The most trials there may be, or ``None``.
        region: Where the job runs.
        prices: What it was reckoned with; each has its region, date and standing.
        unpriced: Instance types of which no price is known. There is no cost then.
        notes: What the figures rest on, one line each.
    """

    usd: Bounds
    seconds: Bounds
    trials: int | None
    region: str
    prices: tuple[Price, ...]
    unpriced: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def borrowed(self) -> tuple[Price, ...]:
        """The prices of another region, which stand in for those that nobody knows; the figures are no bounds then."""
        return tuple(price for price in self.prices if price.region != self.region)

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain JSON values."""
        return {
            "usd": _plain(self.usd),
            "seconds": _plain(self.seconds),
            "trials": self.trials,
            "region": self.region,
            "prices": [
                {
                    "item": price.item,
                    "region": price.region,
                    "usd": price.usd,
                    "as_of": None if price.as_of is None else str(price.as_of),
                    "standing": str(price.standing),
                }
                for price in self.prices
            ],
            "unpriced": list(self.unpriced),
            "notes": list(self.notes),
        }


def _plain(bounds: Bounds) -> dict[str, float | None]:
    return {"least": bounds.least, "expected": bounds.expected, "worst": bounds.worst}


def estimate(workload: Workload, book: PriceBook) -> Estimate:
    """Return bounds of what a workload costs and takes.

    The worst case trains every trial to its limit on the dearest instances. The expected one takes the average trial
    on the instances that are asked for first, and definitions by equal shares. The least case takes the shortest
    trial that is known on the cheapest instances; what may end trials earlier leaves it unknown.

    >>> use = InstanceUse(type="ml.m5.xlarge", volume_gb=0)
    >>> one = Workload(instances=[use], region="us-east-1", max_trial_seconds=3480, trials=10, seconds_per_trial=360)
    >>> found = estimate(one, PriceBook.load())
    >>> [round(usd, 2) for usd in (found.usd.least, found.usd.expected, found.usd.worst)]
    [0.23, 0.23, 2.3]
    """
    prices = known_prices(workload, book)
    uses = _all_kinds(workload)
    unpriced = tuple(dict.fromkeys(use.type for use in uses if use.type not in prices))
    return Estimate(
        usd=Bounds() if unpriced else _usd(workload, prices),
        seconds=_seconds(workload),
        trials=workload.trials,
        region=workload.region,
        prices=tuple(prices.values()),
        unpriced=unpriced,
        notes=(*_price_notes(workload, book, prices, unpriced), *_notes(workload)),
    )


def known_prices(workload: Workload, book: PriceBook) -> dict[str, Price]:
    """Return the prices of a workload's instance types and, if it has any, of its storage, as far as they are known."""
    uses = _all_kinds(workload)
    prices: dict[str, Price | None] = {use.type: _hourly(use.type, workload, book) for use in uses}
    if any(use.billed_gb for use in uses):
        prices[STORAGE] = book.price(STORAGE, workload.region)
    return {item: price for item, price in prices.items() if price is not None}


def worst_usd_per_second(workload: Workload, prices: Mapping[str, Price]) -> float:
    """Return what the dearest instances of a trial cost per second.

    Args:
        workload: Of which all instance types have a price.
        prices: As :func:`known_prices` returns them.
    """
    return max(_usd_per_second(use, prices, "worst") for use in _all_uses(workload))


def _all_uses(workload: Workload) -> list[InstanceUse]:
    return [use for first in workload.instances for use in (first, *first.fallbacks)]


def _all_kinds(workload: Workload) -> list[InstanceUse]:
    return [kind for use in _all_uses(workload) for kind in (use, *use.beside)]


def _hourly(instance_type: str, workload: Workload, book: PriceBook) -> Price | None:
    if workload.usd_per_hour is None:
        return book.price(instance_type, workload.region)
    return Price(instance_type, workload.region, workload.usd_per_hour, Standing.given)


def _usd_per_second(use: InstanceUse, prices: Mapping[str, Price], case: str, saving: float = 0.0) -> float:
    hourly = prices[use.type].usd * (1 - saving)
    stored = use.billed_gb * prices[STORAGE].usd / _MONTH_SECONDS[case] if use.billed_gb else 0.0
    beside = math.fsum(_usd_per_second(one, prices, case, saving) for one in use.beside)
    return use.count * (hourly / _HOUR + stored) + beside


def _usd(workload: Workload, prices: Mapping[str, Price]) -> Bounds:
    billed = _billed_seconds(workload)
    saving = SPOT_SAVING if workload.spot else 0.0
    cheapest = min(_usd_per_second(use, prices, "least", saving) for use in _all_uses(workload))
    asked = [_usd_per_second(use, prices, "expected") for use in workload.instances]
    dearest = worst_usd_per_second(workload, prices)
    return Bounds(
        None if billed.least is None else billed.least * cheapest,
        None if billed.expected is None else billed.expected * math.fsum(asked) / len(asked),
        None if billed.worst is None else billed.worst * dearest,
    )


def _billed_seconds(workload: Workload) -> Bounds:
    average, shortest = _known_lengths(workload)
    countable = workload.trials is not None and not workload.stops_early
    return Bounds(
        _billed(workload, shortest) if countable else None,
        _billed(workload, average),
        workload.worst_billed_seconds,
    )


def _known_lengths(workload: Workload) -> tuple[float | None, float | None]:
    """Return the seconds of an average trial and of the shortest one."""
    if workload.seconds_per_trial is None:
        return None, None
    average = min(workload.seconds_per_trial, workload.worst_trial_seconds - STOP_SECONDS)
    shortest = workload.shortest_trial_seconds
    return average, average if shortest is None else min(shortest, average)


def _billed(workload: Workload, trial_seconds: float | None) -> float | None:
    """Return what trials of this length are billed for, in seconds."""
    if trial_seconds is None:
        return None
    bounds: list[float] = []
    if workload.trials is not None:
        bounds.append(workload.trials * trial_seconds)
    if workload.max_runtime_seconds is not None:
        busy = trial_seconds / (trial_seconds + START_SECONDS)
        bounds.append(workload.slots * workload.max_runtime_seconds * busy)
    return min(bounds, default=None)


def _seconds(workload: Workload) -> Bounds:
    """Return the wall-clock seconds of the job: as many rounds as it takes to give every trial a slot."""
    limit = workload.max_runtime_seconds
    if workload.trials is None:
        return Bounds(None, limit, None if limit is None else limit + STOP_SECONDS)
    rounds = math.ceil(workload.trials / workload.parallel)
    average, shortest = _known_lengths(workload)
    longest = workload.max_trial_seconds
    if workload.spot and workload.max_wait_seconds is not None:
        longest = max(longest, workload.max_wait_seconds)
    worst = rounds * (longest + START_SECONDS + STOP_SECONDS)
    least = None if shortest is None or workload.stops_early else rounds * shortest
    expected = None if average is None else rounds * (average + START_SECONDS)
    if limit is None:
        return Bounds(least, expected, worst)
    return Bounds(
        None if least is None else min(least, limit),
        None if expected is None else min(expected, limit),
        min(worst, limit + STOP_SECONDS),
    )


def _price_notes(
    workload: Workload, book: PriceBook, prices: Mapping[str, Price], unpriced: Sequence[str]
) -> list[str]:
    region = workload.region
    notes = []
    for item, price in prices.items():
        what = "ML storage" if item == STORAGE else item
        if price.region == region:
            notes.append(f"price of {what} in {region}: {price}")
        else:
            notes.append(
                f"no price of {what} in {region} is known; that of {price.region} is taken, often a lower one: {price}"
            )
        asked = book.refreshed_at(region)
        if asked and item != STORAGE and price.standing is not Standing.given and (region, item) not in book.refreshed:
            notes.append(
                f"AWS's price list of {asked} has no training on {item} in {region}: it may not be offered there"
            )
    notes.extend(f"no price of {item} is known: the cost cannot be estimated" for item in unpriced)
    return notes


def _notes(workload: Workload) -> list[str]:
    notes = []
    if workload.worst_billed_seconds is None:
        notes.append("neither the trials nor the time of the job are limited: there is no worst case")
    if workload.seconds_per_trial is None:
        notes.append("nothing is known of how long a trial takes: there is no expected and no least figure")
    elif workload.stops_early:
        notes.append("early stopping and completion criteria can only lower the cost; nobody knows by how much")
    elif workload.trials is None:
        notes.append("only time ends the job: there is no least figure")
    if workload.spot:
        notes.append(
            f"managed spot training saves 0 to {SPOT_SAVING:.0%} (Amazon SageMaker Developer Guide): "
            "the least cost has all of it, expected and worst have none"
        )
    if len(workload.instances) > 1 and workload.seconds_per_trial is not None:
        notes.append("expected: the training definitions get equal shares of the trials")
    notes.append(
        f"a trial that is stopped is billed for up to {STOP_SECONDS:.0f} s more; uploading its artifacts is not counted"
    )
    notes.append(
        f"starting a trial is taken to need {START_SECONDS:.0f} s, which are not billed; "
        "waiting for capacity can take longer"
    )
    return notes
