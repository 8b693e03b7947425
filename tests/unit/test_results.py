import json
import math
from dataclasses import replace

import pytest

from smtune.results import JobStatus, TuningResult, WarmStartParent, WarmStartResult
from smtune.spec import Goal, Repeats, Selection
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
        **{"holdout_metric": "test:auc", **fields},
    )


def test_a_trial_costs_what_it_is_charged_for():
    spot = replace(completed(1, 0.9, ended_at=3600.0), billable_seconds=900.0)
    trials = [completed(0, 0.5, ended_at=3600.0), spot, replace(completed(2, 0.5), ended_at=None)]
    assert result(*trials, usd_per_hour=2.0).cost_usd == pytest.approx(2.5)
    assert result(*trials).cost_usd is None


def test_what_only_trainings_on_sagemaker_have_is_shown_where_it_is_known():
    here, there = (
        completed(0, 0.5),
        replace(completed(1, 0.9), training_job="churn-002-5d0f5aea", model="s3://b/m.tar.gz"),
    )
    first, second = result(here, there).to_dict()["trials"]
    assert second.keys() - first.keys() == {"training_job", "model"}
    assert (second["training_job"], second["model"]) == ("churn-002-5d0f5aea", "s3://b/m.tar.gz")
    table = result(here, there).to_dataframe()
    assert list(table["model"].fillna("")) == ["", "s3://b/m.tar.gz"]
    assert "model" not in result(here).to_dataframe()


def test_parents_may_be_known_by_name_only():
    best = Trial(3, {"eta": 0.1}, TrialStatus.Completed, 0.7)
    parents = [WarmStartParent("old", None, {}, None), WarmStartParent("older", 4, {}, best)]
    assert [WarmStartParent.from_dict(parent.to_dict()) for parent in parents] == parents
    warm_start = WarmStartResult("IdenticalDataAndAlgorithm", parents)
    assert result(warm_start=warm_start).best_parent == parents[1]
    assert result(warm_start=replace(warm_start, parents=parents[:1])).best_parent is None


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
    job = result(completed(0, 0.95, **{"test:auc": 0.9, "test:auc:se": 0.01, "train:auc": 1.0}))
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


def test_json_and_dataframe_say_who_was_paused():
    job = result(completed(0, 0.5), replace(completed(1, 0.4), status=TrialStatus.Stopped, paused=True))
    assert [one["paused"] for one in job.to_dict()["trials"]] == [False, True]
    assert list(job.to_dataframe()["paused"]) == [False, True]


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


def trained(number, x, objective, repeat=0, *, seconds=1.0, status=TrialStatus.Completed, **metrics):
    return Trial(
        number,
        {"x": x},
        status,
        objective,
        {"validation:auc": objective, **metrics} if objective is not None else {},
        started_at=0.0,
        ended_at=seconds,
        repeat=repeat,
    )


RACE = {"repeats": Repeats(min=1, max=3)}


def test_nobody_wins_by_having_been_trained_less_often():
    steady = [trained(number, 1, objective, number) for number, objective in enumerate((0.8, 0.9, 0.7))]
    lucky = trained(3, 2, 0.99)
    job = result(*steady, lucky, **RACE)
    assert (job.best.number, job.best.objective) == (0, pytest.approx(0.8))
    assert [(one.trial.number, one.trainings) for one in job.evaluations] == [(0, 3), (3, 1)]
    assert job.best_evaluation.standard_error == pytest.approx(0.1 / math.sqrt(3))
    assert [number for number, _ in job.history()] == [0]
    again = replace(trained(4, 1, None, 3, status=TrialStatus.InProgress), ended_at=None)
    assert result(*steady, lucky, again, **RACE).best.number == 0  # being trained once more takes nothing away
    # As long as nobody was trained more often, it is the best.
    assert result(lucky, trained(4, 3, 0.5), **RACE).best.number == 3


def test_a_training_that_its_job_interrupted_does_not_count():
    interrupted = trained(1, 1, None, 1, status=TrialStatus.Stopped)
    job = result(trained(0, 1, 0.8), replace(interrupted, failure_reason="the job was stopped"), **RACE)
    assert job.best_evaluation.trainings == 1


