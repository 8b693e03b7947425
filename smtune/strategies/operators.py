"""The operators of an evolutionary search, each exchangeable: selection, crossover, mutation, survival.

Each is a class with one method; another one with the same method can take its place.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from smtune.space import CategoricalParameter, Configuration, Parameter, SearchSpace, Value
from smtune.strategies.draws import Draws


@dataclass(frozen=True, slots=True, order=True)
class Individual:
    """An evaluated configuration; individuals are ordered from the best to the worst, the older one first.

    Attributes:
        loss: What is minimised.
        number: Its trial.
        parameters: Its values.
    """

    loss: float
    number: int
    parameters: Configuration = field(compare=False)


class Elite:
    """Survival: the best of everything that was ever evaluated, however old.

    >>> elite = Elite(2)
    >>> for number, loss in enumerate([3.0, 1.0, 2.0]):
    ...     elite.add(Individual(loss, number, {}))
    >>> [individual.loss for individual in elite]
    [1.0, 2.0]
    """

    def __init__(self, size: int) -> None:
        """Keep at most ``size`` individuals."""
        self._size = size
        self._members: list[Individual] = []

    def add(self, individual: Individual) -> None:
        """Take in an individual; the worst one leaves if there are too many."""
        insort(self._members, individual)
        del self._members[self._size :]

    def __iter__(self) -> Iterator[Individual]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, rank: int) -> Individual:
        return self._members[rank]


@dataclass(frozen=True, slots=True)
class Tournament:
    """Selection: the best of ``size`` candidates that are drawn with replacement."""

    size: int = 3

    def select(self, population: Sequence[Individual], draws: Draws) -> Individual:
        """Return a parent.

        Args:
            population: Ordered, the best one first.
            draws: For this parent alone.
        """
        return population[min(draws.index(len(population), candidate) for candidate in range(self.size))]


@dataclass(frozen=True, slots=True)
class BlendCrossover:
    """Crossover: BLX of Eshelman and Schaffer (1993) for numbers and ordered choices, either parent's for the others.

    Attributes:
        space: What is legal.
        probability: That a child has two parents.
        extension: How far beyond the parents a child may lie, as a share of their distance.
    """

    space: SearchSpace
    probability: float = 0.5
    extension: float = 0.3

    def cross(self, first: Configuration, second: Configuration, draws: Draws) -> Configuration:
        """Return a child of two configurations."""
        return {
            name: self._gene(parameter, first[name], second[name], draws.uniform(name))
            for name, parameter in self.space.items()
        }

    def _gene(self, parameter: Parameter, first: Value, second: Value, draw: float) -> Value:
        if _is_nominal(parameter):
            return first if draw < 0.5 else second
        start, end = parameter.to_unit(first), parameter.to_unit(second)
        if start == end:
            return first
        weight = draw * (1 + 2 * self.extension) - self.extension
        return parameter.from_unit(min(max(start + weight * (end - start), 0.0), 1.0))


class GaussianMutation:
    """Mutation: steps in the unit cube for numbers and ordered choices, another choice for the others.

    Most steps are wide and some are fine, so that a search both explores and refines at any time. A step moves
    integers and ordered choices by at least one level, and is reflected at the bounds.

    Args:
        space: What is legal.
        probability: That a parameter mutates; at least one does. By default 1 / parameters, at least 0.1.
        sigma: Standard deviation of a wide step, as a share of the scaled range.
        fine: Share of the steps that are fine.
        fineness: Ratio of a fine step to a wide one.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        probability: float | None = None,
        sigma: float = 0.15,
        fine: float = 0.3,
        fineness: float = 0.2,
    ) -> None:
        self._genes = {name: parameter for name, parameter in space.items() if parameter.cardinality != 1}
        self._probability = max(1 / max(len(self._genes), 1), 0.1) if probability is None else probability
        self._sigma, self._fine, self._fineness = sigma, fine, fineness

    def mutate(self, configuration: Configuration, draws: Draws) -> Configuration:
        """Return a changed configuration; an equal one if nothing can vary."""
        chosen = [name for name in self._genes if draws.uniform(name, "mutates") < self._probability]
        if not chosen and self._genes:
            chosen = [draws.choice(tuple(self._genes), "mutates")]
        mutated = dict(configuration)
        for name in chosen:
            mutated[name] = self._gene(self._genes[name], configuration[name], draws.within(name))
        return mutated

    def _gene(self, parameter: Parameter, value: Value, draws: Draws) -> Value:
        levels = parameter.cardinality
        if _is_nominal(parameter) and levels is not None:
            other = draws.index(levels - 1, "choice")
            return parameter.level(other + (other >= parameter.index(value)))
        sigma = self._sigma * (self._fineness if draws.uniform("fine") < self._fine else 1.0)
        step = sigma * draws.normal("step")
        moved = parameter.from_unit(_reflected(parameter.to_unit(value) + step))
        if levels is None or moved != value:
            return moved
        # A step too short to leave the level still moves to a neighbour, away from the bounds.
        neighbour = parameter.index(value) + (1 if step > 0 else -1)
        return parameter.level(_inside(neighbour, levels))


def _is_nominal(parameter: Parameter) -> bool:
    """Return whether the values have no order."""
    return isinstance(parameter, CategoricalParameter) and not parameter.ordered


def _reflected(position: float) -> float:
    """Return the position mirrored at 0 and 1 until it lies between them."""
    position = abs(position) % 2.0
    return 2.0 - position if position > 1.0 else position


def _inside(index: int, levels: int) -> int:
    """Return the index mirrored at the first and the last level."""
    return -index if index < 0 else min(index, 2 * (levels - 1) - index)
