"""Progress for log files and pipes: a line per trial, and no escape codes."""

from __future__ import annotations

from typing import TextIO

from smtune.progress.base import Progress
from smtune.progress.board import Board
from smtune.progress.texts import clean, cut, objective_text, parameters_text, reason_text
from smtune.results import TuningResult
from smtune.trial import Trial, TrialStatus


class LineProgress(Progress):
    """Writes a line when the job begins and whenever a trial has ended.

    Args:
        result: The job as it stands.
        stream: Where to write.
    """

    def __init__(self, result: TuningResult, stream: TextIO) -> None:
        self._board = Board(result)
        self._stream = stream
        self._write(self._board.header)

    def update(self, trial: Trial) -> None:
        """Write a line if this is the end of a trial."""
        if not self._board.update(trial):
            return
        outcome = objective_text(trial.objective)
        if trial.status is TrialStatus.Failed:
            outcome = reason_text(trial, self._board.name)
        elif trial.failure_reason:
            outcome = f"{outcome} ({clean(trial.failure_reason)})".lstrip()
        parts = [
            f"{self._board.progress}  trial {trial.number}  {trial.status.value}  {outcome}".rstrip(),
            cut(parameters_text(trial.parameters), 200),
            self._board.best_text,
        ]
        self._write("  ".join(part for part in parts if part))

    def stopping(self, *, force: bool, by: str = "") -> None:
        """Write what the user's Ctrl-C has done."""
        self._write(self._board.stopping(force=force, by=by))

    def tell(self, text: str) -> None:
        """Write what keeps the job from being watched."""
        self._write(self._board.tell(text))

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()
