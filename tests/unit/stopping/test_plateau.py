"""The plateau rule, on numbers worked out by hand."""

import math

from smtune.spec import Goal
from smtune.stopping import PlateauRule
from smtune.trial import Trial, TrialStatus


def said(values, *, goal=Goal.Minimize, patience=2, min_change=0.0, steps=True):
    rule = PlateauRule(goal=goal, patience=patience, min_change=min_change)
    return [rule.report(0, value, step if steps else None) for step, value in enumerate(values, start=1)]


def test_reports_in_a_row_without_an_improvement_give_the_trial_up():
    assert said([0.5, 0.4, 0.4, 0.39, 0.45, 0.41]) == [
        *[None] * 5,
        "0.41 at step 6, and no better than 0.39 for 2 reports",
    ]


def test_maximize_looks_the_other_way():
    reasons = said([0.5, 0.6, 0.7, 0.6], goal=Goal.Maximize, patience=1)
    assert reasons == [None, None, None, "0.6 at step 4, and no better than 0.7 for 1 report"]


def test_small_improvements_count_once_they_add_up():
    assert said([0.5, 0.45, 0.375, 0.3], min_change=0.1) == [None] * 4
    assert said([0.5, 0.45, 0.41], min_change=0.1)[2] == (
        "0.41 at step 3, and no better than 0.5 by more than 0.1 for 2 reports"
    )


def test_a_single_report_gives_nothing_up():
    assert said([math.nan], patience=1) == [None]
    assert said([0.5], patience=1) == [None]


def test_a_diverged_trial_no_longer_improves():
    assert said([0.5, math.nan, -math.inf])[2] == "-inf at step 3, and no better than 0.5 for 2 reports"
    assert said([math.nan, math.nan, math.inf])[2] == "inf at step 3, and no finite value in 3 reports"


def test_the_first_finite_value_is_an_improvement():
    assert said([math.nan, math.nan, 0.5, 0.5, 0.5])[:4] == [None] * 4


def test_without_steps_reports_are_counted():
    assert said([0.5, 0.5, 0.5], steps=False)[2] == "0.5 at report 3, and no better than 0.5 for 2 reports"


def test_the_outcome_after_the_steps_is_no_report():
    rule = PlateauRule(goal=Goal.Minimize, patience=1, min_change=0.0)
    assert rule.report(0, 0.5, 1) is None
    assert rule.report(0, 0.5, None) is None


def test_trials_stand_for_themselves_and_start_afresh():
    rule = PlateauRule(goal=Goal.Minimize, patience=1, min_change=0.0)
    assert rule.report(0, 0.5, 1) is None
    assert rule.report(1, 0.6, 1) is None
    rule.begin(0)
    assert rule.report(0, 0.7, 1) is None
    rule.end(Trial(1, {}, TrialStatus.Completed, 0.6))
    assert rule.report(1, 0.8, 1) is None
    assert rule.report(0, 0.7, 2) is not None
