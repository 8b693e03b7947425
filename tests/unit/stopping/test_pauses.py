"""When a trial has used its part of a training, and what it is known to have reached."""

import math
from dataclasses import replace

import pytest

from smtune.spec import TuningSpec
from smtune.stopping import Decision, Pauses
from smtune.trial import Trial, TrialStatus


def pauses(strategy="hyperband", resource="1 to 9"):
    settings = {"type": strategy, "resource": {"epochs": resource}} if strategy in ("hyperband", "asha") else strategy
    return Pauses(
        TuningSpec(
            objective={"metric": "loss", "goal": "Minimize"},
            parameters={"x": {"type": "continuous", "min": 0, "max": 1}},
            strategy=settings,
            limits={"max_trials": 20},
        )
    )


def trial(resource, number=0, **fields):
    return Trial(number, {"x": 0.5}, resource=resource, **fields)


def measure(kept, *losses, number=0, first=0):
    for step, loss in enumerate(losses, start=first):
        reported = {"loss": loss, "other": 7.0}
        kept.measure(Trial(number, {"x": 0.5}, metrics={**reported, "step": step}), reported, step)


def ended(one, status=TrialStatus.Completed, **fields):
    return replace(one, status=status, **fields)


def test_a_trial_has_used_its_resource_at_the_report_that_reaches_it():
    kept = pauses()
    kept.begin(trial(3))
    measure(kept, 0.9, 0.8)
    assert kept.used_up(trial(3)) is None
    measure(kept, 0.7, first=2)
    reason = "early stopping: hyperband paused it at 3 of 9 epochs with 0.7"
    assert kept.used_up(trial(3)) == Decision(0.7, {"loss": 0.7, "other": 7.0, "step": 2}, reason, goes_on=True)
    measure(kept, 0.1, 0.2, first=3)  # it runs ahead of the stop
    assert kept.used_up(trial(3)).objective == 0.7
    assert kept.used_up(trial(4)).objective == 0.1


def test_only_the_objective_counts():
    kept = pauses()
    kept.begin(trial(1))
    kept.measure(trial(1), {"other": 0.5}, 0)
    assert kept.used_up(trial(1)) is None


def test_a_whole_training_may_end_by_itself_and_go_no_further():
    kept = pauses("asha")
    kept.begin(trial(9))
    measure(kept, *[0.5] * 8, 0.4)
    assert kept.used_up(trial(9)) is None
    measure(kept, 0.3, first=9)
    reason = "early stopping: asha gives no more than 9 epochs"
    assert kept.used_up(trial(9)) == Decision(0.4, {"loss": 0.4, "other": 7.0, "step": 8}, reason)


def test_an_objective_that_is_no_number_pauses_as_well():
    kept = pauses()
    kept.begin(trial(1))
    measure(kept, math.nan)
    assert math.isnan(kept.used_up(trial(1)).objective)


def test_a_paused_trial_goes_on_with_more():
    kept = pauses()
    one = trial(1, started_at=10.0)
    kept.begin(one)
    measure(kept, 0.9)
    paused = ended(one, TrialStatus.Stopped, objective=0.9, paused=True, ended_at=12.5, failure_reason="paused")
    assert 0 not in kept
    kept.end(paused, ran_out=False, last={})
    assert 0 in kept
    again = kept.promote(0, 3)
    assert 0 not in kept
    assert (again.status, again.resource, again.paused) == (TrialStatus.InProgress, 3, True)
    assert (again.seconds_before, again.started_at, again.ended_at, again.failure_reason) == (2.5, None, None, None)
    assert kept.used_up(again) is None
    kept.begin(again)
    measure(kept, 0.8, 0.7, first=1)
    assert kept.used_up(again).objective == 0.7


def test_what_ran_ahead_is_known_before_the_trial_goes_on():
    kept = pauses()
    kept.begin(trial(1))
    measure(kept, 0.9, 0.8, 0.7, 0.6)
    kept.end(ended(trial(1), TrialStatus.Stopped, objective=0.9, paused=True), ran_out=False, last={})
    assert kept.used_up(kept.promote(0, 3)).objective == 0.7
    assert not kept.ran_out(trial(3))


def test_whether_the_code_had_ended_is_kept():
    kept = pauses()
    kept.end(ended(trial(1), TrialStatus.Stopped, objective=0.9, paused=True), ran_out=True, last={})
    assert kept.ran_out(kept.promote(0, 3))
    assert not kept.ran_out(trial(1, number=1))


def blind(kept, number, status=TrialStatus.Completed):
    kept.begin(trial(9, number))
    kept.measure(trial(1, number), {"loss": 0.5}, None)
    kept.end(ended(trial(9, number), status), ran_out=False, last={})


def test_three_trials_that_say_nothing_on_their_way_are_enough():
    kept = pauses()
    for number in range(3):
        assert kept.verdict is None
        blind(kept, number)
    assert kept.verdict == (
        "the first 3 trials reported 'loss' no more than once before the end of 9 epochs, so hyperband has nothing to "
        "compare them by while they train; call report(..., step=step) with the steps 0, 1, 2, ..., or state the resource "
        "in the unit of the steps, or use another strategy"
    )


def test_steps_that_are_counted_in_another_unit_are_no_way_to_compare_trials():
    """A script that reports the steps 100, 200, ... has used 9 epochs at its first report."""
    kept = pauses()
    for number in range(3):
        assert kept.verdict is None
        one = trial(1, number)
        kept.begin(one)
        for step in (100, 200, 300):
            kept.measure(one, {"loss": 0.5}, step)
        kept.end(ended(one, TrialStatus.Stopped, objective=0.5, paused=True), ran_out=False, last={})
    assert kept.verdict is not None
    assert "state the resource in the unit of the steps" in kept.verdict


def test_a_trial_that_ran_to_its_end_goes_on_with_the_metrics_that_it_had_there():
    kept = pauses()
    paused = ended(trial(1), TrialStatus.Stopped, objective=0.9, paused=True, metrics={"loss": 0.9})
    kept.end(paused, ran_out=True, last={"loss": 0.2})
    assert kept.promote(0, 3).metrics == {"loss": 0.2}


def test_failures_say_nothing_about_reports():
    kept = pauses()
    for number in range(4):
        blind(kept, number, TrialStatus.Completed if number else TrialStatus.Failed)
    assert kept.verdict is not None


def test_one_trial_that_reports_is_enough_to_go_on():
    kept = pauses()
    kept.begin(trial(1))
    measure(kept, 0.9, 0.8)
    kept.end(ended(trial(1), TrialStatus.Stopped, paused=True), ran_out=True, last={})
    for number in range(1, 5):
        blind(kept, number)
    assert kept.verdict is None


@pytest.mark.parametrize("kept", [pauses(resource=1), pauses("random")])
def test_where_one_report_is_a_whole_training_nothing_is_missed(kept):
    for number in range(5):
        blind(kept, number)
    assert kept.verdict is None


def test_other_strategies_pause_nothing():
    kept = pauses("random")
    kept.begin(trial(None))
    measure(kept, 0.9, 0.8)
    assert kept.used_up(trial(None)) is None
