"""The interface of every strategy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smtune.space import Configuration
from smtune.trial import Trial


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A configuration to train next.

    Attributes:
        number: Trial number, from 0, consecutive.
        parameters: Legal, typed values in canonical order.
        origin: Where it came from, e.g. ``"random"``, ``"enqueued"``, ``"crossover of 3 and 7"``.
        repeat: Which training of the same configuration this is, from 0.
        resource: How far the trial trains, in steps from its start, until it pauses; ``None`` for a whole training.
    """

    number: int
    parameters: Configuration
    origin: str
    repeat: int = 0
    resource: int | None = None


class Strategy(ABC):
    """Decides which configuration comes next; a pure function of space, seed and what it was told, in order.

    A worked sequence, two trials at a time::

        strategy.ask(2)             # -> suggestions 0 and 1
        strategy.tell(trial_1)      # ended trials, in any order, each once
        strategy.ask(1)             # -> suggestion 2, which may have learned from trial 1
        strategy.tell(trial_0)

    A strategy with a :attr:`max_resource` gives each trial some of it. A trial that has used what it was given is
    told as ``Stopped`` and ``paused``; it may be suggested again, under its number, to go on with more.

    Asking for several at once is the same as asking for one several times. A job is resumed by building its strategy
    anew and repeating the calls from the log; nothing is pickled.
    """

    @abstractmethod
    def ask(self, count: int) -> Sequence[Suggestion]:
        """Return the next suggestions, at most ``count``.

        Returns:
            New trials, and paused ones that go on. Fewer than ``count``, down to none, if the strategy must first be
            told of trials under way, or if it is :attr:`exhausted`.
        """

    @abstractmethod
    def tell(self, trial: Trial) -> None:
        """Learn from an ended trial of this strategy.

        Args:
            trial: Ended, in any order, once for each time that it was suggested. A ``Stopped`` trial with an objective
                counts as a result; a ``Failed`` one as a configuration to stay away from, and so does one without a
                finite objective.

        Raises:
            ValueError: The trial has not ended, was never suggested here, was told before, or its parameters are not
                those that were suggested.
        """

    @abstractmethod
    def warm_start(self, results: Sequence[tuple[Mapping[str, object], float]]) -> None:
        """Learn from the results of earlier searches as if they were this one's own; before the first suggestion.

        Their configurations are not suggested again, not even if they are enqueued.

        Args:
            results: Configurations and the finite objectives that they reached, the oldest first. One that stands there
                several times counts with its mean.

        Raises:
            SpecError: A configuration is not legal in the space.
            ValueError: Something was suggested before.
        """

    @abstractmethod
    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of everything that the strategy would suggest by itself.

        It is skipped if it was suggested by the time its turn comes: nothing is trained twice.

        Raises:
            SpecError: It is not legal in the space.
        """

    @property
    def max_resource(self) -> int | None:
        """How many steps a whole training has, if trials are given less; else ``None``."""
        return None

    @property
    @abstractmethod
    def exhausted(self) -> bool:
        """Whether :meth:`ask` returns nothing now and never will, unless something is enqueued."""

    @property
    def failure(self) -> str | None:
        """Why the search cannot go on, with a fix, in one line; ``None`` while it can, or if it came to its end."""
        return None
