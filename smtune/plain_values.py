"""Trials and configurations as plain values: as JSON objects, and as the rows of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from smtune.honesty import Evaluation
from smtune.trial import Trial


def table_row(trial: Trial, evaluation: Evaluation | None) -> dict[str, Any]:
    """Return a trial as the columns of a table, in their order.

    Args:
        trial: Whose row it is; a parameter with the name of another column stands under ``parameter.<name>``.
        evaluation: What is known of its configuration, where there is more to it than this trial.
    """
    ours = {
        "number": trial.number,
        "status": trial.status.value,
        "objective": trial.objective,
    }
    rest = {
        **{f"metric.{name}": value for name, value in trial.metrics.items()},
        "seconds": trial.seconds,
        "started_at": _moment(trial.started_at),
        "ended_at": _moment(trial.ended_at),
        "origin": trial.origin,
        "repeat": trial.repeat,
        **({} if evaluation is None else _mean_columns(evaluation)),
        "resource": trial.resource,
        "paused": trial.paused,
        "failure_reason": trial.failure_reason,
        **_on_sagemaker(trial),
    }
    taken = {*ours, *rest}
    tuned = {f"parameter.{name}" if name in taken else name: value for name, value in trial.parameters.items()}
    return {**ours, **tuned, **rest}


def trial_dict(trial: Trial) -> dict[str, Any]:
    """Return a trial as plain JSON values."""
    return {
        "number": trial.number,
        "status": trial.status.value,
        "parameters": dict(trial.parameters),
        "objective": finite_or_none(trial.objective),
        "metrics": _finite(trial.metrics),
        "origin": trial.origin,
        "repeat": trial.repeat,
        "resource": trial.resource,
        "paused": trial.paused,
        "started_at": iso_time(trial.started_at),
        "ended_at": iso_time(trial.ended_at),
        "failure_reason": trial.failure_reason,
        **_on_sagemaker(trial),
    }


def evaluation_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Return what is known of a configuration as plain JSON values."""
    trial = evaluation.trial
    return {
        "number": trial.number,
        "objective": finite_or_none(trial.objective),
        "standard_error": finite_or_none(evaluation.standard_error),
        "trainings": evaluation.trainings,
        "parameters": dict(trial.parameters),
        "metrics": _finite(trial.metrics),
    }


def finite_or_none(value: float | None) -> float | None:
    """Return a number that JSON knows, or ``None`` for nan and the infinities."""
    return None if value is None or not math.isfinite(value) else value


def iso_time(seconds: float | None) -> str | None:
    """Return a time in seconds since the epoch in ISO 8601 (UTC), to the millisecond."""
    moment = _moment(seconds)
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _on_sagemaker(trial: Trial) -> dict[str, Any]:
    """Return what only trainings on SageMaker have, as far as it is known."""
    fields = {"training_job": trial.training_job, "model": trial.model, "billable_seconds": trial.billable_seconds}
    return {name: value for name, value in fields.items() if value is not None}


def _mean_columns(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "mean": evaluation.trial.objective,
        "standard_error": evaluation.standard_error,
        "trainings": evaluation.trainings,
    }


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: finite_or_none(value) for name, value in metrics.items()}


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
