"""What all strategies share: numbers, repeats, the queue, duplicates, and trials under way."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from smtune.container.reporting import HYPERGRADIENT
from smtune.moments import mean
from smtune.space import Configuration, SearchSpace
from smtune.strategies.base import Strategy, Suggestion
from smtune.strategies.proposer import Outcome, Proposal, Proposer
from smtune.strategies.racing import Entrant, Race
from smtune.trial import Trial, TrialStatus

if TYPE_CHECKING:
    from smtune.spec.repeats import Repeats


class SuggestedConfigurations:
    """The configurations that were suggested, each once, and those that have no outcome yet."""

    def __init__(self) -> None:
        """Start empty."""
        self._seen: set[str] = set()
        self._under_way: dict[str, Configuration] = {}

    def __contains__(self, configuration: Configuration) -> bool:
        return _identity(configuration) in self._seen

    def __len__(self) -> int:
        return len(self._seen)

    @property
    def under_way(self) -> Collection[Configuration]:
        """Those without an outcome, in the order in which they were suggested."""
        return self._under_way.values()

    def add(self, configuration: Configuration) -> None:
        """Keep a configuration that is under way from now on."""
        identity = _identity(configuration)
        self._seen.add(identity)
        self._under_way[identity] = configuration

    def add_settled(self, configuration: Configuration) -> None:
        """Keep a configuration whose outcome is known from elsewhere."""
        self._seen.add(_identity(configuration))

    def settle(self, configuration: Configuration) -> None:
        """Note that a configuration has its outcome."""
        del self._under_way[_identity(configuration)]


class Bookkeeping(Strategy):
    """What every strategy keeps, whatever it gives its trials: the queue, the configurations it knows, and the checks.

    - Enqueued configurations come first. No configuration begins twice: an enqueued one that did is skipped.
    - A trial without a finite objective counts as failed, whatever its status.

    Args:
        space: What is legal.
        sign: 1 if lower objectives are better, -1 if higher ones are.
        max_trials: How many trials there will be at most; ``None`` for no limit.
    """

    def __init__(self, space: SearchSpace, *, sign: int, max_trials: int | None) -> None:
        self._space = space
        self._sign = sign
        self._most = math.inf if max_trials is None else max_trials
        self._queue: deque[Configuration] = deque()
        self._memory = SuggestedConfigurations()

    def ask(self, count: int) -> Sequence[Suggestion]:
        """Return the next suggestions, at most ``count``."""
        suggestions = []
        for _ in range(count):
            suggestion = self._suggest()
            if suggestion is None:
                break
            suggestions.append(suggestion)
        return suggestions

    @abstractmethod
    def _suggest(self) -> Suggestion | None:
        """Return the next suggestion, or ``None`` if there is none now."""

    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of everything that would be suggested by itself."""
        self._queue.append(self._space.validate(configuration))

    def _enqueued(self) -> Proposal | None:
        """Return the next of the queue that is new, or ``None``."""
        self._skip_known()
        return Proposal(self._queue.popleft(), "enqueued") if self._queue else None

    def _skip_known(self) -> None:
        while self._queue and self._queue[0] in self._memory:
            self._queue.popleft()

    def warm_start(self, results: Sequence[tuple[Mapping[str, object], float]]) -> None:
        """Learn from the results of earlier searches; their outcomes have negative numbers, in their order."""
        if self._count:
            raise ValueError(f"{self._count} trials were suggested already: start warm before the first one")
        # All are known before the first is learned from, as if the trials had been told after the last suggestion.
        outcomes = _earlier_outcomes(results, self._space, sign=self._sign)
        for outcome in outcomes:
            self._memory.add_settled(outcome.parameters)
        for outcome in outcomes:
            self._learn_earlier(outcome)

    @property
    @abstractmethod
    def _count(self) -> int:
        """How many trials were suggested."""

    @abstractmethod
    def _learn_earlier(self, outcome: Outcome) -> None:
        """Take in the outcome of an earlier search."""

    def _check(self, trial: Trial, suggested: Configuration | None) -> None:
        """Refuse a trial that must not be told.

        Args:
            trial: As it was told.
            suggested: The parameters of the trial under way that has its number, or ``None`` if there is none.
        """
        if not trial.status.ended:
            raise ValueError(f"trial {trial.number} has not ended: tell it once it is Completed, Failed or Stopped")
        if suggested is None:
            if 0 <= trial.number < self._count:
                raise ValueError(f"trial {trial.number} was told before: tell each trial once")
            raise ValueError(f"trial {trial.number} was never suggested here: ask for it first")
        if trial.parameters != suggested:
            raise ValueError(
                f"trial {trial.number} has other parameters than suggested here, which were {dict(suggested)}"
            )

    def _loss(self, trial: Trial) -> float | None:
        """Return what is to be minimised, or ``None`` for a trial that says nothing about its configuration's worth."""
        if trial.status is TrialStatus.Failed or trial.objective is None or not math.isfinite(trial.objective):
            return None
        return self._sign * trial.objective


class _Group:
    """A configuration that is not settled yet, and how often it was suggested."""

    __slots__ = ("entrant", "gradients", "origin", "parameters", "suggested")

    def __init__(self, first: int, parameters: Configuration, origin: str) -> None:
        self.parameters, self.origin, self.suggested = parameters, origin, 0
        self.entrant = Entrant(first)
        self.gradients: list[dict[str, float]] = []


