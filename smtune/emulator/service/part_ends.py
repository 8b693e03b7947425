"""How the search over one of several training job definitions ended, by its log: limits and criteria are the job's."""

from __future__ import annotations

from dataclasses import dataclass

from smtune.results import JobStatus
from smtune.spec import TuningSpec
from smtune.stopping import CompletionCriteria
from smtune.store import JobStarted, JobStore, TrialEnded


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The end of a search.

    Attributes:
        status: ``Completed``, ``Failed`` or ``Stopped``.
        seconds: Wall-clock time that it took, without what was between its runs.
        criterion: Which completion criterion was met, or ``None``.
    """

    status: JobStatus
    seconds: float
    criterion: str | None


def end_of(store: JobStore, spec: TuningSpec) -> PartEnd:
    """Return how a search ended.

    Args:
        store: Its log.
        spec: What it searched.

    Raises:
        StoreError: The log cannot be read.
    """
    criteria = CompletionCriteria(spec.completion, goal=spec.objective.goal)
    trials = {trial.number: trial for trial in store.trials()}
    before, started_at, seconds = 0.0, None, 0.0
    for event in store.events():
        if isinstance(event, JobStarted):
            before, started_at = seconds, event.at
        elif isinstance(event, TrialEnded):
            criteria.end(trials[event.number])
        if started_at is not None:
            seconds = before + max(0.0, event.at - started_at)
    return PartEnd(JobStatus(store.job().status), seconds, criteria.reason)
