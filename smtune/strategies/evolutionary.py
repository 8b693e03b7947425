"""A genetic algorithm without generations."""

from __future__ import annotations

from smtune.space import Configuration, SearchSpace
from smtune.strategies.draws import Draws
from smtune.strategies.operators import BlendCrossover, Elite, GaussianMutation, Individual, Tournament
from smtune.strategies.preselection import NearestNeighbours, Preselection
from smtune.strategies.proposer import Memory, Outcome, Proposal, Proposer
from smtune.strategies.random_search import RandomSearch

BREEDING_ATTEMPTS = 20
"""Children in a row that may be duplicates before a random configuration takes their place."""


class EvolutionarySearch(Proposer):
    """Breeds from the best configurations so far (a steady-state genetic algorithm) and proposes the likeliest child.

    The start population is a Latin hypercube (McKay, Beckman and Conover, 1979). Every outcome may enter the
    population at once, so parallel trials never wait for the end of a generation. Failed configurations never breed.

    >>> from smtune import AskTell, IntegerParameter
    >>> space = {"depth": IntegerParameter(1, 40), "rounds": IntegerParameter(1, 40)}
    >>> search = AskTell(space, strategy={"type": "evolutionary", "population": 5}, seed=7)
    >>> for _ in range(60):
    ...     trial = search.ask()
    ...     search.tell(trial, (trial.parameters["depth"] - 11) ** 2 + (trial.parameters["rounds"] - 23) ** 2)
    >>> search.trials[59].origin
    'crossover of 10 and 21'
    >>> search.best_trial.objective
    0.0

    Args:
        space: What to search.
        seed: The same seed and outcomes give the same proposals.
        population: Configurations that breed, and the size of the start population.
        max_generations: Stop after this many times ``population`` proposals.
        patience: Stop after this many outcomes in a row without a new best, counted from the first success.
        selection: Chooses parents; by default a tournament of three.
        crossover: Makes one configuration out of two, for some of the children; by default a blend, for half of them.
        mutation: Changes a configuration; by default Gaussian steps.
        children: Bred per proposal; all but one go unused.
        preselection: Chooses among the children; by default by their nearest evaluated neighbours.
    """

    def __init__(  # noqa: PLR0913 - every operator can be exchanged
        self,
        space: SearchSpace,
        *,
        seed: int,
        population: int = 10,
        max_generations: int | None = None,
        patience: int | None = None,
        selection: Tournament | None = None,
        crossover: BlendCrossover | None = None,
        mutation: GaussianMutation | None = None,
        children: int = 8,
        preselection: Preselection | None = None,
    ) -> None:
        self._space = space
        self._draws = Draws(seed, "evolutionary")
        self._population = population
        self._most = None if max_generations is None else max_generations * population
        self._patience = patience
        self._selection = selection or Tournament()
        self._crossover = crossover or BlendCrossover(space)
        self._mutation = mutation or GaussianMutation(space)
        self._children = children
        self._preselection = preselection or NearestNeighbours(space)
        self._random = RandomSearch(space, seed=seed)
        strata = self._draws.within("strata")
        self._strata = {name: strata.permutation(population, name) for name in space}
        self._elite = Elite(population)
        self._proposed = 0
        self._without_gain = 0

    def propose(self, number: int, memory: Memory) -> Proposal | None:
        """Return a member of the start population, or later a child; a random configuration if that is no news."""
        if self._stopped:
            return None
        # What was told before or beside the start population counts: a chain's earlier step, enqueued configurations.
        starting = self._proposed < self._population and len(self._elite) < self._population
        proposal = self._initial() if starting else self.child(number, memory)
        if proposal is None or proposal.parameters in memory:
            proposal = self._random.propose(number, memory)
        if proposal is not None:
            self._proposed += 1
        return proposal

    def learn(self, outcome: Outcome, memory: Memory) -> None:  # noqa: ARG002
        """Let a successful configuration into the population if it is good enough."""
        if self._stopped:
            return
        if self._children > 1:
            self._preselection.learn(outcome)
        if outcome.loss is not None:
            best = self._elite[0].loss if self._elite else float("inf")
            self._elite.add(Individual(outcome.loss, outcome.number, outcome.parameters))
            if outcome.loss < best:
                self._without_gain = 0
                return
        if self._elite and self._proposed:
            self._without_gain += 1

    def exhausted(self, memory: Memory) -> bool:
        """Return whether a stopping rule has fired, or every configuration was suggested."""
        return self._stopped or self._random.exhausted(memory)

    @property
    def _stopped(self) -> bool:
        enough = self._most is not None and self._proposed >= self._most
        return enough or (self._patience is not None and self._without_gain >= self._patience)

    def _initial(self) -> Proposal:
        """Return the next point of the Latin hypercube: along every axis, each stratum is used once."""
        draws = self._draws.within("initial", self._proposed)
        parameters = {
            name: parameter.from_unit((self._strata[name][self._proposed] + draws.uniform(name)) / self._population)
            for name, parameter in self._space.items()
        }
        return Proposal(parameters, "initial")

    def child(self, number: int, memory: Memory) -> Proposal | None:
        """Return a new child, or ``None`` if there are no two parents or all their children are known."""
        if len(self._elite) < 2:
            return None
        children: list[Proposal] = []
        for attempt in range(max(self._children, BREEDING_ATTEMPTS)):
            child = self._breed(self._draws.within("child", number, attempt))
            if child.parameters not in memory:
                children.append(child)
            if children and attempt + 1 >= self._children:
                break
        if len(children) < 2:
            return children[0] if children else None
        return children[self._preselection.choose([child.parameters for child in children])]

    def _breed(self, draws: Draws) -> Proposal:
        population = tuple(self._elite)
        first = self._selection.select(population, draws.within("first parent"))
        parameters: Configuration = first.parameters
        origin = f"mutation of {_name(first)}"
        if draws.uniform("crossover") < self._crossover.probability:
            others = tuple(member for member in population if member is not first)
            second = self._selection.select(others, draws.within("second parent"))
            parameters = self._crossover.cross(parameters, second.parameters, draws.within("gene"))
            origin = f"crossover of {_name(first)} and {_name(second)}"
        return Proposal(self._mutation.mutate(parameters, draws.within("mutation")), origin)


def _name(parent: Individual) -> str:
    return "an earlier result" if parent.number < 0 else str(parent.number)
