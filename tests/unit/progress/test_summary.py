"""The summary is what people read first, and often the only thing."""

from __future__ import annotations

from dataclasses import replace

from smtune.progress import summary
from smtune.results import BASELINE, JobStatus, TuningResult, WarmStartParent, WarmStartResult
from smtune.spec import Goal, Repeats, Selection
from smtune.trial import Trial, TrialStatus


def trial(number, objective, *, test=None, origin="random", **changes):
    metrics = {"validation:auc": objective} | ({} if test is None else {"test:auc": test})
    one = Trial(number, {"eta": 0.0731234, "booster": "dart"}, TrialStatus.Completed, objective, metrics, origin=origin)
    return replace(one, **changes)


def failed(number, reason):
    return trial(number, None, status=TrialStatus.Failed, failure_reason=reason)


def result(*trials, status=JobStatus.Completed, goal=Goal.Maximize, reason=None, **fields):
    return TuningResult(
        name="churn",
        backend="local",
        status=status,
        metric="validation:auc",
        goal=goal,
        strategy="random",
        seed=7,
        trials=trials,
        planned_trials=40,
        failure_reason=reason,
        started_at=1000.0,
        ended_at=1052.0,
        holdout_metric="test:auc",
        **fields,
    )


def lines(job):
    return summary(job).splitlines()


def test_the_best_stands_beside_the_untuned_default():
    job = result(trial(0, 0.98, test=0.9811, origin=BASELINE), trial(1, 0.9934, test=0.989))

    assert lines(job) == [
        "churn Completed: 2 of 40 trials in 52 s",
        "  best     trial 1   validation:auc 0.9934   eta 0.07312, booster dart",
        "  default  trial 0   validation:auc 0.98   (untuned)",
        "  holdout  test:auc 0.989   (untuned default 0.9811)",
        "  next     smtune show churn · smtune best churn --output json",
    ]


def test_a_best_that_loses_on_the_holdout_is_shown_as_that():
    job = result(trial(0, 0.98, test=0.99, origin=BASELINE), trial(1, 0.9934, test=0.985))

    assert "  holdout  test:auc 0.985   (untuned default 0.99: tuning gained nothing here)" in lines(job)


def test_a_lower_loss_on_the_holdout_is_a_gain():
    job = result(trial(0, 0.3, test=0.4, origin=BASELINE), trial(1, 0.2, test=0.35), goal=Goal.Minimize)

    assert "  holdout  test:auc 0.35   (untuned default 0.4)" in lines(job)


def test_an_unbeaten_default_is_said_to_be_the_best():
    text = summary(result(trial(0, 0.99, test=0.98, origin=BASELINE), trial(1, 0.5, test=0.5)))

    assert "(the best as well)" in text
    assert "untuned default" not in text


def test_failures_are_grouped_by_cause():
    job = result(trial(0, 0.9), *(failed(number, f"exit code 1: line {number}") for number in range(1, 13)))

    assert "  failed   12 x exit code 1: line 1   (trials 1, 2, 3, 4, 5, 6, 7, 8, ...)" in lines(job)
    assert "smtune logs churn 1" in lines(job)[-1]


def test_a_stopped_job_says_how_to_go_on():
    stopped = [
        trial(number, None, status=TrialStatus.Stopped, failure_reason=reason)
        for number, reason in ((2, "the job was stopped"), (3, "killed"), (4, "ran longer than 300"))
    ]
    job = result(trial(0, 0.9), failed(1, "no"), *stopped, status=JobStatus.Stopped)

    assert lines(job)[0] == "churn Stopped: 3 of 40 trials kept · continue with: smtune resume churn"


def test_a_failed_job_says_why_and_names_no_best():
    job = result(failed(0, "exit code 1"), status=JobStatus.Failed, reason="the first 5 trials all failed")

    assert lines(job) == [
        "churn Failed: 0 of 40 trials in 52 s · the first 5 trials all failed",
        "  failed   1 x exit code 1   (trial 0)",
        "  next     smtune show churn · smtune logs churn 0",
    ]


def test_a_job_that_a_limit_ended_says_so():
    job = result(trial(0, 0.9), reason="limits.max_runtime_seconds = 5 reached")

    assert lines(job)[0] == "churn Completed: 1 of 40 trials in 52 s · limits.max_runtime_seconds = 5 reached"


