"""Tuning jobs as SageMaker tells them, read as results."""

from smtune.amt import decode_description
from smtune.results import JobStatus
from smtune.spec import Goal
from tests.unit.amt.answers import at, description, details, summary


def test_a_job_is_told_as_a_result():
    result = decode_description(description(), [summary(1, value=0.9), summary(0, value=0.91)], details())
    assert (result.name, result.backend, result.status) == ("churn", "amt", JobStatus.Completed)
    assert (result.metric, result.goal, result.strategy, result.seed) == (
        "validation:auc",
        Goal.Maximize,
        "bayesian",
        7,
    )
    assert (result.max_parallel, result.planned_trials, result.failure_reason) == (2, 20, None)
    assert (result.started_at, result.ended_at) == (at(0).timestamp(), at(60).timestamp())
    assert [trial.number for trial in result.trials] == [0, 1]
    best = result.best
    assert best is not None
    assert best.parameters == {"booster": "dart", "eta": 0.0718319595287881, "max_depth": 8}
    assert (best.objective, best.metrics) == (0.91, {"validation:auc": 0.91, "test:auc": 0.89})
    assert (best.started_at, best.ended_at) == (at(1).timestamp(), at(5).timestamp())
    assert best.training_job == "churn-001-5d0f5aea"
    assert best.model == "s3://bucket/models/churn-001-5d0f5aea/output/model.tar.gz"
    assert result.holdout() == {"test:auc": 0.89}
