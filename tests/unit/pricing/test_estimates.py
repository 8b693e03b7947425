"""Bounds of cost and duration, and what they rest on."""

import json
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtune.pricing import STORAGE, Bounds, InstanceUse, Price, PriceBook, Standing, Workload, estimate

REGION = "us-east-1"
MONTH_OF_28_DAYS = 28 * 24 * 3600


def book_of(**hourly: float) -> PriceBook:
    usd = {f"ml.{name}.large": price for name, price in hourly.items()} | {STORAGE: 0.14}
    day = date(2026, 11, 20)
    return PriceBook(
        {(REGION, item): Price(item, REGION, price, Standing.recalled, day) for item, price in usd.items()}
    )


BOOK = book_of(cheap=0.36, dear=3.6)  # a hundredth of a cent, and a tenth of one, per second
CHEAP = InstanceUse(type="ml.cheap.large", volume_gb=0)
DEAR = InstanceUse(type="ml.dear.large", volume_gb=0)
PLAIN = Workload(instances=[CHEAP], region=REGION, trials=10, max_trial_seconds=880.0, seconds_per_trial=100.0)


def usd_of(workload: Workload, book: PriceBook = BOOK) -> Bounds:
    return estimate(workload, book).usd


def about(least, expected, worst) -> Any:
    return Bounds(*[None if usd is None else pytest.approx(usd) for usd in (least, expected, worst)])  # type: ignore[arg-type]


def test_trials_are_billed_by_the_second_and_the_worst_trains_to_its_limit_and_is_then_stopped():
    assert usd_of(PLAIN) == about(0.1, 0.1, 10 * (880 + 120) * 0.0001)


def test_instances_of_a_trial_are_all_billed():
    several = replace(PLAIN, instances=[replace(CHEAP, count=3)])
    assert usd_of(several) == about(0.3, 0.3, 3.0)


def test_storage_is_billed_by_the_seconds_of_the_month_whatever_month_it_is():
    stored = replace(PLAIN, instances=[replace(CHEAP, volume_gb=100, count=2)], usd_per_hour=1e-9)
    found = usd_of(stored)
    assert found.worst == pytest.approx(2 * 10_000 * 100 * 0.14 / MONTH_OF_28_DAYS, rel=1e-5)
    assert found.expected == pytest.approx(2 * 1000 * 100 * 0.14 / (730 * 3600), rel=1e-5)
    assert found.least == pytest.approx(2 * 1000 * 100 * 0.14 / (31 * 24 * 3600), rel=1e-5)


def test_types_with_a_disk_of_their_own_get_no_storage():
    book = PriceBook.load()
    on_disk, on_volume = (
        replace(PLAIN, instances=[InstanceUse(type=name, volume_gb=500)], usd_per_hour=1.0)
        for name in ("ml.g5.xlarge", "ml.m5.xlarge")
    )
    assert usd_of(on_disk, book) == usd_of(replace(PLAIN, usd_per_hour=1.0), book)
    assert usd_of(on_volume, book) != usd_of(on_disk, book)
    assert not any("ML storage" in note for note in estimate(on_disk, book).notes)


def test_the_time_of_the_job_bounds_the_cost():
    # Two slots for 1000 s, and 120 s to stop what runs then; ten trials to their limits would be billed 10000 s.
    limited = replace(PLAIN, parallel=2, max_runtime_seconds=1000.0)
    assert usd_of(limited).worst == pytest.approx(2 * 1120 * 0.0001)
    assert usd_of(replace(limited, max_runtime_seconds=1e6)).worst == usd_of(PLAIN).worst
    # A trial is not longer than the job either, and no more slots are used than there are trials.
    assert usd_of(replace(limited, trials=1, max_trial_seconds=1e6)).worst == pytest.approx(1120 * 0.0001)


def test_only_time_may_end_a_job():
    endless = replace(PLAIN, trials=None, parallel=3, max_runtime_seconds=2200.0)
    found = estimate(endless, BOOK)
    # Of 220 s that a slot spends on a trial, 120 s are its start, which is not billed.
    assert found.usd == about(None, 3 * 1000 * 0.0001, 3 * 2320 * 0.0001)
    assert found.seconds == about(None, 2200, 2320)
    assert found.trials is None
    assert "only time ends the job: there is no least figure" in found.notes


def test_nothing_bounds_a_job_without_limits():
    found = estimate(replace(PLAIN, trials=None), BOOK)
    assert found.usd == Bounds()
    assert found.seconds == Bounds()
    assert "neither the trials nor the time of the job are limited: there is no worst case" in found.notes


