"""What a runner reports becomes the outcome of a trial."""

import math

import pytest

from smtune.outcomes import ended, fresh, judge, measured
from smtune.runners.base import Ended, Measured
from smtune.stopping import Decision
from smtune.trial import Trial, TrialStatus

HOW_TO_REPORT = "call smtune.container.report in the script, or name a regular expression under metrics"


def trial(**metrics):
    return Trial(3, {"x": 0.5}, metrics=metrics, step=7 if metrics else None)


def end(status, reason=None):
    return Ended(3, 12.0, status, reason, log_tail=("the last line",))


def test_code_that_ends_well_completes_with_its_objective_and_drops_the_remark():
    outcome = judge(trial(loss=0.5), end(TrialStatus.Completed, "a remark"), metric="loss")
    assert (outcome.status, outcome.objective, outcome.reason) == (TrialStatus.Completed, 0.5, None)
    assert (outcome.number, outcome.at, outcome.metrics) == (3, 12.0, None)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_objective_that_is_no_number_is_a_failure(value):
    outcome = judge(trial(loss=value), end(TrialStatus.Completed), metric="loss")
    assert (outcome.status, outcome.objective) == (TrialStatus.Failed, None)
    assert outcome.reason == f"reported loss = {value} at step 7"


@pytest.mark.parametrize(
    ("metrics", "remark", "hint"),
    [
        ({"los": 0.5}, None, "it reported los; did you mean 'los'?"),
        ({"auc": 0.5}, "its regex never matched", "it reported auc; its regex never matched"),
        ({"auc": 0.5}, None, "it reported auc"),
        ({}, None, f"it reported no metric at all; {HOW_TO_REPORT}"),
    ],
)
def test_a_missing_objective_is_a_failure_that_says_what_may_help(metrics, remark, hint):
    outcome = judge(trial(**metrics), end(TrialStatus.Completed, remark), metric="loss")
    assert (outcome.status, outcome.objective) == (TrialStatus.Failed, None)
    assert outcome.reason == f"never reported the objective 'loss'; {hint}"


def test_code_that_fails_has_no_objective_whatever_it_reported():
    outcome = judge(trial(loss=0.5), end(TrialStatus.Failed, "exit code 1"), metric="loss")
    assert (outcome.status, outcome.objective, outcome.reason) == (TrialStatus.Failed, None, "exit code 1")
    assert outcome.log_tail == ("the last line",)


def test_a_trial_that_was_asked_to_stop_keeps_its_objective_and_says_who_asked():
    outcome = judge(trial(loss=0.5), end(TrialStatus.Stopped), metric="loss", stop_reason="the job was stopped")
    assert (outcome.status, outcome.objective, outcome.reason) == (TrialStatus.Stopped, 0.5, "the job was stopped")
    assert (outcome.paused, outcome.ran_out) == (False, False)


@pytest.mark.parametrize("status", [TrialStatus.Completed, TrialStatus.Failed, TrialStatus.Stopped])
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_decision_counts_however_the_code_ended_afterwards(status, goes_on):
    decision = Decision(0.4, {"loss": 0.4}, "early stopping: it was worse", goes_on=goes_on)
    late = trial(loss=0.1)
    outcome = judge(late, end(status, "whatever"), metric="loss", decision=decision)
    assert (outcome.status, outcome.objective, outcome.reason) == (TrialStatus.Stopped, 0.4, decision.reason)
    assert outcome.paused is goes_on
    assert outcome.ran_out is (goes_on and status is TrialStatus.Completed)
    known = ended(late, outcome)
    assert (known.objective, known.metrics, known.paused) == (0.4, {"loss": 0.4}, goes_on)


def test_a_report_adds_to_what_is_known():
    known = measured(trial(loss=0.5), Measured(3, 1.0, {"auc": 0.7}), metric="loss")
    assert (known.metrics, known.step, known.objective) == ({"loss": 0.5, "auc": 0.7}, 7, None)
    known = measured(known, Measured(3, 2.0, {"loss": 0.2}, step=8), metric="loss")
    assert (known.metrics, known.step, known.objective) == ({"loss": 0.2, "auc": 0.7}, 8, 0.2)


def test_only_a_trial_that_was_paused_keeps_what_it_reported_when_it_starts():
    paused = Trial(3, {"x": 0.5}, metrics={"loss": 0.5}, started_at=1.0, resource=4, paused=True, origin="random")
    assert (fresh(paused).metrics, fresh(paused).started_at) == ({"loss": 0.5}, None)
    killed = Trial(3, {"x": 0.5}, metrics={"loss": 0.5}, started_at=1.0, resource=4, repeat=1, origin="random")
    assert fresh(killed) == Trial(3, {"x": 0.5}, resource=4, repeat=1, origin="random")
