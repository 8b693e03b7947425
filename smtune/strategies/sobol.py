"""A low-discrepancy sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtune.errors import Problem, SpecError
from smtune.space import SearchSpace
from smtune.strategies.draws import Draws
from smtune.strategies.proposer import Memory, Proposal, Proposer
from smtune.strategies.random_search import RandomSearch

if TYPE_CHECKING:
    from scipy.stats.qmc import Sobol

BLOCK = 64
"""Points that are generated at once; a power of two, which keeps the sequence balanced."""
_MOST_PARAMETERS = 21201
"""As many dimensions as Joe and Kuo (2008) give direction numbers for, which scipy uses: its ``Sobol.MAXDIM``."""


class SobolSearch(Proposer):
    """Proposes the points of a scrambled Sobol sequence (Sobol, 1967; Owen, 1998).

    They cover the scaled space more evenly than independent draws. A point that meets a known configuration, as happens
    in spaces of few values, gives way to a random one.

    >>> from smtune import AskTell, ContinuousParameter
    >>> search = AskTell({"eta": ContinuousParameter(0, 1)}, strategy="sobol", seed=7)
    >>> sorted(int(4 * search.ask().parameters["eta"]) for _ in range(4))  # one in each quarter
    [0, 1, 2, 3]

    Args:
        space: What to search.
        seed: The same seed gives the same points.

    Raises:
        SpecError: The space has more than 21201 parameters.
    """

    def __init__(self, space: SearchSpace, *, seed: int) -> None:
        if len(space) > _MOST_PARAMETERS:
            rule = f"covers at most {_MOST_PARAMETERS} parameters, and the space has {len(space)}"
            raise SpecError([Problem("type", "sobol", rule, "use random")])
        self._space = space
        self._seed = Draws(seed, "sobol").bits()
        self._sampler: Sobol | None = None
        self._block: list[list[float]] = []
        self._random = RandomSearch(space, seed=seed)

    def propose(self, number: int, memory: Memory) -> Proposal | None:
        """Return the configuration of the next point, or a random one if that is known."""
        configuration = self._space.from_unit(self._point())
        if configuration in memory:
            return self._random.propose(number, memory)
        return Proposal(configuration, "sobol")

    def exhausted(self, memory: Memory) -> bool:
        """Return whether every configuration was suggested."""
        return self._random.exhausted(memory)

    def _point(self) -> list[float]:
        if self._sampler is None:
            import numpy as np
            from scipy.stats.qmc import Sobol

            self._sampler = Sobol(len(self._space), scramble=True, rng=np.random.default_rng(self._seed))
        if not self._block:
            self._block = self._sampler.random(BLOCK).tolist()[::-1]
        return self._block.pop()
