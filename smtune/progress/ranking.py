"""Which configuration is the best so far, by the mean of its repeats: a single run may have been lucky."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

from smtune.moments import mean
from smtune.results import configuration_key, is_result
from smtune.spec.objective import Goal
from smtune.spec.repeats import Repeats
from smtune.trial import Trial


@dataclass(slots=True)
class _Entrant:
    """The repeats of one configuration.

    Attributes:
        first: Its trial with a result and the lowest number, or ``None``.
        scores: Trial number to objective, of its trials with a result; a trial that goes on after a pause has none.
        ended: Numbers of the trials that have ended, however.
        running: Numbers of the trials that are under way.
        version: Raised by every change, so that earlier places in the ranking are known to be outdated.
    """

    first: Trial | None = None
    scores: dict[int, float] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    running: set[int] = field(default_factory=set)
    version: int = 0

    @property
    def mean(self) -> float:
        """The mean objective of its trials with a result."""
        return mean(self.scores.values())


class Ranking:
    """Ranks configurations as their trials begin and end; one with trials under way has a place in a race only.

    Those that were trained more often come first, as in :attr:`smtune.results.TuningResult.best`. An update takes
    logarithmic time, whatever the order of the scores.

    Args:
        goal: Which way the objective is optimised.
        repeats: How often each configuration is trained; without the least number of trainings, it has no place.
    """

    def __init__(self, goal: Goal, *, repeats: Repeats | None = None) -> None:
        self._goal = goal
        self._least = 1 if repeats is None else repeats.min
        self._race = repeats is not None and repeats.race
        self._by_number: dict[int, _Entrant] = {}
        self._by_parameters: dict[str, _Entrant] = {}
        self._heap: list[tuple[int, float, int, int, _Entrant]] = []

    def update(self, trial: Trial) -> None:
        """Take in the beginning or the end of a trial."""
        entrant = self._entrant(trial)
        entrant.version += 1
        entrant.scores.pop(trial.number, None)
        if not trial.status.ended:
            entrant.running.add(trial.number)
            entrant.ended.discard(trial.number)
        else:
            entrant.running.discard(trial.number)
            entrant.ended.add(trial.number)
        if is_result(trial) and trial.objective is not None:
            entrant.scores[trial.number] = trial.objective
            if entrant.first is None or trial.number <= entrant.first.number:
                entrant.first = trial
        settled = self._race or not entrant.running
        if entrant.first is not None and entrant.scores and settled and len(entrant.ended) >= self._least:
            score = self._goal.sign * entrant.mean
            place = (-len(entrant.ended), score, entrant.first.number, entrant.version, entrant)
            heapq.heappush(self._heap, place)

    def best(self) -> Trial | None:
        """Return the first trial of the best configuration, with the mean objective of its repeats."""
        while self._heap:
            *_, version, entrant = self._heap[0]
            if version == entrant.version and entrant.first is not None:
                return replace(entrant.first, objective=entrant.mean)
            heapq.heappop(self._heap)
        return None

    def _entrant(self, trial: Trial) -> _Entrant:
        known = self._by_number.get(trial.number)
        if known is not None:
            return known
        key = configuration_key(trial)
        # A strategy may propose a configuration twice; only repeats belong together.
        entrant = self._by_parameters.get(key) if trial.repeat else None
        if entrant is None:
            entrant = self._by_parameters[key] = _Entrant()
        self._by_number[trial.number] = entrant
        return entrant
