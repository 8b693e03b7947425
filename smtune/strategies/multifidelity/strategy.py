"""The bookkeeping around schedulers: numbers, the queue, duplicates, and trials under way."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from smtune.space import SearchSpace
from smtune.strategies.base import Suggestion
from smtune.strategies.bookkeeping import Bookkeeping
from smtune.strategies.multifidelity.levels import LevelSampler
from smtune.strategies.multifidelity.scheduler import Promotion, Scheduler
from smtune.strategies.proposer import Outcome, Proposal
from smtune.trial import Trial


class MultiFidelityStrategy(Bookkeeping):
    """A scheduler that gives resources to trials, and a sampler that says which configurations they train.

    A suggestion says how far its trial trains. A trial that is told as paused may be suggested again, under its
    number, to go on. One that ended by itself with less resource than it was given has no more to come: its objective
    holds on the rungs above as well.

    Args:
        scheduler: Decides who goes on.
        sampler: Where configurations come from.
        space: What is legal.
        resources: Of the rungs, from the lowest.
        sign: 1 if lower objectives are better, -1 if higher ones are.
        max_trials: How many configurations there will be at most; ``None`` for no limit.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        sampler: LevelSampler,
        space: SearchSpace,
        *,
        resources: Sequence[int],
        sign: int,
        max_trials: int | None = None,
    ) -> None:
        super().__init__(space, sign=sign, max_trials=max_trials)
        self._scheduler = scheduler
        self._sampler = sampler
        self._rung_of = {resource: place for place, resource in enumerate(resources)}
        self._max_resource = resources[-1]
        self._suggestions: list[Suggestion] = []
        self._under_way: dict[int, int] = {}

    @property
    def max_resource(self) -> int:
        """The resource of a whole training."""
        return self._max_resource

    @property
    def _count(self) -> int:
        return len(self._suggestions)

    def _suggest(self) -> Suggestion | None:
        promotion = self._scheduler.promote()
        if promotion is not None:
            return self._resumed(promotion)
        proposal = self._proposal()
        if proposal is not None:
            return self._begun(proposal)
        if not self._may_admit():
            self._scheduler.close()
            promotion = self._scheduler.promote()
        return None if promotion is None else self._resumed(promotion)

    def _resumed(self, promotion: Promotion) -> Suggestion:
        first = self._suggestions[promotion.number]
        self._under_way[promotion.number] = promotion.resource
        return Suggestion(first.number, dict(first.parameters), first.origin, resource=promotion.resource)

    def _proposal(self) -> Proposal | None:
        if self._count >= self._most:
            return None
        return self._enqueued() or self._sampler.propose(self._count, self._memory)

    def _begun(self, proposal: Proposal) -> Suggestion:
        number = self._count
        self._memory.add(proposal.parameters)
        resource = self._scheduler.admit(number)
        suggestion = Suggestion(number, proposal.parameters, proposal.origin, resource=resource)
        self._suggestions.append(suggestion)
        self._under_way[number] = resource
        return Suggestion(number, dict(proposal.parameters), proposal.origin, resource=resource)

    def _may_admit(self) -> bool:
        """Whether another configuration may come, now or later, without one being enqueued."""
        if self._count >= self._most:
            return False
        self._skip_known()
        return bool(self._queue) or not self._sampler.exhausted(self._memory)

    def tell(self, trial: Trial) -> None:
        """Learn from a trial that ended, or paused with the resource that it was given."""
        under_way = self._suggestions[trial.number] if trial.number in self._under_way else None
        self._check(trial, None if under_way is None else under_way.parameters)
        suggestion = self._suggestions[trial.number]
        resource = self._under_way.pop(trial.number)
        if resource == suggestion.resource:
            self._memory.settle(suggestion.parameters)
        loss = self._loss(trial)
        self._scheduler.record(trial.number, loss, goes_on=trial.paused)
        self._sampler.learn(self._rung_of[resource], Outcome(trial.number, suggestion.parameters, loss), self._memory)

    def _learn_earlier(self, outcome: Outcome) -> None:
        """Take it for a whole training."""
        self._sampler.learn(self._rung_of[self._max_resource], outcome, self._memory)

    @property
    def exhausted(self) -> bool:
        """Whether :meth:`ask` returns nothing now and never will, unless something is enqueued."""
        if self._under_way or self._may_admit():
            return False
        ahead = copy.deepcopy(self._scheduler)  # what ask() would do, without doing it
        ahead.close()
        return ahead.promote() is None
