"""The rung rule: who is compared with whom, at which step, and what is told."""

import math

import pytest

from smtune.spec import AshaRuleConfig, Goal
from smtune.stopping import AshaRule, build_rule
from smtune.trial import Trial, TrialStatus


def rule(*, goal=Goal.Minimize, first=1, eta=2):
    return AshaRule(goal=goal, first=first, eta=eta)


def report(judge, number, *values, first=0, stride=1):
    """Report values at the steps first, first + stride, ...; return what is said to each."""
    return [judge.report(number, value, first + place * stride) for place, value in enumerate(values)]


def begin(judge, *numbers):
    for number in numbers:
        judge.begin(number)


def test_a_config_makes_the_rule():
    judge = build_rule(AshaRuleConfig(first=2, eta=4), goal=Goal.Minimize)
    assert isinstance(judge, AshaRule)


def test_the_best_of_each_rung_so_far_go_on():
    judge = rule()
    begin(judge, 0, 1, 2, 3)
    assert judge.report(0, 0.5, 0) is None  # there is no best half of one
    assert judge.report(1, 0.6, 0) == "0.6 after 1 step is not among the best 1 of 2 trials, which reached 0.5"
    assert judge.report(2, 0.4, 0) is None
    assert judge.report(3, 0.45, 0) is None  # the second best of four
    assert judge.report(0, 0.4, 1) is None  # the first at its second rung: two steps


def test_rungs_lie_a_factor_apart():
    judge = rule(first=2, eta=3)
    begin(judge, 0, 1, 2)
    for number in (0, 1):
        assert report(judge, number, *[0.5] * 18) == [None] * 18
    said = report(judge, 2, *[0.9] * 18)
    assert [step + 1 for step, text in enumerate(said) if text] == [2, 6, 18]
    assert said[5] == "0.9 after 6 steps is not among the best 1 of 3 trials, which reached 0.5"


def test_nobody_is_compared_at_the_end_of_a_training_and_nobody_goes_past_it():
    judge = AshaRule(goal=Goal.Minimize, first=3, eta=3, last=9)
    begin(judge, 0, 1, 2)
    for number in (0, 1):
        assert report(judge, number, *[0.5] * 9) == [None] * 9
    said = report(judge, 2, *[0.9] * 11)
    assert [step + 1 for step, text in enumerate(said) if text] == [3, 10, 11]
    assert said[9] == "10 steps are more than the 9 of a whole training"


def test_when_larger_is_better():
    judge = rule(goal=Goal.Maximize)
    begin(judge, 0, 1)
    assert judge.report(0, 0.5, 0) is None
    assert judge.report(1, 0.4, 0) == "0.4 after 1 step is not among the best 1 of 2 trials, which reached 0.5"


def test_equals_go_on_together():
    judge = rule()
    begin(judge, 0, 1, 2)
    assert [judge.report(number, 0.5, 0) for number in range(3)] == [None] * 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_diverged_trial_is_the_worst(value):
    judge = rule()
    begin(judge, 0, 1, 2)
    assert judge.report(0, 0.5, 0) is None
    assert judge.report(1, value, 0) is not None
    assert judge.report(2, 0.5, 0) is None


def test_sparse_reports_are_compared_at_the_last_rung_they_passed():
    """With reports after 5, 10, ... steps the rungs are 4, 8, 16: each is judged by the first report at or past it."""
    judge = rule()
    begin(judge, 0, 1)
    assert report(judge, 0, 0.5, 0.4, 0.3, 0.2, first=4, stride=5) == [None] * 4
    said = report(judge, 1, 0.6, 0.5, 0.4, 0.3, first=4, stride=5)
    assert [None if text is None else text.split(" is ")[0] for text in said] == [
        "0.6 after 5 steps",
        "0.5 after 10 steps",
        None,
        "0.3 after 20 steps",
    ]


def test_without_steps_reports_are_counted():
    judge = rule(first=2)
    begin(judge, 0, 1)
    assert [judge.report(0, 0.5, None) for _ in range(2)] == [None, None]
    assert [judge.report(1, 0.6, None) is None for _ in range(2)] == [True, False]


def test_a_trial_that_starts_afresh_is_compared_again_and_counted_once():
    judge = rule(eta=3)
    begin(judge, 0, 1, 2)
    judge.report(0, 0.5, 0)
    judge.begin(0)
    assert judge.report(0, 0.5, 0) is None
    assert judge.report(1, 0.9, 0) is None  # the second of two, not the third of three
    assert judge.report(2, 0.9, 0) == "0.9 after 1 step is not among the best 1 of 3 trials, which reached 0.5"


def test_trials_that_ended_stay_on_their_rungs():
    judge = rule()
    begin(judge, 0, 1)
    judge.report(0, 0.5, 0)
    judge.end(Trial(0, {}, TrialStatus.Completed, 0.5))
    judge.end(Trial(7, {}, TrialStatus.Failed))
    assert judge.report(1, 0.6, 0) is not None