def test_a_running_job_says_how_to_watch_and_stop_it():
    job = result(trial(0, 0.9), Trial(1, {"eta": 0.1}), status=JobStatus.InProgress)

    assert lines(job)[-1] == "  next     smtune watch churn · smtune logs churn 1 --follow · smtune stop churn"


def test_whoever_sees_the_trials_is_not_sent_to_see_them():
    assert "smtune show" not in summary(result(trial(0, 0.9)), trials_shown=True)


def test_what_scripts_say_cannot_reach_the_terminal():
    assert "\x1b" not in summary(result(failed(0, "\x1b[2Jgone"), status=JobStatus.Failed, reason="\x1b[31m"))


def test_trials_that_a_rule_stopped_are_counted_apart_and_may_be_the_best():
    early = trial(1, 0.9, status=TrialStatus.Stopped, failure_reason="early stopping: no better")
    text = summary(result(trial(0, 0.8), early))
    assert "churn Completed: 1 of 40 trials, 1 stopped early in 52 s" in text
    assert "best     trial 1" in text
    assert "failed" not in text


def with_error(number, objective, error=0.03, **changes):
    one = trial(number, objective, **changes)
    return replace(one, parameters={"x": number}, metrics={**one.metrics, "validation:auc:se": error})


def test_the_best_is_told_with_its_error_and_what_to_expect():
    job = result(*(with_error(number, 0.9 - number / 100, test=0.88) for number in range(6)))
    text = lines(job)
    assert text[1] == "  best     trial 0   validation:auc 0.900 ± 0.030   x 0"
    assert text[2].startswith("  expected validation:auc 0.87")
    assert text[2].endswith(" optimism of choosing among 6)")
    assert "(best 0.9 minus 0.0" in text[2]
    assert text[3] == "  holdout  test:auc 0.88"
    assert text[4].startswith("  next")


def test_a_loss_is_expected_to_be_higher():
    job = result(*(with_error(number, 0.1 + number / 100) for number in range(6)), goal=Goal.Minimize)
    assert "(best 0.1 plus 0.0" in lines(job)[2]


def test_why_nothing_can_be_expected_is_told_to_those_who_ask():
    job = result(*(trial(number, 0.9) for number in range(6)))
    assert "expected" not in summary(job)
    assert (
        "  expected not estimated: it takes repeats, or scores of folds or standard errors that are reported beside the "
        "objective"
    ) in summary(job, trials_shown=True)


def test_repeats_are_counted():
    group = [
        replace(trial(number, value, repeat=number), parameters={"x": 1}) for number, value in enumerate((0.9, 0.94))
    ]
    job = result(*group, repeats=Repeats(min=1, max=2))
    assert lines(job)[:2] == [
        "churn Completed: 2 of at most 40 trials in 52 s",
        "  best     trial 0   validation:auc 0.920 ± 0.020 (2 trainings)   x 1",
    ]


def test_a_pick_stands_beside_the_best_with_its_reason():
    cheap = with_error(0, 0.89)
    job = result(cheap, with_error(1, 0.9), selection=Selection(prefer="x"))
    assert lines(job)[1:4] == [
        "  best     trial 1   validation:auc 0.900 ± 0.030   x 1",
        "  picked   trial 0   validation:auc 0.890 ± 0.030   x 0",
        "           within one standard error, 0.03, of the best; x 0 instead of 1",
    ]
    alone = result(trial(1, 0.9), selection=Selection())
    reason = "its standard error is not known: set repeats: 3, or report validation:auc:se"
    assert lines(alone)[2] == f"  picked   the best: {reason}"


def test_a_holdout_that_disagrees_is_a_warning():
    job = result(with_error(0, 0.95, 0.01, test=0.8))
    (text,) = [line for line in lines(job) if line.startswith("  warning")]
    assert text.startswith("  warning  test:auc 0.8 is worse than validation:auc 0.95 by 0.15, which is more than")
    assert text.endswith("would make the choice safer")


def test_parents_are_named_where_nothing_else_is_told_of_them():
    best = Trial(3, {"eta": 0.1}, TrialStatus.Completed, 0.97)
    parents = [WarmStartParent("older", None, {}, None), WarmStartParent("old", None, {}, best)]
    job = result(trial(0, 0.9), warm_start=WarmStartResult("IdenticalDataAndAlgorithm", parents))
    assert "  warm start: older, old; their best validation:auc 0.97 (trial 3 of old)" in lines(job)
