"""Why training jobs cannot run."""

from __future__ import annotations

from smtune.errors import SpecError


class TrainingError(Exception):
    """A training job cannot go on.

    Args:
        reason: Its ``FailureReason``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @classmethod
    def of(cls, error: SpecError) -> TrainingError:
        """Return what a job says that asks for something impossible."""
        return cls("ClientError: " + " ".join(str(error).split()))


class Abandoned(Exception):  # noqa: N818 - not an error: nobody wants the job any more
    """The service was reset: what still runs for jobs of before must leave no trace."""