def test_without_a_known_trial_nothing_is_invented():
    found = estimate(replace(PLAIN, seconds_per_trial=None), BOOK)
    assert found.usd == about(None, None, 1.0)
    assert found.seconds == about(None, None, 10 * (880 + 120 + 120))
    assert "nothing is known of how long a trial takes: there is no expected and no least figure" in found.notes


def test_what_may_end_trials_early_leaves_the_least_unknown():
    found = estimate(replace(PLAIN, stops_early=True), BOOK)
    assert found.usd == about(None, 0.1, 1.0)
    assert found.seconds.least is None
    assert any("can only lower the cost" in note for note in found.notes)


def test_the_least_takes_the_shortest_trial_that_is_known():
    assert usd_of(replace(PLAIN, shortest_trial_seconds=40.0)) == about(0.04, 0.1, 1.0)
    assert usd_of(replace(PLAIN, shortest_trial_seconds=400.0)) == about(0.1, 0.1, 1.0)


def test_a_trial_is_not_expected_to_be_longer_than_its_limit():
    assert usd_of(replace(PLAIN, seconds_per_trial=5000.0)).expected == pytest.approx(0.88)


def test_spot_saves_up_to_nine_tenths_of_the_instances_and_nothing_of_the_storage():
    found = estimate(replace(PLAIN, spot=True), BOOK)
    assert found.usd == about(0.01, 0.1, 1.0)
    assert any("saves 0 to 90%" in note for note in found.notes)
    stored = replace(PLAIN, instances=[replace(CHEAP, volume_gb=10)])
    kept = 1000 * 10 * 0.14 / (31 * 24 * 3600)
    assert usd_of(replace(stored, spot=True)).least == pytest.approx(0.01 + kept)


def test_a_spot_trial_may_wait():
    waiting = replace(PLAIN, spot=True, max_wait_seconds=10_000.0)
    assert estimate(waiting, BOOK).seconds.worst == 10 * 10_240
    assert estimate(replace(waiting, spot=False), BOOK).seconds.worst == 10 * 1120
    assert usd_of(waiting).worst == usd_of(PLAIN).worst


def test_of_several_definitions_the_worst_is_the_dearest_and_the_least_the_cheapest():
    found = estimate(replace(PLAIN, instances=[CHEAP, DEAR]), BOOK)
    assert found.usd == about(0.1, (0.1 + 1.0) / 2, 10.0)
    assert "expected: the training definitions get equal shares of the trials" in found.notes


def test_fallbacks_are_not_expected_but_bound_the_cost():
    fallback = replace(DEAR, fallbacks=(CHEAP,))
    assert usd_of(replace(PLAIN, instances=[fallback])) == about(0.1, 1.0, 10.0)
    assert usd_of(replace(PLAIN, instances=[replace(CHEAP, fallbacks=(DEAR,))])) == about(0.1, 0.1, 10.0)


def test_rounds_of_parallel_trials_take_their_time():
    found = estimate(replace(PLAIN, parallel=4), BOOK).seconds
    assert found == about(3 * 100, 3 * 220, 3 * 1120)
    assert estimate(replace(PLAIN, parallel=4, max_runtime_seconds=250.0), BOOK).seconds == about(250, 250, 370)


def test_prices_are_told_with_region_date_and_standing():
    found = estimate(replace(PLAIN, instances=[replace(CHEAP, volume_gb=1)], region="eu-north-1"), BOOK)
    taken = "in eu-north-1 is known; that of us-east-1 is taken, often a lower one"
    assert found.notes[:2] == (
        f"no price of ml.cheap.large {taken}: $0.36 per hour as of 2026-11-20 (recalled, not verified)",
        f"no price of ML storage {taken}: $0.14 per GB-month as of 2026-11-20 (recalled, not verified)",
    )
    here = estimate(PLAIN, BOOK)
    assert here.notes[0] == (
        "price of ml.cheap.large in us-east-1: $0.36 per hour as of 2026-11-20 (recalled, not verified)"
    )
    assert [(price.item, price.region) for price in here.prices] == [("ml.cheap.large", REGION)]


def test_what_the_user_says_comes_first_and_serves_types_that_nobody_knows():
    found = estimate(replace(PLAIN, instances=[InstanceUse(type="ml.own.large", volume_gb=0)], usd_per_hour=7.2), BOOK)
    assert found.usd.worst == pytest.approx(20.0)
    assert found.notes[0] == "price of ml.own.large in us-east-1: $7.2 per hour (as the spec says)"
    assert usd_of(replace(PLAIN, usd_per_hour=7.2)).worst == pytest.approx(20.0)


