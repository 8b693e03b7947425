"""A trial: one configuration, trained once, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from smtune.space import Configuration


class TrialStatus(StrEnum):
    """SageMaker's own words, so that no table translates them. ``Stopped`` is not success."""

    InProgress = "InProgress"
    Completed = "Completed"
    Failed = "Failed"
    Stopped = "Stopped"

    @property
    def ended(self) -> bool:
        """Whether this status is final."""
        return self is not TrialStatus.InProgress


@dataclass(frozen=True, slots=True)
class Measurement:
    """Metrics that a trial reported together.

    Attributes:
        metrics: Metric name to value; values may be ``nan`` or infinite.
        step: The script's own count (epoch, boosting round), or ``None``.
        at: When it was read, seconds since the epoch (UTC).
    """

    metrics: Mapping[str, float]
    step: int | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration and its outcome. A later state is a new object.

    Attributes:
        number: Trial number, from 0, in the order in which the strategy proposed.
        parameters: Tuned parameter name to typed value, sorted by name.
        status: Where the trial stands.
        objective: Last reported value of the objective metric, or ``None``; of a trial that a rule stopped early, the
            value on which it was stopped.
        metrics: Last reported value of every metric.
        step: The last step that it reported, or ``None``.
        started_at: When it began, or went on after a pause: seconds since the epoch (UTC), or ``None``.
        ended_at: Seconds since the epoch (UTC), or ``None``.
        failure_reason: Why it is not ``Completed``, in one line, or ``None``.
        origin: Where its configuration came from, e.g. ``"random"``, ``"enqueued"``, ``"crossover of 3 and 7"``.
        repeat: Which training of the same configuration this is, from 0.
        resource: How much it may use so far, in steps from its start (see :mod:`smtune.strategies.multifidelity`), or
            ``None`` for a whole training.
        paused: Whether it was stopped because it had used its resource: it can go on with more, or does so.
        seconds_before: What it took before it was paused the last time.
        training_job: Name of its training job on SageMaker, or ``None``.
        model: Where its model is, e.g. the S3 URI of its ``model.tar.gz``, or ``None`` if that is not known.
        billable_seconds: Seconds that it is charged for, or ``None`` for those that it took; spare capacity is
            charged for less.
    """

    number: int
    parameters: Configuration
    status: TrialStatus = TrialStatus.InProgress
    objective: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    step: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    failure_reason: str | None = None
    origin: str = ""
    repeat: int = 0
    resource: int | None = None
    paused: bool = False
    seconds_before: float = 0.0
    training_job: str | None = None
    model: str | None = None
    billable_seconds: float | None = None

    @property
    def seconds(self) -> float | None:
        """Wall-clock seconds from start to end without pauses, or ``None`` while it has not ended."""
        if self.ended_at is None:
            return None
        if self.started_at is None:
            return self.seconds_before or None
        return self.seconds_before + max(0.0, self.ended_at - self.started_at)

    @property
    def charged_seconds(self) -> float:
        """Seconds that it costs money for: its billable ones if they are known, else those that it took."""
        return (self.seconds or 0.0) if self.billable_seconds is None else self.billable_seconds
