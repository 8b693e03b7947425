"""Which configuration is the best so far, by the mean of its repeats: a single run may have been lucky."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from statistics import fmean

from smtune.results import is_result
from smtune.spec.objective import Goal
from smtune.trial import Trial


@dataclass(slots=True)
class _Entrant:
    """The repeats of one configuration.

    Attributes:
        first: Its trial with a result and the lowest number, or ``None``.
        scores: Trial number to objective, of its trials with a result; a trial that goes on after a pause has none.
        running: Numbers of the trials that are under way.
        version: Raised by every change, so that earlier places in the ranking are known to be outdated.
    """

    first: Trial | None = None
    scores: dict[int, float] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    version: int = 0

    @property
    def mean(self) -> float:
        """The mean objective of its trials with a result."""
        return fmean(self.scores.values())


class Ranking:
    """Ranks configurations as their trials begin and end; one with trials under way has no place.

    An update takes logarithmic time, whatever the order of the scores.

    Args:
        goal: Which way the objective is optimised.
    """

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._by_number: dict[int, _Entrant] = {}
        self._by_parameters: dict[tuple[object, ...], _Entrant] = {}
        self._heap: list[tuple[float, int, int, _Entrant]] = []

    def update(self, trial: Trial) -> None:
        """Take in the beginning or the end of a trial."""
        entrant = self._entrant(trial)
        entrant.version += 1
        entrant.scores.pop(trial.number, None)
        if not trial.status.ended:
            entrant.running.add(trial.number)
            return
        entrant.running.discard(trial.number)
        if is_result(trial) and trial.objective is not None:
            entrant.scores[trial.number] = trial.objective
            if entrant.first is None or trial.number <= entrant.first.number:
                entrant.first = trial
        if entrant.first is not None and entrant.scores and not entrant.running:
            heapq.heappush(self._heap, (self._goal.sign * entrant.mean, entrant.first.number, entrant.version, entrant))

    def best(self) -> Trial | None:
        """Return the first trial of the best configuration, with the mean objective of its repeats."""
        while self._heap:
            _, _, version, entrant = self._heap[0]
            if version == entrant.version and entrant.first is not None:
                return replace(entrant.first, objective=entrant.mean)
            heapq.heappop(self._heap)
        return None

    def _entrant(self, trial: Trial) -> _Entrant:
        known = self._by_number.get(trial.number)
        if known is not None:
            return known
        key = tuple(sorted(trial.parameters.items()))
        # A strategy may propose a configuration twice; only repeats belong together.
        entrant = self._by_parameters.get(key) if trial.repeat else None
        if entrant is None:
            entrant = self._by_parameters[key] = _Entrant()
        self._by_number[trial.number] = entrant
        return entrant
