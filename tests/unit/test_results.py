import json
import math
from dataclasses import replace

import pytest

from smtune.results import JobStatus, TuningResult
from smtune.spec import Goal, Repeats
from smtune.trial import Trial, TrialStatus


def completed(number, objective, *, ended_at=None, **metrics):
    return Trial(
        number,
        {"eta": 0.1 * number},
        TrialStatus.Completed,
        objective=objective,
        metrics={"validation:auc": objective, **metrics},
        started_at=0.0,
        ended_at=number if ended_at is None else ended_at,
    )


def failed(number, reason):
    return Trial(number, {"eta": 0.0}, TrialStatus.Failed, failure_reason=reason, started_at=0.0, ended_at=1.0)


def result(*trials, goal=Goal.Maximize, **fields):
    return TuningResult(
        name="churn",
        backend="local",
        status=JobStatus.Completed,
        metric="validation:auc",
        goal=goal,
        strategy="random",
        seed=7,
        trials=trials,
        holdout_metric="test:auc",
        **fields,
    )


def test_best_follows_the_goal_and_the_earlier_number_wins_a_tie():
    trials = [completed(0, 0.5), completed(1, 0.9), completed(2, 0.9), completed(3, 0.1)]
    assert result(*trials).best is trials[1]
    assert result(*trials, goal=Goal.Minimize).best is trials[3]


def test_a_stopped_trial_is_never_the_best():
    stopped = Trial(1, {"eta": 0.2}, TrialStatus.Stopped, objective=0.99)
    assert result(completed(0, 0.5), stopped).best.number == 0
    assert result(stopped).best is None


def test_with_repeats_the_best_mean_wins_and_not_the_luckiest_run():
    def repeat(number, x, objective):
        return Trial(
            number, {"x": x}, TrialStatus.Completed, objective=objective, metrics={"m": objective}, repeat=number % 3
        )

    lucky = [repeat(0, 1, 5.0), repeat(1, 1, 1.0), repeat(2, 1, 9.0)]
    steady = [repeat(3, 2, 4.0), repeat(4, 2, 4.0), repeat(5, 2, 4.0)]
    thrice = {"goal": Goal.Minimize, "repeats": Repeats(min=3, max=3)}
    job = result(*lucky, *steady, **thrice)
    assert (job.best.number, job.best.objective, job.best.metrics) == (3, 4.0, {"m": 4.0})
    assert [value for _, value in job.history()] == [5.0, 4.0]
    begun = Trial(6, {"x": 3}, TrialStatus.Completed, objective=0.0), Trial(7, {"x": 3}, repeat=1)
    assert result(*lucky, *steady, *begun, **thrice).best.number == 3


def test_trials_that_ran_out_of_time_are_a_cause_of_failure():
    late = Trial(0, {}, TrialStatus.Stopped, failure_reason="ran longer than limits.max_trial_seconds = 3")
    stopped = Trial(1, {}, TrialStatus.Stopped, failure_reason="the job was stopped")
    assert result(late, stopped).failures() == {"ran longer than limits.max_trial_seconds = 3": (0,)}


def test_history_lists_improvements_in_the_order_of_the_ends():
    trials = [completed(0, 0.5, ended_at=9), completed(1, 0.7, ended_at=3), completed(2, 0.8, ended_at=5)]
    assert result(*trials).history() == [(1, 0.7), (2, 0.8)]


def test_failures_are_grouped_by_cause_whatever_their_numbers():
    job = result(
        failed(0, "exit code 1: ValueError: eta 0.48 is too large"),
        failed(1, "exit code 137"),
        failed(2, "exit code 1: ValueError: eta 0.51 is too large"),
        completed(3, 0.5),
    )
    assert job.failures() == {"exit code 1: ValueError: eta 0.48 is too large": (0, 2), "exit code 137": (1,)}
    assert job.counts == {"Completed": 1, "Failed": 3, "Stopped": 0, "InProgress": 0}


def test_the_gap_to_the_holdout_is_positive_where_that_is_worse():
    assert result(completed(0, 0.95, **{"test:auc": 0.9})).holdout_gap() == pytest.approx(0.05)
    loss = completed(0, 0.2, **{"test:auc": 0.3})
    assert result(loss, goal=Goal.Minimize).holdout_gap() == pytest.approx(0.1)
    assert result(completed(0, 0.95)).holdout_gap() is None
    assert result().holdout_gap() is None


def test_holdout_shows_the_test_metrics_of_the_best():
    job = result(completed(0, 0.95, **{"test:auc": 0.9, "train:auc": 1.0}))
    assert job.holdout() == {"test:auc": 0.9}


def test_the_json_form_is_strict_json_even_with_nan():
    job = result(completed(0, 0.95, **{"train:auc": math.nan}))
    text = json.dumps(job.to_dict(), allow_nan=False)
    assert json.loads(text)["trials"][0]["metrics"]["train:auc"] is None
    assert json.loads(text)["trials"][0]["ended_at"] == "1970-01-01T00:00:00.000Z"


def test_the_dataframe_has_one_row_per_trial():
    frame = result(completed(0, 0.5), failed(1, "no")).to_dataframe()
    assert list(frame["number"]) == [0, 1]
    assert frame.loc[0, "metric.validation:auc"] == 0.5
    assert frame.loc[1, "failure_reason"] == "no"


def test_a_parameter_named_like_a_column_does_not_take_its_place():
    trial = Trial(0, {"objective": "a", "seconds": 3, "eta": 0.1}, TrialStatus.Completed, objective=0.5)
    frame = result(trial).to_dataframe()
    assert frame.loc[0, "objective"] == 0.5
    assert frame.loc[0, "parameter.objective"] == "a"
    assert frame.loc[0, "parameter.seconds"] == 3
    assert frame.loc[0, "eta"] == 0.1


def test_a_trial_that_a_rule_stopped_is_a_result_and_no_failure():
    early = replace(completed(1, 0.9), status=TrialStatus.Stopped, failure_reason="early stopping: no better")
    late = replace(completed(2, 0.95), status=TrialStatus.Stopped, failure_reason="ran longer than 3")
    job = result(completed(0, 0.8), early, late)
    assert job.best == early
    assert job.history() == [(0, 0.8), (1, 0.9)]
    assert job.failures() == {"ran longer than 3": (2,)}
    assert job.counts == {"Completed": 1, "Failed": 0, "Stopped": 2, "InProgress": 0}
