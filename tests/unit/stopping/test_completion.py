"""The criteria that complete a job, on numbers worked out by hand."""

import math

import pytest

from smtune.results import EARLY_STOPPING
from smtune.spec import Completion, Goal, Repeats
from smtune.stopping import CompletionCriteria
from smtune.trial import Trial, TrialStatus


def trial(number, objective):
    status = TrialStatus.Failed if objective is None else TrialStatus.Completed
    return Trial(number, {"x": 0.5}, status, objective)


def reasons(objectives, *, goal=Goal.Minimize, repeats=1, **config):
    """Return what the criteria say after each trial; ``None`` is a failed one."""
    criteria = CompletionCriteria(Completion(**config), goal=goal, repeats=repeats)
    said = []
    for number, objective in enumerate(objectives):
        criteria.end(trial(number, objective))
        said.append(criteria.reason)
    return said


def test_no_criterion_completes_nothing():
    assert reasons([0.5] * 100) == [None] * 100


def test_the_target_is_reached_by_a_trial_as_good():
    said = reasons([0.5, None, 0.11, 0.1, 0.3], target=0.1)
    assert said == [None] * 3 + ["trial 3 reached 0.1 (completion.target = 0.1)"] * 2


def test_the_target_of_a_metric_to_maximize():
    said = reasons([0.5, 0.89, 0.95], goal=Goal.Maximize, target=0.9)
    assert said == [None, None, "trial 2 reached 0.95 (completion.target = 0.9)"]


def test_with_repeats_the_mean_must_reach_the_target():
    said = reasons([0.1, 0.4, 0.1, 0.3, 0.0, None], repeats=2, target=0.2)
    assert said == [None, None, None, "trial 2 reached 0.2 (completion.target = 0.2)"] + [said[3]] * 2


def test_an_improvement_is_more_than_a_share_of_the_last_one():
    # 99.5 is half a per cent better than 100, 98.9 is 1.1 per cent better.
    said = reasons([100.0, 99.5, 98.9, 98.5, 99.0, 98.0], not_improving=3)
    assert said[:5] == [None] * 5
    assert said[5] == ("3 trials in a row did not improve on 98.9 by more than 1 % (completion.not_improving = 3)")


@pytest.mark.parametrize(("share", "done"), [(0.25, True), (0.2, False)])
def test_an_improvement_of_just_the_share_is_none(share, done):
    said = reasons([4.0, 3.0], not_improving=1, min_improvement=share)
    assert (said[1] is not None) is done


def test_no_improvement_of_a_metric_to_maximize():
    assert reasons([0.5, 0.6, 0.605, 0.4], goal=Goal.Maximize, not_improving=2)[2:] == [
        None,
        "2 trials in a row did not improve on 0.6 by more than 1 % (completion.not_improving = 2)",
    ]


def test_negative_objectives_improve_downwards():
    assert reasons([-1.0, -1.02, -1.03], not_improving=1) == [
        None,
        None,
        "1 trial did not improve on -1.02 by more than 1 % (completion.not_improving = 1)",
    ]


def test_failed_trials_are_no_improvement_and_count_only_after_a_result():
    said = reasons([None, None, None, 0.5, None, None], not_improving=2)
    assert [reason is not None for reason in said] == [False] * 5 + [True]


def test_a_trial_that_a_rule_gave_up_is_a_result_and_one_out_of_time_is_none():
    criteria = CompletionCriteria(Completion(target=0.2), goal=Goal.Minimize)
    late = Trial(0, {}, TrialStatus.Stopped, 0.1, failure_reason="ran longer than limits.max_trial_seconds = 3")
    criteria.end(late)
    assert criteria.reason is None
    criteria.end(Trial(1, {}, TrialStatus.Stopped, 0.15, failure_reason=f"{EARLY_STOPPING} no better"))
    assert criteria.reason == "trial 1 reached 0.15 (completion.target = 0.2)"


def test_convergence_compares_the_best_with_the_best_before_the_window():
    # After 6 trials, the best of the first three is 1.0 and that of all is 0.995: half a per cent.
    said = reasons([3.0, 1.0, 2.0, 1.5, 0.995, 2.0], on_convergence=True, convergence_window=3)
    assert said[:5] == [None] * 5
    assert said[5] == (
        "the last 3 trials brought the best objective from 1 to 0.995, not by more than 1 % (completion.on_convergence)"
    )


def test_what_still_improves_has_not_converged():
    improving = [0.9**number for number in range(50)]
    assert reasons(improving, on_convergence=True, convergence_window=3) == [None] * 50
    assert reasons([5.0, 5.0, 5.0, 4.0, 5.0, 5.0], on_convergence=True, convergence_window=3) == [None] * 6


def test_failed_trials_alone_do_not_converge():
    assert reasons([None] * 20, on_convergence=True, convergence_window=3) == [None] * 20
    said = reasons([None] * 6 + [0.5] * 3, on_convergence=True, convergence_window=3)
    assert [reason is not None for reason in said] == [False] * 9
    assert reasons([None] * 6 + [0.5] * 4, on_convergence=True, convergence_window=3)[9] is not None


def test_an_objective_of_zero_is_improved_by_anything_better():
    assert reasons([0.0, -1e-9], not_improving=1) == [None, None]


def test_many_trials_keep_a_window_only():
    criteria = CompletionCriteria(Completion(on_convergence=True, convergence_window=5), goal=Goal.Minimize)
    for number in range(1000):
        criteria.end(trial(number, -math.expm1(number / 10)))
    assert criteria.reason is None
    assert len(criteria._bests) <= 6


def raced(trials, **config):
    """Return what the criteria say after each training of a race with 1 to 3 of them; trials are (x, objective)."""
    criteria = CompletionCriteria(Completion(**config), goal=Goal.Minimize, repeats=Repeats(min=1, max=3))
    said = []
    for number, (x, objective) in enumerate(trials):
        criteria.end(Trial(number, {"x": x}, TrialStatus.Completed, objective))
        said.append(criteria.reason)
    return said


def test_in_a_race_only_a_complete_configuration_reaches_the_target():
    said = raced([(1, 0.0), (2, 0.1), (2, 0.3), (2, 0.2), (3, 0.5)], target=0.2)
    assert said[:3] == [None] * 3
    assert said[3] == "trial 1 reached 0.2 (completion.target = 0.2)"


def test_in_a_race_every_other_training_is_one_without_an_improvement():
    said = raced([(1, 1.0), (1, 1.0), (1, 1.0), (2, 0.1), (3, 5.0), (4, 6.0)], not_improving=3)
    assert said[:5] == [None] * 5
    assert said[5] == "3 trials in a row did not improve on 1 by more than 1 % (completion.not_improving = 3)"