def test_an_unknown_type_has_no_cost_but_a_duration():
    found = estimate(replace(PLAIN, instances=[CHEAP, InstanceUse(type="ml.own.large")]), BOOK)
    assert found.usd == Bounds()
    assert found.unpriced == ("ml.own.large",)
    assert found.seconds == estimate(PLAIN, BOOK).seconds
    assert "no price of ml.own.large is known: the cost cannot be estimated" in found.notes


def test_a_type_that_aws_does_not_list_may_not_be_offered():
    day = date(2026, 11, 21)
    refreshed = {(REGION, "ml.dear.large"): Price("ml.dear.large", REGION, 3.0, Standing.listed, day)}
    book = replace(BOOK, refreshed=refreshed)
    found = estimate(replace(PLAIN, instances=[CHEAP, DEAR]), book).notes
    told = [note for note in found if "may not be offered" in note]
    assert told == [
        "AWS's price list of 2026-11-21 has no training on ml.cheap.large in us-east-1: it may not be offered there"
    ]
    assert not any("may not be offered" in note for note in estimate(replace(PLAIN, usd_per_hour=1.0), book).notes)


def test_an_estimate_is_plain_json():
    found = estimate(replace(PLAIN, instances=[replace(CHEAP, volume_gb=1)]), BOOK).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["prices"][0] == {
        "item": "ml.cheap.large",
        "region": REGION,
        "usd": 0.36,
        "as_of": "2026-11-20",
        "standing": "recalled, not verified",
    }
    assert estimate(replace(PLAIN, usd_per_hour=1.0), BOOK).to_dict()["prices"][0]["as_of"] is None


seconds = st.floats(1, 1e6)
uses = st.builds(
    InstanceUse,
    type=st.sampled_from(["ml.cheap.large", "ml.dear.large"]),
    count=st.integers(1, 20),
    volume_gb=st.floats(0, 1000),
)
workloads = st.builds(
    Workload,
    instances=st.lists(
        st.builds(lambda use, others: replace(use, fallbacks=others), uses, st.tuples(uses)), min_size=1, max_size=3
    ),
    region=st.sampled_from([REGION, "eu-west-1"]),
    max_trial_seconds=seconds,
    trials=st.none() | st.integers(1, 1000),
    parallel=st.integers(1, 100),
    max_runtime_seconds=st.none() | seconds,
    max_wait_seconds=st.none() | seconds,
    spot=st.booleans(),
    stops_early=st.booleans(),
    seconds_per_trial=st.none() | seconds,
    shortest_trial_seconds=st.none() | seconds,
    usd_per_hour=st.none() | st.floats(0.01, 100),
)


def ordered(bounds: Bounds) -> bool:
    known = [value for value in (bounds.least, bounds.expected, bounds.worst) if value is not None]
    return all(low <= high * (1 + 1e-12) for low, high in pairwise(known))


@given(workloads)
def test_the_least_is_not_above_the_expected_nor_that_above_the_worst(workload):
    found = estimate(workload, BOOK)
    assert ordered(found.usd)
    assert ordered(found.seconds)
    assert (found.usd.worst is None) == (workload.trials is None and workload.max_runtime_seconds is None)
    assert (found.usd.expected is None) == (found.usd.worst is None or workload.seconds_per_trial is None)


def grows(small: Bounds, large: Bounds) -> bool:
    pairs = ((small.least, large.least), (small.expected, large.expected), (small.worst, large.worst))
    return all(low is None or high is None or low <= high * (1 + 1e-12) for low, high in pairs)


@given(workloads, st.integers(1, 1000))
def test_more_trials_cost_no_less_and_take_no_less_time(workload, more):
    assume(workload.trials is not None)
    small, large = (estimate(one, BOOK) for one in (workload, replace(workload, trials=workload.trials + more)))
    assert grows(small.usd, large.usd)
    assert grows(small.seconds, large.seconds)


@given(workloads, st.floats(1, 100))
def test_dearer_instances_cost_no_less(workload, factor):
    dearer = book_of(cheap=0.36 * factor, dear=3.6 * factor)
    assert grows(usd_of(workload), usd_of(workload, dearer))


@given(workloads, st.floats(1, 10))
def test_longer_limits_cost_no_less(workload, factor):
    longer = replace(workload, max_trial_seconds=workload.max_trial_seconds * factor)
    assert grows(usd_of(workload), usd_of(longer))
