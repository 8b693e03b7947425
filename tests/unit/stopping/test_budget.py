"""When time and money are over, on numbers worked out by hand."""

from dataclasses import replace

from smtune.spec import Limits
from smtune.stopping import Budget
from smtune.trial import Trial, TrialStatus

AN_HOUR_FOR_A_DOLLAR = Limits(max_cost_usd=1, usd_per_hour=1)


def trial(number, *, seconds_before=0.0):
    return Trial(number, {"x": 0.5}, seconds_before=seconds_before)


def ended(running, *, seconds):
    """A trial that took so many seconds since it began or went on, by the clock on the wall."""
    return replace(running, status=TrialStatus.Completed, started_at=5000.0, ended_at=5000.0 + seconds)


def test_without_limits_nothing_is_ever_over():
    budget = Budget(Limits())
    budget.begin_run(0.0)
    budget.begin(trial(0), 0.0)
    assert budget.seconds_left(1e9, of_job=True) is None
    assert budget.spent(1e9) is None
    assert budget.take_late(1e9) == {}


def test_earlier_runs_count_and_a_clock_that_was_set_back_gives_no_time():
    budget = Budget(Limits(max_runtime_seconds=100))
    for seconds in (30.0, -50.0, 10.0):
        budget.count_run(seconds)
    budget.begin_run(1000.0)
    assert budget.seconds_left(1020.0, of_job=True) == 40
    assert budget.seconds_left(1020.0, of_job=False) is None
    assert budget.spent(1059.0) is None
    assert budget.spent(1060.0) == "limits.max_runtime_seconds = 100 reached"


def test_a_trial_is_late_once_and_what_it_took_before_a_pause_counts():
    budget = Budget(Limits(max_trial_seconds=10))
    budget.begin(trial(0), 100.0)
    budget.begin(trial(1, seconds_before=4.0), 101.0)
    assert budget.seconds_left(103.0, of_job=False) == 4
    assert budget.take_late(106.0) == {}
    assert budget.take_late(107.0) == {1: "ran longer than limits.max_trial_seconds = 10"}
    assert budget.take_late(107.0) == {}
    assert budget.seconds_left(107.0, of_job=False) == 3


def test_a_trial_that_ended_is_not_late():
    budget = Budget(Limits(max_trial_seconds=10))
    budget.begin(trial(0), 100.0)
    budget.end(ended(trial(0), seconds=3.0))
    assert budget.take_late(200.0) == {}
    assert budget.seconds_left(200.0, of_job=True) is None


def test_the_money_lasts_half_as_long_for_two_trials_at_a_time():
    budget = Budget(AN_HOUR_FOR_A_DOLLAR)
    assert budget.seconds_left(0.0, of_job=True) is None  # nothing costs anything yet
    budget.begin(trial(0), 0.0)
    assert budget.seconds_left(0.0, of_job=True) == 3600
    budget.begin(trial(1), 600.0)
    assert budget.seconds_left(600.0, of_job=True) == 1500
    assert budget.spent(2099.0) is None
    assert budget.spent(2100.0) == "limits.max_cost_usd = 1 spent"


def test_what_ended_trials_took_is_paid_without_their_pauses():
    budget = Budget(AN_HOUR_FOR_A_DOLLAR)
    budget.end(ended(trial(0), seconds=2000.0))
    budget.end(ended(trial(0, seconds_before=2000.0), seconds=1000.0))
    budget.end(replace(trial(1), status=TrialStatus.Stopped, ended_at=9.0))  # its code never began to run
    budget.begin(trial(2), 0.0)
    assert budget.seconds_left(0.0, of_job=True) == 600
    budget.end(ended(trial(2), seconds=600.0))
    assert budget.spent(600.0) == "limits.max_cost_usd = 1 spent"
    assert budget.seconds_left(600.0, of_job=True) == 0
