"""Keeping a tuning job below an amount of money before it starts: what would fit, and what is wrong otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from smtune.errors import Problem
from smtune.pricing.estimates import (
    STOP_SECONDS,
    Estimate,
    Workload,
    estimate,
    known_prices,
    worst_usd_per_second,
)
from smtune.pricing.prices import STORAGE, PriceBook
from smtune.pricing.texts import usd_text

SHORTEST_TRIAL = 60
"""A shorter limit of a trial, in seconds, is not worth offering."""

SHORTEST_JOB = 120
"""The least ``MaxRuntimeInSeconds`` of a tuning job (botocore's service model of SageMaker)."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Limits that would each keep a workload below an amount; ``None`` where that limit alone cannot.

    Attributes:
        trials: The most trials.
        max_trial_seconds: The longest limit of a trial, at least 60 whole seconds.
        max_runtime_seconds: The longest limit of the job, at least 120 whole seconds.
    """

    trials: int | None = None
    max_trial_seconds: int | None = None
    max_runtime_seconds: int | None = None


def fitting(cap_usd: float, workload: Workload, book: PriceBook) -> Fit:
    """Return by which limits a workload would cost no more than an amount, even in the worst case.

    Args:
        cap_usd: Less than the worst case, or there is nothing to fit.
        workload: Of which all instance types have a price.
        book: The prices.
    """
    rate = worst_usd_per_second(workload, known_prices(workload, book))

    def fits(changed: Workload) -> bool:
        seconds = changed.worst_billed_seconds
        return seconds is not None and seconds * rate <= cap_usd

    affordable = cap_usd / rate
    trials = _largest(affordable / workload.worst_trial_seconds, lambda count: fits(replace(workload, trials=count)))
    of_trial = None
    if workload.trials is not None:
        guess = affordable / workload.trials - STOP_SECONDS
        of_trial = _largest(guess, lambda seconds: fits(replace(workload, max_trial_seconds=seconds)))
    guess = affordable / workload.slots - STOP_SECONDS
    of_job = _largest(guess, lambda seconds: fits(replace(workload, max_runtime_seconds=seconds)))
    return Fit(
        trials if trials >= 1 else None,
        of_trial if of_trial is not None and of_trial >= SHORTEST_TRIAL else None,
        of_job if of_job >= SHORTEST_JOB else None,
    )


def _largest(guess: float, fits: Callable[[int], bool]) -> int:
    """Return the largest number that fits, which is the guess rounded down but for the last digit of its division."""
    floor = math.floor(guess)
    if fits(floor + 1):
        return floor + 1
    return floor if fits(floor) else floor - 1


def cap_problem(
    cap_usd: float, workload: Workload, book: PriceBook, *, field: str = "sagemaker.max_cost_usd"
) -> Problem | None:
    """Return what is wrong with an amount that a workload must not exceed, or ``None``.

    Args:
        cap_usd: What the job may cost at most.
        workload: What it may do.
        book: The prices.
        field: Where the user wrote the amount.
    """
    found = estimate(workload, book)
    if found.unpriced:
        rule = f"cannot be kept: no price of {' and of '.join(found.unpriced)} is known"
        return Problem(field, cap_usd, rule, _ask(workload))
    if borrowed := _unsupporting(workload, found):
        rule = f"cannot be kept: no price of {' and of '.join(borrowed)} in {workload.region} is known"
        return Problem(field, cap_usd, rule, _ask(workload))
    billed = workload.worst_billed_seconds
    if found.usd.worst is None or billed is None:
        rule = "cannot be kept: neither the trials nor the time of the job are limited"
        return Problem(field, cap_usd, rule, "write limits.max_trials or limits.max_runtime_seconds")
    if found.usd.worst <= cap_usd:
        return None
    worst = math.ceil(found.usd.worst * 100) / 100
    rule = f"is less than the worst case, {usd_text(worst)} for {_worst_case(workload, billed)}"
    return Problem(field, cap_usd, rule, _fix(worst, fitting(cap_usd, workload, book)))


def _unsupporting(workload: Workload, found: Estimate) -> list[str]:
    """Return of what only another region's price is known; whoever writes a price has their own idea of the storage."""
    if workload.usd_per_hour is not None:
        return []
    return ["ML storage" if price.item == STORAGE else price.item for price in found.borrowed]


def _ask(workload: Workload) -> str:
    return f"write sagemaker.usd_per_hour, or ask AWS: smtune prices --refresh --region {workload.region}"


def _worst_case(workload: Workload, billed: float) -> str:
    """Return what the worst case is: all trials to their limits, or every slot busy until the job's time is over."""
    trials, seconds = workload.trials, workload.worst_trial_seconds
    if trials is None or trials * seconds > billed:
        slots = workload.slots
        return f"{slots} trials at a time over {round(billed / slots)} s, the time to stop them included"
    return f"{trials} trials of {round(seconds)} s, the time to stop them included"


def _fix(worst: float, fit: Fit) -> str:
    offers = [
        f"limits.{name}: {value}"
        for name, value in (
            ("max_trials", fit.trials),
            ("max_trial_seconds", fit.max_trial_seconds),
            ("max_runtime_seconds", fit.max_runtime_seconds),
        )
        if value is not None
    ]
    raised = f"raise it to {worst:.2f}"
    return f"write {', or '.join(offers)}; or {raised}" if offers else f"{raised}, or take cheaper instances"
