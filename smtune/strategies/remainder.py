"""What is left of a finite space when most of it has been tried."""

from __future__ import annotations

from smtune.space import Configuration, SearchSpace
from smtune.strategies.draws import Draws
from smtune.strategies.proposer import Memory


class Remainder:
    """Draws the configurations of a finite space in random order, each once, passing over those that are known.

    A shuffle that swaps only where it draws (Durstenfeld, 1964): memory and time follow the draws, not the size of
    the space, and every configuration is passed over at most once.
    """

    def __init__(self, space: SearchSpace, draws: Draws) -> None:
        """Begin with the whole of ``space``."""
        self._space = space
        self._draws = draws.within("remainder")
        self._left = int(space.size())
        self._moved: dict[int, int] = {}
        self._head: Configuration | None = None

    def empty(self, memory: Memory) -> bool:
        """Return whether every configuration is known."""
        while self._head is None or self._head in memory:
            if self._left == 0:
                return True
            self._head = self._decode(self._take())
        return False

    def pop(self) -> Configuration:
        """Return the configuration that made :meth:`empty` return False."""
        head, self._head = self._head, None
        if head is None:
            raise LookupError("nothing is left, or nobody looked")
        return head

    def _take(self) -> int:
        """Remove a rank at random; the last one takes its place."""
        place = self._draws.index(self._left, self._left)
        self._left -= 1
        last = self._moved.pop(self._left, self._left)
        if place == self._left:
            return last
        rank = self._moved.get(place, place)
        self._moved[place] = last
        return rank

    def _decode(self, rank: int) -> Configuration:
        """Return the configuration of a rank: digits in the mixed base of the parameters' cardinalities."""
        configuration = {}
        for name, parameter in self._space.items():
            rank, digit = divmod(rank, parameter.cardinality or 1)
            configuration[name] = parameter.level(digit)
        return configuration
