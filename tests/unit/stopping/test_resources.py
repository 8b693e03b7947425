"""How much a trial has trained, whatever way its script counts."""

import math

import pytest

from smtune.stopping.resources import ResourceMeter


def reported(*reports, number=0, meter=None):
    """Return a meter that was told (step, value) pairs."""
    meter = meter or ResourceMeter()
    for step, value in reports:
        meter.report(number, value, step)
    return meter


def test_nothing_is_known_before_the_first_report():
    meter = ResourceMeter()
    assert (meter.used(0), meter.reached(0, 1)) == (0, None)
    meter.begin(0)
    assert (meter.used(0), meter.reached(0, 1)) == (0, None)
    meter.pause(6)
    meter.begin(7, goes_on=True)
    meter.forget(8)
    assert [meter.used(number) for number in (6, 7, 8)] == [0, 0, 0]


def test_steps_count_from_zero():
    meter = reported((0, 0.9), (1, 0.7), (2, 0.6))
    assert meter.used(0) == 3
    assert [meter.reached(0, resource) for resource in (1, 2, 3, 4)] == [0.9, 0.7, 0.6, None]


def test_or_from_one():
    meter = reported((1, 0.9), (2, 0.7), (3, 0.6))
    assert meter.used(0) == 3
    assert [meter.reached(0, resource) for resource in (1, 2, 3, 4)] == [0.9, 0.7, 0.6, None]


def test_sparse_steps_reach_a_resource_with_the_first_report_past_it():
    meter = reported((9, 0.9), (19, 0.7), (29, 0.6))  # from 0: after 10, 20 and 30 steps
    assert meter.used(0) == 30
    assert [meter.reached(0, resource) for resource in (1, 10, 11, 30, 31)] == [0.9, 0.9, 0.7, 0.6, None]


def test_reports_without_steps_count_each():
    meter = reported((None, 0.9), (None, 0.7))
    assert (meter.used(0), meter.reached(0, 2), meter.reached(0, 3)) == (2, 0.7, None)


def test_the_outcome_that_a_function_returns_is_no_step():
    meter = reported((0, 0.9), (1, 0.7), (None, 0.5))
    assert (meter.used(0), meter.reached(0, 2), meter.reached(0, 3)) == (2, 0.7, None)


def test_the_best_step_reported_last_is_no_step_either():
    meter = reported((0, 0.9), (1, 0.5), (2, 0.7), (1, 0.5))
    assert (meter.used(0), meter.reached(0, 3)) == (3, 0.7)


def test_a_trial_that_starts_afresh_has_trained_nothing():
    meter = reported((0, 0.9), (1, 0.7))
    meter.begin(0)
    assert (meter.used(0), meter.reached(0, 1)) == (0, None)
    reported((1, 0.8), meter=meter)  # and counts from 1 this time
    assert (meter.used(0), meter.reached(0, 1)) == (1, 0.8)


@pytest.mark.parametrize("first", [0, 1])
def test_a_trial_that_goes_on_from_a_checkpoint_goes_on_counting(first):
    meter = reported((first, 0.9), (first + 1, 0.7))
    meter.pause(0)
    meter.begin(0, goes_on=True)
    assert meter.used(0) == 2
    reported((first + 2, 0.6), (first + 3, 0.5), meter=meter)
    assert [meter.reached(0, resource) for resource in (1, 2, 3, 4, 5)] == [0.9, 0.7, 0.6, 0.5, None]


def test_a_checkpoint_from_before_the_pause_changes_nothing_that_was_measured():
    meter = reported((0, 0.9), (1, 0.7), (2, 0.6))
    meter.pause(0)
    meter.begin(0, goes_on=True)
    reported((1, 0.71), (2, 0.61), (3, 0.5), meter=meter)
    assert [meter.reached(0, resource) for resource in (1, 2, 3, 4)] == [0.9, 0.7, 0.6, 0.5]


@pytest.mark.parametrize("steps", [(0, 1, 2, 3), (1, 2, 3, 4), (None, None, None, None)])
def test_a_script_without_checkpoints_starts_over_and_nothing_is_counted_twice(steps):
    meter = reported(*zip(steps[:2], (0.9, 0.7), strict=True))
    meter.pause(0)
    meter.begin(0, goes_on=True)
    reported(*zip(steps, (0.9, 0.7, 0.6, 0.5), strict=True), meter=meter)
    assert meter.used(0) == 4
    assert [meter.reached(0, resource) for resource in (1, 2, 3, 4, 5)] == [0.9, 0.7, 0.6, 0.5, None]


def test_an_attempt_between_two_starts_does_not_count():
    meter = reported((0, 0.9), (1, 0.7))
    meter.pause(0)
    for _ in range(2):
        meter.begin(0, goes_on=True)
        assert (meter.used(0), meter.reached(0, 2)) == (2, 0.7)
        reported((2, 0.6), (3, 0.5), meter=meter)
    assert [meter.reached(0, resource) for resource in (2, 3, 4, 5)] == [0.7, 0.6, 0.5, None]


def test_values_that_are_no_numbers_are_kept():
    meter = reported((0, 0.9), (1, math.nan))
    assert meter.used(0) == 2
    assert math.isnan(meter.reached(0, 2))


def test_trials_are_kept_apart():
    meter = reported((0, 0.9), number=1)
    reported((0, 0.8), (1, 0.7), number=2, meter=meter)
    meter.forget(2)
    assert (meter.used(1), meter.used(2)) == (1, 0)
