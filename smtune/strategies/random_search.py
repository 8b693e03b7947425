"""Independent draws."""

from __future__ import annotations

from smtune.space import Configuration, SearchSpace
from smtune.strategies.draws import Draws
from smtune.strategies.proposer import Memory, Proposal, Proposer
from smtune.strategies.remainder import Remainder

ATTEMPTS = 100
"""Draws in a row that may be duplicates before the rest of a finite space is enumerated.

Then about a twentieth of the space (weighted by probability) or less is left.
"""


class RandomSearch(Proposer):
    """Draws configurations uniformly on the scaled space; learns nothing.

    Other strategies fall back on it where their own idea would be a duplicate.

    >>> from smtune import AskTell, IntegerParameter
    >>> search = AskTell({"depth": IntegerParameter(1, 5)}, strategy="random", seed=7)
    >>> [search.ask().parameters["depth"] for _ in range(5)]  # none of them twice
    [5, 2, 1, 4, 3]
    >>> search.exhausted
    True

    Args:
        space: What to search.
        seed: The same seed draws the same configurations.
    """

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        self._space = space
        self._size = space.size()
        self._draws = Draws(seed, "random")
        self._drawing = True
        self._remainder: Remainder | None = None

    def draw(self, number: int, attempt: int = 0) -> Configuration:
        """Return the configuration of a proposal, before any look at what was suggested."""
        draws = self._draws.within(number, attempt)
        return {name: parameter.from_unit(draws.uniform(name)) for name, parameter in self._space.items()}

    def propose(self, number: int, memory: Memory) -> Proposal | None:
        """Return a draw that is new; once these become rare in a finite space, one of what is left."""
        if self._drawing:
            for attempt in range(ATTEMPTS):
                configuration = self.draw(number, attempt)
                if configuration not in memory:
                    return Proposal(configuration, "random")
            self._drawing = False
        remainder = self._rest()
        return None if remainder is None or remainder.empty(memory) else Proposal(remainder.pop(), "random")

    def exhausted(self, memory: Memory) -> bool:
        """Return whether every configuration was suggested."""
        if len(memory) < self._size and self._drawing:
            return False
        remainder = self._rest()
        return remainder is None or remainder.empty(memory)

    def _rest(self) -> Remainder | None:
        """Return what is left of a finite space; ``None`` for a continuum, so narrow that it ran out of floats."""
        if self._remainder is None and isinstance(self._size, int):
            self._remainder = Remainder(self._space, self._draws)
        return self._remainder
