"""Who goes on: the interface of what decides about promotions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promotion:
    """A paused trial that goes on.

    Attributes:
        number: Its trial number.
        resource: How far it goes, counted from its start.
    """

    number: int
    resource: int


class Scheduler(ABC):
    """Gives resources to trials; knows their numbers and losses only, not their configurations.

    A worked sequence::

        scheduler.admit(0)              # -> 1: trial 0 gets one epoch
        scheduler.record(0, 0.7, goes_on=True)
        scheduler.promote()             # -> Promotion(0, 3), or None: nobody goes on now
    """

    @abstractmethod
    def admit(self, number: int) -> int:
        """Take in a new trial and return its first resource."""

    @abstractmethod
    def promote(self) -> Promotion | None:
        """Return a paused trial that goes on now; ``None`` if there is none."""

    @abstractmethod
    def record(self, number: int, loss: float | None, *, goes_on: bool) -> None:
        """Take in what a trial reached with the resource that it was given.

        Args:
            number: Trial number.
            loss: Lower is better; ``None`` if it failed.
            goes_on: Whether it paused and can train further. One that ended keeps its loss on the rungs above.
        """

    @abstractmethod
    def close(self) -> None:
        """Decide about those that wait for new trials to compare with: none comes. One may still come later."""
