"""The running median is the median."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtune.stopping.running_median import RunningMedian


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_it_is_the_median_after_every_number(values):
    median = RunningMedian()
    for count, value in enumerate(values, start=1):
        median.add(value)
        assert len(median) == count
        assert median.value == pytest.approx(statistics.median(values[:count]))


def test_two_equal_numbers_are_their_own_median():
    median = RunningMedian()
    median.add(0.1)
    median.add(0.1)
    assert median.value == 0.1


def test_the_largest_floats_do_not_overflow():
    median = RunningMedian()
    median.add(1.7e308)
    median.add(1.7e308)
    assert median.value == 1.7e308
