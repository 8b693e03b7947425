"""Rows of the projections as objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smtune.trial import Measurement, Trial, TrialStatus

JOB_COLUMNS = "created, created_at, warm_start, status, started_at, stop_requested, ended, ended_at"
TRIAL_COLUMNS = (
    "number, suggested, status, started_at, metrics, step, ended, ended_at, promoted, resource, seconds_before"
)
MEASUREMENT_COLUMNS = "at, measured"

Row = tuple[Any, ...]
"""As SQLite returns it."""

# `json.loads` looks at its options on every call; the decoder is what it ends up with.
_load = json.JSONDecoder().decode


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as its log describes it.

    Attributes:
        name: Name of the job.
        backend: Where it runs, e.g. ``"local"``.
        spec: What is tuned, as plain JSON values.
        seed: The seed of the strategy.
        warm_start: Type and parents of :class:`smtune.store.WarmStarted`, or ``None``.
        status: ``InProgress`` from its creation and from every start; what ended it after that. A job whose process
            was killed stays ``InProgress``: :func:`smtune.store.is_running` knows better.
        reason: Why it is not ``Completed``, or what ended it early, or ``None``.
        created_at: Seconds since the epoch (UTC).
        started_at: When it first ran, seconds since the epoch (UTC), or ``None``.
        ended_at: When its last run ended, seconds since the epoch (UTC), or ``None``.
        stop_requested: Whether its last run was asked to stop.
        settings: What its backend needs again to go on with it, beyond the spec, as plain JSON values.
    """

    name: str
    backend: str
    spec: Mapping[str, Any]
    seed: int
    warm_start: Mapping[str, Any] | None
    status: str
    reason: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    stop_requested: bool
    settings: Mapping[str, Any] = field(default_factory=dict)


def job_of(row: Row) -> JobRecord:
    """Return a row of ``JOB_COLUMNS`` as an object."""
    created, created_at, warm_start, status, started_at, stop_requested, ended, ended_at = row
    return JobRecord(
        **_load(created),
        warm_start=_load(warm_start),
        status=status,
        reason=None if ended is None else _load(ended)["reason"],
        created_at=created_at,
        started_at=started_at,
        ended_at=ended_at,
        stop_requested=bool(stop_requested),
    )


def trial_of(row: Row) -> Trial:
    """Return a row of ``TRIAL_COLUMNS`` as an object."""
    number, suggested, status, started_at, metrics, step, ended, ended_at, promoted, resource, seconds_before = row
    outcome = _NO_OUTCOME if ended is None else _load(ended)
    return Trial(
        number=number,
        **{**_load(suggested), "resource": resource},
        status=TrialStatus(status),
        objective=outcome["objective"],
        metrics=_load(metrics),
        step=_load(step),
        started_at=started_at,
        ended_at=ended_at,
        failure_reason=outcome["reason"],
        paused=promoted > 0 if ended is None else outcome["paused"],
        seconds_before=seconds_before,
    )


def measurement_of(row: Row) -> Measurement:
    """Return a row of ``MEASUREMENT_COLUMNS`` as an object."""
    at, measured = row
    return Measurement(**_load(measured), at=at)


def log_tail_of(row: Row) -> tuple[str, ...]:
    """Return a row of the column ``ended`` of a trial as its last log lines."""
    (ended,) = row
    return () if ended is None else tuple(_load(ended)["log_tail"])


_NO_OUTCOME: Mapping[str, Any] = {"objective": None, "reason": None}
