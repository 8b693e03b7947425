"""Where new configurations come from: a strategy that learns from one rung."""

from __future__ import annotations

from collections.abc import Callable

from smtune.strategies.proposer import Memory, Outcome, Proposal, Proposer


class LevelSampler:
    """Proposes configurations by a model of the highest rung that has enough results.

    Falkner, Klein and Hutter (2018), "BOHB: robust and efficient hyperparameter optimization at scale", section 3.2:
    losses of different resources are not comparable, so a model learns from one rung only.

    Args:
        build: Makes the strategy that proposes.
        rungs: How many there are.
        learns: Whether it learns from outcomes at all.
        enough: Successful results of a rung from which on the model learns from that rung.
    """

    def __init__(self, build: Callable[[], Proposer], *, rungs: int, learns: bool, enough: int) -> None:
        self._build = build
        self._learns = learns
        self._enough = enough
        self._proposer = build()
        self._level = 0
        self._outcomes: list[list[Outcome]] = [[] for _ in range(rungs)]

    def propose(self, number: int, memory: Memory) -> Proposal | None:
        """Return a configuration that is not in the memory."""
        return self._proposer.propose(number, memory)

    def exhausted(self, memory: Memory) -> bool:
        """Return whether :meth:`propose` returns nothing now and never will."""
        return self._proposer.exhausted(memory)

    def learn(self, rung: int, outcome: Outcome, memory: Memory) -> None:
        """Take in what a configuration reached on a rung."""
        if not self._learns or rung < self._level:
            return
        known = self._outcomes[rung]
        known.append(outcome)
        if rung == self._level:
            self._proposer.learn(outcome, memory)
        elif sum(one.loss is not None for one in known) >= self._enough:
            self._level = rung
            self._proposer = self._build()
            for one in known:
                self._proposer.learn(one, memory)
