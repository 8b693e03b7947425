"""The bookkeeping around schedulers: numbers, the queue, duplicates, and trials under way."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Mapping, Sequence

from smtune.space import Configuration, SearchSpace
from smtune.strategies.base import Strategy, Suggestion
from smtune.strategies.bookkeeping import SuggestedConfigurations, earlier_outcomes
from smtune.strategies.multifidelity.levels import LevelSampler
from smtune.strategies.multifidelity.scheduler import Promotion, Scheduler
from smtune.strategies.proposer import Outcome, Proposal
from smtune.trial import Trial, TrialStatus


class MultiFidelityStrategy(Strategy):
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
        self._scheduler = scheduler
        self._sampler = sampler
        self._space = space
        self._rung_of = {resource: place for place, resource in enumerate(resources)}
        self._max_resource = resources[-1]
        self._sign = sign
        self._most = math.inf if max_trials is None else max_trials
        self._queue: deque[Configuration] = deque()
        self._memory = SuggestedConfigurations()
        self._suggestions: list[Suggestion] = []
        self._under_way: dict[int, int] = {}

    @property
    def max_resource(self) -> int:
        """The resource of a whole training."""
        return self._max_resource

    def ask(self, count: int) -> Sequence[Suggestion]:
        """Return the next suggestions, at most ``count``: trials that go on, and new ones."""
        suggestions = []
        for _ in range(count):
            suggestion = self._suggest()
            if suggestion is None:
                break
            suggestions.append(suggestion)
        return suggestions

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
        if len(self._suggestions) >= self._most:
            return None
        self._skip_known()
        if self._queue:
            return Proposal(self._queue.popleft(), "enqueued")
        return self._sampler.propose(len(self._suggestions), self._memory)

    def _begun(self, proposal: Proposal) -> Suggestion:
        number = len(self._suggestions)
        self._memory.add(proposal.parameters)
        resource = self._scheduler.admit(number)
        suggestion = Suggestion(number, proposal.parameters, proposal.origin, resource=resource)
        self._suggestions.append(suggestion)
        self._under_way[number] = resource
        return Suggestion(number, dict(proposal.parameters), proposal.origin, resource=resource)

    def _may_admit(self) -> bool:
        """Whether another configuration may come, now or later, without one being enqueued."""
        if len(self._suggestions) >= self._most:
            return False
        self._skip_known()
        return bool(self._queue) or not self._sampler.exhausted(self._memory)

    def _skip_known(self) -> None:
        while self._queue and self._queue[0] in self._memory:
            self._queue.popleft()

    def tell(self, trial: Trial) -> None:
        """Learn from a trial that ended, or paused with the resource that it was given."""
        if not trial.status.ended:
            raise ValueError(f"trial {trial.number} has not ended: tell it once it is Completed, Failed or Stopped")
        if trial.number not in self._under_way:
            if 0 <= trial.number < len(self._suggestions):
                raise ValueError(f"trial {trial.number} was told before: tell each trial once")
            raise ValueError(f"trial {trial.number} was never suggested here: ask for it first")
        suggestion = self._suggestions[trial.number]
        if trial.parameters != suggestion.parameters:
            suggested = dict(suggestion.parameters)
            raise ValueError(f"trial {trial.number} has other parameters than suggested here, which were {suggested}")
        resource = self._under_way.pop(trial.number)
        if resource == suggestion.resource:
            self._memory.settle(suggestion.parameters)
        failed = trial.status is TrialStatus.Failed or trial.objective is None or not math.isfinite(trial.objective)
        loss = None if failed or trial.objective is None else self._sign * trial.objective
        self._scheduler.record(trial.number, loss, goes_on=trial.paused)
        self._sampler.learn(self._rung_of[resource], Outcome(trial.number, suggestion.parameters, loss), self._memory)

    def warm_start(self, results: Sequence[tuple[Mapping[str, object], float]]) -> None:
        """Learn from the results of earlier searches; they count as those of whole trainings."""
        if self._suggestions:
            raise ValueError(f"{len(self._suggestions)} trials were suggested already: start warm before the first one")
        outcomes = earlier_outcomes(results, self._space, sign=self._sign)
        for outcome in outcomes:
            self._memory.add_settled(outcome.parameters)
        for outcome in outcomes:
            self._sampler.learn(self._rung_of[self._max_resource], outcome, self._memory)

    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of those of the sampler; it begins at the lowest rung, as all do."""
        self._queue.append(self._space.validate(configuration))

    @property
    def exhausted(self) -> bool:
        """Whether :meth:`ask` returns nothing now and never will, unless something is enqueued."""
        if self._under_way or self._may_admit():
            return False
        ahead = copy.deepcopy(self._scheduler)  # what ask() would do, without doing it
        ahead.close()
        return ahead.promote() is None
