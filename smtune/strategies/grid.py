"""Every combination of a few values per parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping

from smtune.space import SearchSpace
from smtune.strategies.listing import Listing


class GridSearch(Listing):
    """Proposes a grid in canonical order: names sorted, the last one varying fastest.

    >>> from smtune import AskTell, CategoricalParameter, ContinuousParameter
    >>> space = {"booster": CategoricalParameter(["gbtree", "dart"]), "eta": ContinuousParameter(0.01, 1, "Logarithmic")}
    >>> search = AskTell(space, strategy={"type": "grid", "levels": 3})
    >>> for _ in range(4):
    ...     print(search.ask().parameters)
    {'booster': 'gbtree', 'eta': 0.01}
    {'booster': 'gbtree', 'eta': 0.1}
    {'booster': 'gbtree', 'eta': 1.0}
    {'booster': 'dart', 'eta': 0.01}

    Args:
        space: What to search.
        levels: Values per parameter without a step, for all or by name.

    Raises:
        SpecError: A count or a name is wrong, or a continuum has neither step nor count.
    """

    def __init__(self, space: SearchSpace, *, levels: int | Mapping[str, int]) -> None:
        super().__init__(space.grid(levels), origin="grid")


def grid_size(space: SearchSpace, *, levels: int | Mapping[str, int]) -> int:
    """Return how many configurations a grid has, without making them.

    >>> from smtune.space import IntegerParameter
    >>> grid_size(SearchSpace({"depth": IntegerParameter(1, 100), "rounds": IntegerParameter(1, 3)}), levels=5)
    15

    Raises:
        SpecError: As for :class:`GridSearch`.
    """
    return math.prod(len(values) for values in space.grid_levels(levels).values())
