"""The interface of every runner, and the events that it reports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from smtune.trial import Trial, TrialStatus


@dataclass(frozen=True, slots=True)
class Started:
    """The trial's code has begun to run."""

    number: int
    at: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The trial reported metrics."""

    number: int
    at: float
    metrics: Mapping[str, float]
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The trial is over and holds no resources any more.

    Attributes:
        number: Trial number.
        at: Seconds since the epoch (UTC).
        status: ``Completed``: its code ended well. ``Failed``: it did not. ``Stopped``: it was asked to stop, however
            it ended then.
        reason: Why it failed, in one line fit for a table, e.g. ``"exit code 1: ValueError: eta too large"``. If it
            completed: a remark on why a metric may be missing, e.g. that its regex never captured a number, or
            ``None``.
        log_tail: Its last log lines, at most 20, of a trial that failed.
    """

    number: int
    at: float
    status: TrialStatus
    reason: str | None = None
    log_tail: Sequence[str] = field(default=())


Event = Started | Measured | Ended


class Runner(ABC):
    """Evaluates trials, several at a time; knows nothing of strategies, objectives or stores.

    A worked sequence::

        runner.start(trial_0); runner.start(trial_1)
        runner.wait(None)           # -> [Started(0), Started(1)]
        runner.wait(None)           # -> [Measured(1, ...), Ended(1, Completed)]
        runner.stop(0)
        runner.wait(None)           # -> [Ended(0, Stopped)]
        runner.close()

    One thread calls everything but :meth:`wake`. Every started trial yields exactly one ``Ended``, and nothing
    after it.
    """

    @abstractmethod
    def start(self, trial: Trial) -> None:
        """Start a trial and return at once; whatever goes wrong with it comes as ``Ended``.

        Raises:
            RuntimeError: The runner is closed, no slot is free, or a trial of this number is running.
        """

    @abstractmethod
    def wait(self, timeout: float | None) -> Sequence[Event]:
        """Block until something happened, the time is over, or :meth:`wake` was called.

        Args:
            timeout: Seconds; ``None`` waits for as long as it takes; 0 only looks.

        Returns:
            Events in the order in which they happened; empty after a timeout or a wake. Empty at once if no trial
            is running.
        """

    @abstractmethod
    def wake(self) -> None:
        """Make the present or the next :meth:`wait` return at once. May be called from any thread or signal handler."""

    @abstractmethod
    def stop(self, number: int) -> None:
        """Ask a trial to stop, and end it by force after the grace period; its ``Ended`` follows. Idempotent."""

    @abstractmethod
    def busy(self) -> int:
        """Return how many slots are held; a trial that was asked to stop holds its slot until it is gone."""

    @abstractmethod
    def close(self) -> None:
        """End everything by force; leave no child, no mount and no temporary directory behind. Idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
