"""Configurations that a person chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smtune.errors import Problem, SpecError
from smtune.space import Configuration, SearchSpace
from smtune.strategies.listing import Listing


class ManualSearch(Listing):
    """Proposes the listed configurations in their order.

    >>> from smtune import AskTell, IntegerParameter
    >>> strategy = {"type": "manual", "configurations": [{"depth": 3}, {"depth": 6}]}
    >>> search = AskTell({"depth": IntegerParameter(1, 8)}, strategy=strategy)
    >>> search.enqueue({"depth": 8})
    >>> [search.ask().parameters["depth"] for _ in range(3)]
    [8, 3, 6]
    >>> search.exhausted
    True

    Args:
        space: What is legal.
        configurations: One mapping of names to values each.

    Raises:
        SpecError: Every value that is not legal, at once.
    """

    def __init__(self, space: SearchSpace, configurations: Sequence[Mapping[str, object]]) -> None:
        legal: list[Configuration] = []
        problems: list[Problem] = []
        for place, configuration in enumerate(configurations):
            try:
                legal.append(space.validate(configuration))
            except SpecError as error:
                problems += [problem.under(f"configurations[{place}]") for problem in error.problems]
        if problems:
            raise SpecError(problems)
        super().__init__(legal, origin="manual")
