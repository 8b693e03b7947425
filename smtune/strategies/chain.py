"""Strategies one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smtune.errors import SpecError
from smtune.space import SearchSpace
from smtune.strategies.proposer import Memory, Outcome, Proposal, Proposer


@dataclass(frozen=True, slots=True)
class Step:
    """One strategy of a chain.

    Attributes:
        build: Makes it, for the space that it shall search.
        configurations: How many it proposes; ``None`` for as many as it has.
        narrow: Share of every range that it searches, around the best configuration so far; ``None`` for all of it.
    """

    build: Callable[[SearchSpace], Proposer]
    configurations: int | None = None
    narrow: float | None = None


class Chain(Proposer):
    """Proposes what its steps propose, one step after the other.

    A step begins with everything that is known from the earlier ones, as far as it lies in the step's own space. A
    step that narrows the space waits for all outcomes, since any of them may be the best; without any success so far,
    its space is the whole one. What is enqueued belongs to no step, nor do the results of earlier searches.

    >>> from smtune import AskTell, IntegerParameter
    >>> steps = [{"strategy": {"type": "grid", "levels": 3}}, {"strategy": {"type": "grid", "levels": 3}, "narrow": 0.1}]
    >>> search = AskTell({"x": IntegerParameter(0, 100)}, strategy={"type": "chain", "steps": steps})
    >>> asked = []
    >>> while not search.exhausted:
    ...     trial = search.ask()
    ...     asked.append(trial.parameters["x"])
    ...     search.tell(trial, (trial.parameters["x"] - 53) ** 2)
    >>> asked
    [0, 50, 100, 45, 55]

    Args:
        steps: At least one.
        space: What is legal in all of them.
    """

    def __init__(self, steps: Sequence[Step], space: SearchSpace) -> None:
        self._steps = tuple(steps)
        self._space = space
        self._outcomes: list[Outcome] = []
        self._best: Outcome | None = None
        self._must_begin_anew = False
        self._begin(0)

    def propose(self, number: int, memory: Memory) -> Proposal | None:
        """Return what the present step proposes, or the next one if it is over."""
        self._heed_what_was_known(memory)
        while self.failure is None:
            if not self._is_complete:
                proposal = self._proposer.propose(number, memory)
                if proposal is not None:
                    self._made += 1
                    return proposal
                if not self._proposer.exhausted(memory):
                    return None
            following = self._place + 1
            if following == len(self._steps) or self._waits_for_outcomes(self._steps[following], memory):
                return None
            self._begin(following)
            self._recall(memory)
        return None

    def learn(self, outcome: Outcome, memory: Memory) -> None:
        """Remember the outcome, and pass it on to the present step."""
        self._outcomes.append(outcome)
        if _is_better(outcome, self._best):
            self._best = outcome
            # Known before the first proposal, e.g. from an earlier search: the first step may narrow the space as well.
            self._must_begin_anew |= self._is_first and self._steps[0].narrow is not None
        if _is_legal(outcome, self._own_space):
            self._proposer.learn(outcome, memory)

    def exhausted(self, memory: Memory) -> bool:
        """Return whether neither the present step nor a later one proposes anything more."""
        self._heed_what_was_known(memory)
        if self.failure is not None:
            return True
        if not self._is_complete and not self._proposer.exhausted(memory):
            return False
        return all(
            not self._waits_for_outcomes(step, memory) and step.build(self._space_of(step)).exhausted(memory)
            for step in self._steps[self._place + 1 :]
        )

    @property
    def failure(self) -> str | None:
        """Why the present step cannot go on, and the chain with it, or ``None``."""
        return self._proposer.failure

    @property
    def _is_first(self) -> bool:
        return self._place == 0 and self._made == 0

    def _heed_what_was_known(self, memory: Memory) -> None:
        """Begin the first step around the best that is known before it proposes anything."""
        if self._must_begin_anew:
            self._must_begin_anew = False
            self._begin(0)
            self._recall(memory)

    @property
    def _is_complete(self) -> bool:
        most = self._steps[self._place].configurations
        return most is not None and self._made >= most

    def _begin(self, place: int) -> None:
        step = self._steps[place]
        self._place = place
        self._made = 0
        self._own_space = self._space_of(step)
        self._proposer = step.build(self._own_space)

    def _recall(self, memory: Memory) -> None:
        """Tell a step that begins what the earlier ones found."""
        for outcome in self._outcomes:
            if _is_legal(outcome, self._own_space):
                self._proposer.learn(outcome, memory)

    def _space_of(self, step: Step) -> SearchSpace:
        if step.narrow is None or self._best is None:
            return self._space
        return self._space.narrowed(self._best.parameters, step.narrow)

    @staticmethod
    def _waits_for_outcomes(step: Step, memory: Memory) -> bool:
        return step.narrow is not None and len(memory.under_way) > 0


def _is_better(outcome: Outcome, best: Outcome | None) -> bool:
    """Return whether an outcome beats the best so far; of equals the older one is better."""
    if outcome.loss is None:
        return False
    if best is None or best.loss is None:
        return True
    return (outcome.loss, outcome.number) < (best.loss, best.number)


def _is_legal(outcome: Outcome, space: SearchSpace) -> bool:
    try:
        space.validate(outcome.parameters)
    except SpecError:
        return False
    return True
