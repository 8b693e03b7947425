"""The median rule, on numbers worked out by hand."""

import math

import pytest

from smtune.spec import Goal
from smtune.stopping import MedianRule
from smtune.trial import Trial, TrialStatus


def rule(goal=Goal.Minimize, min_trials=3, min_reports=2):
    return MedianRule(goal=goal, min_trials=min_trials, min_reports=min_reports)


def complete(median_rule, number, curve, *, status=TrialStatus.Completed, first=1):
    """Run a trial and a last report through a rule, and return what the rule said of the reports before the last."""
    median_rule.begin(number)
    said = [median_rule.report(number, value, step) for step, value in enumerate([*curve, curve[-1]], start=first)]
    median_rule.end(Trial(number, {}, status, curve[-1]))
    return said[:-1]


def three_trials(median_rule, sign=1):
    """Running averages at step 2: 0.5, 0.7, 0.9; at step 3: 0.4, 0.6, 0.8."""
    for number, curve in enumerate(([0.6, 0.4, 0.2], [0.8, 0.6, 0.4], [1.0, 0.8, 0.6])):
        assert complete(median_rule, number, [sign * value for value in curve]) == [None] * 3
    return median_rule


def test_a_value_worse_than_the_median_of_the_running_averages_gives_the_trial_up():
    median_rule = three_trials(rule())
    assert median_rule.report(7, 0.99, 1) is None
    assert median_rule.report(7, 0.71, 2) == "0.71 at step 2 is worse than the median 0.7 of 3 trials"


def test_maximize_looks_the_other_way():
    median_rule = three_trials(rule(Goal.Maximize), sign=-1)
    assert median_rule.report(7, -0.5, 1) is None
    assert median_rule.report(7, -0.69, 2) is None
    assert median_rule.report(7, -0.61, 3) == "-0.61 at step 3 is worse than the median -0.6 of 3 trials"


def test_a_value_as_good_as_the_median_goes_on():
    median_rule = rule(min_trials=2)
    complete(median_rule, 0, [0.1, 0.1, 0.1])
    complete(median_rule, 1, [0.1, 0.1, 0.1])
    assert complete(median_rule, 2, [0.1, 0.1, 0.1]) == [None] * 3


def test_it_is_the_present_value_that_counts_and_not_the_best():
    median_rule = three_trials(rule())
    assert median_rule.report(7, 0.01, 1) is None
    assert median_rule.report(7, 0.71, 2) is not None


def test_an_even_number_of_trials_has_the_mean_of_the_two_in_the_middle():
    median_rule = rule(min_trials=2)
    complete(median_rule, 0, [0.5, 0.5])
    complete(median_rule, 1, [0.8, 0.8])
    median_rule.report(2, 0.0, 1)
    assert median_rule.report(2, 0.66, 2) == "0.66 at step 2 is worse than the median 0.65 of 2 trials"


def test_too_few_completed_trials_stop_nothing():
    median_rule = rule(min_trials=4)
    three_trials(median_rule)
    assert complete(median_rule, 3, [9.0, 9.0, 9.0]) == [None] * 3
    assert complete(median_rule, 4, [9.0, 9.0, 9.0])[1] is not None


def test_nothing_is_stopped_on_its_first_report_nor_before_the_least_number():
    median_rule = three_trials(rule(min_reports=3))
    said = complete(median_rule, 7, [9.0, 9.0, 9.0])
    assert said[:2] == [None, None]
    assert said[2] is not None
    assert three_trials(rule()).report(7, 9.0, 3) is None  # its first, at a late step


def test_a_trial_at_the_last_step_is_left_to_end():
    median_rule = rule(min_trials=1)
    complete(median_rule, 0, [0.5, 0.5])  # steps 1, 2 and 3
    median_rule.report(1, 0.1, 1)
    assert median_rule.report(1, 9.0, 3) is None
    assert median_rule.report(1, 9.0, 2) is not None
    complete(median_rule, 2, [0.5, 0.5, 0.5])  # now there is a step 4
    assert median_rule.report(1, 9.0, 3) is not None


def test_only_completed_trials_are_compared_with():
    median_rule = rule(min_trials=1)
    complete(median_rule, 0, [0.1, 0.1], status=TrialStatus.Stopped)
    complete(median_rule, 1, [0.1, 0.1], status=TrialStatus.Failed)
    assert complete(median_rule, 2, [0.5, 0.5]) == [None, None]
    assert complete(median_rule, 3, [0.6, 0.6])[1] == "0.6 at step 2 is worse than the median 0.5 of 1 trial"


def test_only_trials_that_reported_at_the_step_are_compared_with():
    median_rule = rule(min_trials=1)
    complete(median_rule, 0, [0.1, 0.1, 0.1], first=10)
    assert complete(median_rule, 1, [0.5, 0.5, 0.5]) == [None] * 3


def test_values_that_are_not_finite_neither_count_nor_stop():
    median_rule = rule(min_trials=1)
    complete(median_rule, 0, [0.2, math.nan, 0.4])
    assert median_rule.report(1, 0.9, 1) is None
    assert median_rule.report(1, 0.9, 2) is None  # nobody has an average there
    assert median_rule.report(1, math.nan, 3) is None
    assert median_rule.report(1, math.inf, 3) is None
    assert median_rule.report(1, 0.9, 3) == "0.9 at step 3 is worse than the median 0.3 of 1 trial"


def test_the_largest_floats_do_not_break_it():
    median_rule = rule(min_trials=1)
    complete(median_rule, 0, [1.7e308, -1.7e308, 1.7e308])
    assert complete(median_rule, 1, [0.0, 0.0, 0.0]) == [None] * 3


def test_without_steps_reports_are_counted():
    median_rule = rule(min_trials=1)
    for _ in range(3):
        median_rule.report(0, 0.5, None)
    median_rule.end(Trial(0, {}, TrialStatus.Completed, 0.5))
    assert median_rule.report(1, 0.7, None) is None
    assert median_rule.report(1, 0.7, None) == "0.7 at report 2 is worse than the median 0.5 of 1 trial"


def test_the_outcome_after_the_steps_is_no_point_of_the_curve():
    median_rule = rule(min_trials=1)
    complete(median_rule, 0, [0.5, 0.5, 0.5])
    median_rule.report(1, 0.1, 1)
    median_rule.report(1, 0.1, 2)
    assert median_rule.report(1, 9.0, None) is None
    median_rule.end(Trial(1, {}, TrialStatus.Completed, 9.0))
    median_rule.report(2, 0.0, 1)
    # The averages at step 2 are 0.5 and 0.1.
    assert median_rule.report(2, 0.31, 2) == "0.31 at step 2 is worse than the median 0.3 of 2 trials"


def test_a_trial_that_starts_afresh_has_no_past():
    median_rule = rule(min_trials=1)
    median_rule.report(0, 100.0, 1)
    complete(median_rule, 0, [0.5, 0.5])
    median_rule.report(1, 0.4, 1)
    median_rule.begin(1)
    assert median_rule.report(1, 0.6, 2) is None  # its first report
    assert median_rule.report(1, 0.51, 2) == "0.51 at step 2 is worse than the median 0.5 of 1 trial"


@pytest.mark.parametrize("goal", list(Goal))
def test_a_trial_that_never_reported_ends_without_a_trace(goal):
    median_rule = rule(goal)
    median_rule.end(Trial(0, {}, TrialStatus.Completed, 0.3))
    assert median_rule.report(1, 0.1, 1) is None
