"""What tuning jobs need of training jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Training(Protocol):
    """A training job, as far as whoever started it looks at it; times are seconds since the epoch."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def status(self) -> str:
        """``InProgress``, ``Stopping``, ``Completed``, ``Failed`` or ``Stopped``."""

    @property
    def secondary_status(self) -> str:
        """Where exactly it stands, e.g. ``Training`` or ``MaxRuntimeExceeded``."""

    @property
    def failure_reason(self) -> str | None:
        """Why it failed, or ``None``."""

    @property
    def created_at(self) -> float:
        """When it was created."""

    @property
    def started_at(self) -> float | None:
        """When it began to train, or ``None``."""

    @property
    def ended_at(self) -> float | None:
        """When it was over, or ``None``."""


class TrainingListener(Protocol):
    """Told of a training job by the thread that runs it, in the order in which things happen."""

    def started(self, job: Training, at: float) -> None:
        """Its code has begun to run."""

    def measured(self, job: Training, at: float, metrics: Mapping[str, float]) -> None:
        """It has printed metrics."""

    def ended(self, job: Training) -> None:
        """It is over, its artifacts are where they belong, and its slot is free."""


class TrainingRegistry(Protocol):
    """Creates and stops training jobs."""

    def create(
        self, request: Mapping[str, Any], *, tuning_job: str | None = None, listener: TrainingListener | None = None
    ) -> Training:
        """Create a training job, and return at once.

        Args:
            request: As of ``CreateTrainingJob``.
            tuning_job: ARN of the tuning job that it belongs to.
            listener: Told what becomes of it.

        Raises:
            ServiceError: The request is refused.
        """

    def find(self, name: str, *, tuning_job: str) -> Training | None:
        """Return the training job of this name that belongs to the tuning job of this ARN, or ``None``."""

    def stop(self, name: str) -> None:
        """Ask a training job to stop. Returns at once.

        Raises:
            ServiceError: There is none of this name, or it has ended.
        """
