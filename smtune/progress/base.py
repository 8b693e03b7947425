"""What every progress display promises, and the one that shows nothing."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from smtune.results import TuningResult
from smtune.trial import Trial


class Progress:
    """Shows how a job gets on. This one shows nothing.

    A worked sequence, all in the thread that waits for the job::

        with open_progress(job.result(), enabled=True) as progress:
            progress.update(trial)          # with every state of every trial
            progress.stopping(force=False)  # after Ctrl-C
            progress.finish(result)
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def update(self, trial: Trial) -> None:
        """Take in a state of a trial. Cheap, however many trials there are."""

    def stopping(self, *, force: bool, by: str = "") -> None:
        """Tell the user what their Ctrl-C has done.

        Args:
            force: Whether it was the second one, which ends the running trials at once.
            by: Name of the signal, if it was another than that of Ctrl-C.
        """

    def tell(self, text: str) -> None:
        """Show what keeps the job from being watched for a while, or that it no longer does."""

    def finish(self, result: TuningResult) -> None:
        """Show the job as it stands when the waiting ends."""

    def close(self) -> None:
        """Give the screen back. Idempotent."""
