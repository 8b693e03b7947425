"""What a progress display knows of a job: the work of an update does not depend on the number of trials."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from smtune.progress.ranking import Ranking
from smtune.progress.texts import (
    clean,
    clock_text,
    interrupted_by,
    objective_text,
    parameters_text,
    reason_text,
    running_objective_text,
)
from smtune.results import TuningResult
from smtune.trial import Trial, TrialStatus

SHOWN_FAILURES = 3
"""How many of the latest failures stay in sight."""


@dataclass(frozen=True, slots=True)
class Row:
    """One trial as a display shows it.

    Attributes:
        number: Trial number.
        status: Where the trial stands.
        objective: Its objective; one that may still change is marked with ``*``.
        parameters: Names and short values, which may be cut.
        note: How far it is, or why it failed; must not be cut before the parameters are.
    """

    number: int
    status: TrialStatus
    objective: str
    parameters: str
    note: str = ""


class Board:
    """Follows the trials of a job. Updated by one thread, read by any.

    Args:
        result: The job; its trials come by :meth:`update`, also those of the time before.
    """

    def __init__(self, result: TuningResult) -> None:
        self.name = clean(result.name)
        self.planned = result.planned_trials
        self._metric = result.metric
        self._lock = threading.Lock()
        self._opened = time.monotonic()
        self._closed: float | None = None
        self._last: dict[int, tuple[TrialStatus, int | None]] = {}  # with the resource: it may pause twice in a row
        self._ended: Counter[TrialStatus] = Counter()
        self._running: dict[int, Trial] = {}
        self._ranking = Ranking(result.goal, repeats=result.repeats)
        self._failures: deque[Trial] = deque(maxlen=SHOWN_FAILURES)
        self._most_running = 1
        self._trained_seconds = 0.0
        self._timed = 0
        self._notice = ""
        self._trouble = ""
        self.header = self._header(result)

    def update(self, trial: Trial) -> bool:
        """Take in a state of a trial; the same state twice changes nothing.

        Returns:
            Whether the trial has ended by this.
        """
        with self._lock:
            state = trial.status, trial.resource
            before = self._last.get(trial.number)
            if before != state:
                self._ranking.update(trial)
            if before is not None and before[0].ended:
                if before == state:
                    return False
                self._ended[before[0]] -= 1  # it was interrupted and starts afresh, or paused and went on
            self._last[trial.number] = state
            if not trial.status.ended:
                self._running[trial.number] = trial
                self._most_running = max(self._most_running, len(self._running))
                return False
            self._running.pop(trial.number, None)
            if self._notice and trial.status is TrialStatus.Stopped:
                self._last.pop(trial.number)  # interrupted: it starts afresh when the job is resumed
            else:
                self._count(trial)
            return True

    def _count(self, trial: Trial) -> None:
        self._ended[trial.status] += 1
        if trial.status is TrialStatus.Failed:
            self._failures.append(trial)
        elif trial.status is TrialStatus.Completed:
            self._trained_seconds += trial.seconds or 0.0
            self._timed += 1

    def stopping(self, *, force: bool, by: str = "") -> str:
        """Note that the user interrupted the job, and return what to tell them."""
        with self._lock:
            begin = interrupted_by(by)
            count = len(self._running)
            running = f"{count} running one{' is' if count == 1 else 's are'}"
            if force:
                self._notice = f"{begin} {running} killed" if count else f"{begin} running ones are killed"
            elif count:
                self._notice = f"{begin} no new trials; {running} asked to stop (again to kill)"
            else:
                self._notice = f"{begin} no new trials (again to kill)"
            return self._notice

    def tell(self, text: str) -> str:
        """Take in what keeps the job from being watched, and return it as a line."""
        with self._lock:
            self._trouble = clean(text)
            return self._trouble

    def close(self) -> None:
        """Stop the clock."""
        self._closed = time.monotonic()

    @property
    def notice(self) -> str:
        """What the user must know above all, or nothing."""
        return self._notice or self._trouble

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return self._ended.total()

    @property
    def progress(self) -> str:
        """How many trials have ended, of how many."""
        return f"{self.ended}/{self.planned}" if self.planned is not None else _count_text(self.ended)

    @property
    def best_text(self) -> str:
        """The best so far, with the mean of its repeats, or nothing."""
        with self._lock:
            best = self._ranking.best()
        return "" if best is None else f"best {objective_text(best.objective)} (trial {best.number})"

    def facts(self) -> list[str]:
        """Return progress, best, failures and clock, each a few words."""
        failed = self._ended[TrialStatus.Failed]
        texts = [self.progress, self.best_text, f"{failed} failed" if failed else "", self._clock()]
        return [text for text in texts if text]

    def rows(self, count: int) -> tuple[Sequence[Row], int]:
        """Return the trials to show: the running ones, the best, the latest failures.

        Args:
            count: How many rows there is room for; at least one of the running trials is always among them.

        Returns:
            The rows, and how many running trials are not among them.
        """
        with self._lock:
            running = list(self._running.values())
            leader = self._ranking.best()
            best = [leader] if leader is not None else []
            failures = list(reversed(self._failures))
        room = max(1, count - len(best) - len(failures))
        if len(running) > room:
            room = max(1, room - 1)  # the line that counts the others
        shown = [*running[:room], *best, *failures]
        return [self._row(trial) for trial in shown], max(0, len(running) - room)

    def _row(self, trial: Trial) -> Row:
        objective, note = objective_text(trial.objective), ""
        if trial.status is TrialStatus.InProgress:
            objective = running_objective_text(trial, self._metric)
            note = "" if trial.step is None else f"step {trial.step}"
        elif trial.status is TrialStatus.Failed:
            note = reason_text(trial, self.name)
        return Row(trial.number, trial.status, objective, parameters_text(trial.parameters), note)

    def _header(self, result: TuningResult) -> str:
        planned = "as many trials as time allows" if self.planned is None else _count_text(self.planned)
        if result.repeats.race and self.planned is not None:
            planned = f"at most {planned}"
        if result.max_parallel > 1:
            planned += f", {result.max_parallel} at a time"
        goal = f"{result.goal} {clean(result.metric)}"
        parts = [self.name, result.place, result.strategy, goal, planned]
        if result.seed is not None:
            parts.append(f"seed {result.seed}")
        return " · ".join(parts)

    def _clock(self) -> str:
        end = time.monotonic() if self._closed is None else self._closed
        elapsed = clock_text(end - self._opened)
        remaining = self._seconds_left() if self._closed is None else None
        return elapsed if remaining is None else f"{elapsed} < {clock_text(remaining)}"

    def _seconds_left(self) -> float | None:
        """Return the mean time of a trial for every one that is left, less what the running ones have behind them."""
        if self.planned is None or not self._timed or self._notice:
            return None
        left = max(0, self.planned - self.ended)
        mean = self._trained_seconds / self._timed
        now = time.time()
        with self._lock:
            starts = [now if trial.started_at is None else trial.started_at for trial in self._running.values()]
        behind = sum(min(mean, max(0.0, now - start)) for start in starts)
        return max(0.0, left * mean - behind) / max(1, min(self._most_running, left))


def _count_text(count: int) -> str:
    return f"{count} trial{'s' if count != 1 else ''}"