def test_a_failed_training_counts_as_one_without_a_score():
    job = result(trained(0, 1, 0.8), trained(1, 1, None, 1, status=TrialStatus.Failed), **RACE)
    assert (job.best_evaluation.trainings, job.best_evaluation.standard_error) == (2, None)


def test_choices_of_another_type_are_other_configurations():
    job = result(trained(0, 1, 0.8), trained(1, True, 0.9), trained(2, "1", 0.7), repeats=Repeats(max=2, min=2))
    assert [one.trainings for one in job.evaluations] == [1, 1, 1]


def test_means_are_in_the_json_and_the_dataframe():
    trials = [trained(0, 1, 0.8), trained(1, 1, 0.9, 1), trained(2, 2, 0.5)]
    job = result(*trials, **RACE)
    document = json.loads(json.dumps(job.to_dict(), allow_nan=False))
    assert document["best"] == {
        "number": 0,
        "objective": pytest.approx(0.85),
        "standard_error": pytest.approx(0.05),
        "trainings": 2,
        "parameters": {"x": 1},
        "metrics": {"validation:auc": pytest.approx(0.85)},
    }
    assert document["configurations"][0] == document["best"]
    assert [one["standard_error"] for one in document["configurations"]][1:] == [None]
    assert document["expected"] == {"objective": None, "optimism": None, "reason": "it takes 5 configurations"}
    frame = job.to_dataframe()
    assert list(frame["mean"]) == pytest.approx([0.85, 0.85, 0.5])
    assert list(frame["trainings"]) == [2, 2, 1]
    assert frame.loc[0, "standard_error"] == pytest.approx(0.05)
    assert "mean" not in result(trained(0, 1, 0.5)).to_dataframe()
    assert result(trained(0, 1, 0.5)).to_dict()["configurations"] == []


def test_the_pick_is_told_beside_the_best():
    quick = trained(1, 2, 0.89, seconds=0.5)
    job = result(trained(0, 1, 0.9, **{"validation:auc:se": 0.02}), quick, selection=Selection())
    document = job.to_dict()
    assert (document["best"]["number"], document["picked"]["number"]) == (0, 1)
    assert document["picked"]["reason"] == "within one standard error, 0.02, of the best; seconds 0.5 instead of 1"
    assert result(quick).to_dict()["picked"] is None


def test_the_expected_score_and_the_warning_are_in_the_json():
    trials = [trained(k, k, 0.9 - k / 100, **{"validation:auc:se": 0.03, "test:auc": 0.7}) for k in range(6)]
    document = result(*trials).to_dict()
    expected = document["expected"]
    assert expected["among"] == 6
    assert expected["objective"] == pytest.approx(0.9 - expected["optimism"])
    assert 0.01 < expected["optimism"] < 0.03
    assert document["holdout"]["metric"] == "test:auc"
    assert document["holdout"]["warning"].startswith("test:auc 0.7 is worse than validation:auc 0.9 by 0.2")


def test_the_holdout_takes_no_part_in_any_choice():
    def job(holdout):
        trials = [trained(k, k, 0.9 - k / 100, **{"validation:auc:se": 0.05, "test:auc": holdout(k)}) for k in range(6)]
        return result(*trials, selection=Selection(prefer="x"))

    jobs = [job(lambda k: 0.1 * k), job(lambda k: 1 - 0.1 * k)]
    choices = [(one.best.number, one.pick.evaluation.trial.number, one.expectation, one.history()) for one in jobs]
    assert choices[0] == choices[1]


def test_the_metric_of_the_holdout_can_be_named():
    job = result(completed(0, 0.95, **{"later:auc": 0.9}), holdout_metric="later:auc")
    assert job.holdout() == {"later:auc": 0.9}
    assert job.holdout_gap() == pytest.approx(0.05)


def test_the_baseline_is_known_by_its_mean():
    baseline = [
        replace(trained(number, 1, value, number), origin="baseline") for number, value in enumerate((0.8, 0.6))
    ]
    assert result(*baseline, **RACE).baseline.objective == pytest.approx(0.7)
