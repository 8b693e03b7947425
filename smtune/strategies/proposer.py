"""What is particular to a strategy: where configurations come from. The bookkeeping around it is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from smtune.space import Configuration


@dataclass(frozen=True, slots=True)
class Proposal:
    """A configuration that was not suggested before, and where it came from."""

    parameters: Configuration
    origin: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a configuration.

    Attributes:
        number: Its trial; the first one if it was repeated; negative if an earlier search made it.
        parameters: Its values.
        loss: The objective, turned so that lower is better, averaged over the repeats that succeeded; ``None`` if
            none did.
        gradient: Parameter name to the derivative of the loss with respect to it, in the parameter's own units, averaged
            in the same way; without those that one of these repeats did not report. ``nan`` where one is not finite.
    """

    number: int
    parameters: Configuration
    loss: float | None
    gradient: Mapping[str, float] = field(default_factory=dict)


class Memory(Protocol):
    """What a search has suggested so far, and what it knows from earlier searches."""

    def __contains__(self, configuration: Configuration, /) -> bool:
        """Whether this configuration was suggested before, here or by an earlier search."""

    def __len__(self) -> int:
        """How many configurations are known; repeats are one."""

    @property
    def under_way(self) -> Collection[Configuration]:
        """Those without an outcome yet, in the order in which they were suggested."""


class Proposer(ABC):
    """Proposes configurations in the order of their numbers and learns from outcomes in any order.

    A pure function of its arguments and of the calls so far; :attr:`Draws <smtune.strategies.draws.Draws>` are keyed by
    the proposal's number.
    """

    @abstractmethod
    def propose(self, number: int, memory: Memory) -> Proposal | None:
        """Return a configuration that is not in the memory.

        Args:
            number: How many configurations were suggested before, wherever they came from.
            memory: All that was suggested.

        Returns:
            ``None`` if outcomes must be awaited first, or if there is nothing left.
        """

    def learn(self, outcome: Outcome, memory: Memory) -> None:  # noqa: B027
        """Take in what came of a configuration, wherever that came from; by default nothing."""

    @abstractmethod
    def exhausted(self, memory: Memory) -> bool:
        """Return whether :meth:`propose` returns nothing now and never will.

        Asking changes nothing about later proposals.
        """

    @property
    def failure(self) -> str | None:
        """Why the search cannot go on, with a fix, in one line; it is exhausted then. By default it always can."""
        return None