class BookkeepingStrategy(Bookkeeping):
    """A strategy made of a proposer and the rules that hold for every strategy.

    - Configurations come from the proposer where none is enqueued.
    - With ``repeats``, every configuration is suggested that many times in a row. Where configurations race, those that
      may still be the best are suggested again, one training at a time, ahead of new ones. The proposer learns from
      a configuration once, when the last of its trials has ended, from the mean of those that succeeded.

    Args:
        proposer: Where configurations come from.
        space: What is legal.
        sign: 1 if lower objectives are better, -1 if higher ones are.
        repeats: How many times each configuration is trained.
        max_trials: How many trials there will be at most, repeats included; ``None`` for no limit.
    """

    def __init__(
        self, proposer: Proposer, space: SearchSpace, *, sign: int, repeats: Repeats, max_trials: int | None = None
    ) -> None:
        super().__init__(space, sign=sign, max_trials=max_trials)
        self._proposer = proposer
        self._repeats = repeats
        self._next = 0
        self._configurations = 0
        self._race = Race(most=repeats.max, level=repeats.level)
        self._group: _Group | None = None
        self._again: deque[_Group] = deque()
        self._under_way: dict[int, tuple[_Group, int]] = {}

    @property
    def _count(self) -> int:
        return self._next

    def _suggest(self) -> Suggestion | None:
        if self._next >= self._most:
            return None
        group = self._next_group()
        if group is None:
            return None
        # A copy, so that whoever changes it does not change what is learned.
        suggestion = Suggestion(self._next, dict(group.parameters), group.origin, group.suggested)
        self._under_way[self._next] = group, group.suggested
        group.suggested += 1
        self._next += 1
        return suggestion

    def _next_group(self) -> _Group | None:
        """Return the configuration to train next: one that is in its first trainings, one that goes on, or a new one."""
        if self._begun:
            return self._group
        if self._again:
            return self._again.popleft()
        self._group = self._open_group()
        return self._group

    @property
    def _begun(self) -> bool:
        """Whether a configuration is in the middle of its first trainings, which follow one another."""
        return self._group is not None and self._group.suggested < self._repeats.min

    def _open_group(self) -> _Group | None:
        """Choose the next configuration and remember it, or return ``None`` if there is none now."""
        proposal = self._enqueued() or self._proposer.propose(self._configurations, self._memory)
        if proposal is None:
            return None
        self._memory.add(proposal.parameters)
        self._configurations += 1
        return _Group(self._next, proposal.parameters, proposal.origin)

    def tell(self, trial: Trial) -> None:
        """Learn from an ended trial of this strategy."""
        group, repeat = self._under_way.get(trial.number, (None, 0))
        self._check(trial, None if group is None else group.parameters)
        group, repeat = self._under_way.pop(trial.number)
        entrant = group.entrant
        loss = self._loss(trial)
        self._race.record(entrant, repeat, loss)
        if loss is not None:
            group.gradients.append(self._gradient(trial))
        if entrant.trained < max(group.suggested, self._repeats.min):
            return
        if self._race.goes_on(entrant):
            self._again.append(group)
            return
        self._memory.settle(group.parameters)
        loss = entrant.mean if entrant.losses else None
        outcome = Outcome(entrant.number, group.parameters, loss, _mean_gradient(group.gradients))
        self._proposer.learn(outcome, self._memory)

    def _gradient(self, trial: Trial) -> dict[str, float]:
        """Return the derivatives of the loss that a trial reported, by parameter."""
        return {
            name.removeprefix(HYPERGRADIENT): self._sign * derivative
            for name, derivative in trial.metrics.items()
            if name.startswith(HYPERGRADIENT)
        }

    def _learn_earlier(self, outcome: Outcome) -> None:
        self._proposer.learn(outcome, self._memory)

    @property
    def exhausted(self) -> bool:
        """Whether :meth:`ask` returns nothing now and never will, unless something is enqueued."""
        if self._next >= self._most:
            return True
        if self._begun or self._again or self._may_go_on():
            return False
        self._skip_known()
        return not self._queue and self._proposer.exhausted(self._memory)

    @property
    def failure(self) -> str | None:
        """Why the search cannot go on, or ``None``."""
        return self._proposer.failure

    def _may_go_on(self) -> bool:
        """Whether a configuration under way may be trained again."""
        return any(group.suggested < self._repeats.max for group, _ in self._under_way.values())


def _earlier_outcomes(
    results: Sequence[tuple[Mapping[str, object], float]], space: SearchSpace, *, sign: int
) -> list[Outcome]:
    """Return results of earlier searches as outcomes with negative numbers, one per configuration, in their order.

    Raises:
        SpecError: A configuration is not legal in the space.
    """
    objectives: dict[str, list[float]] = {}
    configurations: dict[str, Configuration] = {}
    for parameters, objective in results:
        configuration = space.validate(parameters)
        identity = _identity(configuration)
        configurations.setdefault(identity, configuration)
        objectives.setdefault(identity, []).append(objective)
    return [
        Outcome(number, configuration, sign * mean(objectives[identity]))
        for number, (identity, configuration) in enumerate(configurations.items(), start=-len(configurations))
    ]


def _finite_mean(values: Sequence[float]) -> float:
    """Return the mean; ``nan`` if a value is not finite, which no derivative to follow is."""
    return mean(values) if all(map(math.isfinite, values)) else math.nan


def _mean_gradient(gradients: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of the derivatives that are in all of the mappings."""
    first = gradients[0] if gradients else {}
    common = [name for name in first if all(name in gradient for gradient in gradients)]
    return {name: _finite_mean([gradient[name] for gradient in gradients]) for name in common}


def _identity(configuration: Configuration) -> str:
    """Return a text that tells 1, 1.0, True and "1" apart, which equality does not.

    Floats that agree in 13 digits are taken for the same: the middle of a range around the best configuration is that
    configuration but for rounding. Levels of a stepped range differ by more.
    """
    return repr([float(f"{value:.13g}") if type(value) is float else value for value in configuration.values()])
