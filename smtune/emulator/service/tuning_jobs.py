"""All tuning jobs of an account in a region."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from smtune.emulator.service.errors import closed, in_use, not_found, validation
from smtune.emulator.service.kept_jobs import KeptJobs, KeptTuning
from smtune.emulator.service.listing import SORTS, chosen, page
from smtune.emulator.service.tags import Tags, tags_of
from smtune.emulator.service.training import TrainingRegistry
from smtune.emulator.service.tuning_job import TuningJob, seeded
from smtune.errors import MissingExtraError, SpecError
from smtune.results import JobStatus

STRATEGY_TAG: Final = "smtune:strategy"
"""Tag that says which search runs: AWS's own is not public, so its trials are others."""

_METRIC: Final = "FinalHyperParameterTuningJobObjectiveMetric"
_PATIENCE_SECONDS: Final = 5.0


class TuningJobs:
    """Creates tuning jobs and tells of them. Every call may come from any thread, and is quick.

    Args:
        trainings: Where their training jobs are created.
        folder: Takes the logs of their searches.
        prefix: How their ARNs begin, e.g. ``arn:aws:sagemaker:eu-west-1:123456789012``.
        tags: Takes their tags.
        kept: Keeps them for emulators to come, and has those of the ones before; ``None`` keeps nothing.

    Raises:
        StoreError: What was kept cannot be read.
    """

    def __init__(
        self, trainings: TrainingRegistry, *, folder: Path, prefix: str, tags: Tags, kept: KeptJobs | None = None
    ) -> None:
        self._trainings = trainings
        self._tags = tags
        self._folder = folder
        self._prefix = f"{prefix}:hyper-parameter-tuning-job"
        self._lock = threading.Lock()
        self._jobs: dict[str, TuningJob] = {}
        self._count = 0
        self._abandoned: list[TuningJob] = []
        self._closed = False
        self._kept = kept
        for seen in () if kept is None else kept.tunings():
            self._restore(seen)

    def _restore(self, seen: KeptTuning) -> None:
        """Have a job of an emulator before as it was last seen."""
        self._count = max(self._count, seen.number)
        parents = [self._jobs[name.lower()] for name in _parents(seen.request) if name.lower() in self._jobs]
        job = self._made(seen.request, seen.number, parents, seen)
        self._jobs[job.name.lower()] = job

    def under_way(self) -> list[TuningJob]:
        """Return the jobs that have not ended."""
        return [job for job in self.all() if not job.ended]

    def go_on(self) -> None:
        """Go on with the jobs of the emulator before; those that were to stop have stopped."""
        for job in self.under_way():
            if job.status is JobStatus.Stopping:
                job.end()
            else:
                job.start()

    def create(self, request: Mapping[str, Any]) -> TuningJob:
        """Create a tuning job, and return at once.

        Args:
            request: As of ``CreateHyperParameterTuningJob``; it breaks no rule that can be seen in itself.

        Raises:
            ServiceError: Its name is taken, a parent cannot be used, or smtune cannot search that way.
        """
        name = request["HyperParameterTuningJobName"]
        with self._lock:
            if self._closed:
                raise closed()
            if name.lower() in self._jobs:
                text = f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
                raise in_use(text)
            parents = [self._parent(one) for one in _parents(request)]
            self._count += 1
            try:
                job = self._made(seeded(copy.deepcopy(dict(request))), self._count, parents)
            except (SpecError, MissingExtraError) as error:
                raise validation(str(error)) from None
            searched = f"{job.spec.strategy.type} search of smtune"
            self._tags.begin(job.arn, {**tags_of(request), STRATEGY_TAG: searched})
            self._keep(self._count, job)  # before its search leaves a trace
            self._jobs[name.lower()] = job
            job.start()
        return job

    def _made(
        self, request: Mapping[str, Any], number: int, parents: Sequence[TuningJob], seen: KeptTuning | None = None
    ) -> TuningJob:
        return TuningJob(
            request,
            arn=f"{self._prefix}/{request['HyperParameterTuningJobName'].lower()}",
            jobs=self._trainings,
            folder=self._folder / str(number),
            parents=parents,
            seen=seen,
            changed=partial(self._keep, number),
        )

    def _keep(self, number: int, job: TuningJob) -> None:
        if self._kept is not None:
            now = (job.status.value, job.failure_reason, job.ended_at)
            self._kept.keep_tuning(KeptTuning(number, job.request, job.created_at, *now))

    def _parent(self, name: str) -> TuningJob:
        parent = self._jobs.get(name.lower())
        if parent is None:
            raise validation(f"The parent tuning job {name} does not exist.")
        if not parent.ended:
            raise validation(f"The parent tuning job {name} is in status {parent.status}; it must have ended.")
        return parent

    def get(self, name: str) -> TuningJob:
        """Return the job of this name, which is not case sensitive.

        Raises:
            ServiceError: There is none.
        """
        job = self._jobs.get(name.lower())
        if job is None:
            raise not_found(f"Amazon SageMaker can't find a tuning job called {name}. Type another name.")
        return job

    def all(self) -> list[TuningJob]:
        """Return all jobs, the oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``ListHyperParameterTuningJobs`` answers.

        Raises:
            ServiceError: The token is none of this listing.
        """
        sort = SORTS[request.get("SortBy") or "Name"]
        jobs, token = page(chosen(self.all(), request), request, sort=sort, name=lambda job: job.name)
        answer: dict[str, Any] = {"HyperParameterTuningJobSummaries": [job.entry() for job in jobs]}
        return answer if token is None else {**answer, "NextToken": token}

    def list_trainings(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``ListTrainingJobsForHyperParameterTuningJob`` answers.

        Raises:
            ServiceError: There is no such job, or the token is none of this listing.
        """
        job = self.get(request["HyperParameterTuningJobName"])
        summaries = job.summaries()
        status, by = request.get("StatusEquals"), request.get("SortBy") or "Name"
        if status is not None:
            summaries = [one for one in summaries if one["TrainingJobStatus"] == status]
        if by == "FinalObjectiveMetricValue":
            summaries = [one for one in summaries if _METRIC in one]
        found, token = page(summaries, request, sort=_SORTS[by], name=lambda one: str(one["TrainingJobName"]))
        answer: dict[str, Any] = {"TrainingJobSummaries": found}
        return answer if token is None else {**answer, "NextToken": token}

    def stop(self, name: str) -> None:
        """Ask a tuning job to stop.

        Raises:
            ServiceError: There is no such job, or it has ended.
        """
        job = self.get(name)
        if job.ended:
            text = f"The request was rejected because the hyperparameter tuning job is in status {job.status}."
            raise validation(text)
        job.stop()

    def delete(self, name: str) -> None:
        """Forget a tuning job that has ended; its training jobs stay.

        Raises:
            ServiceError: It has not ended.
        """
        with self._lock:
            job = self._jobs.get(name.lower())
            if job is None:  # as documented, deleting what is not there is no error
                return
            if not job.ended:
                raise validation(f"The hyperparameter tuning job {name} is in status {job.status}; stop it first.")
            del self._jobs[name.lower()]
            self._tags.forget(job.arn)
            if self._kept is not None:
                self._kept.delete_tuning(name, int(job.folder.name))

    def reset(self) -> None:
        """Forget everything, and search no more; does not wait for it. What was kept stays."""
        with self._lock:
            jobs, self._jobs = list(self._jobs.values()), {}
            self._abandoned = [job for job in (*self._abandoned, *jobs) if not job.ended]
        for job in jobs:
            job.abandon()

    def close(self) -> None:
        """Do the same, and wait until nothing is left; create no more."""
        with self._lock:
            self._closed = True
        self.reset()
        for job in self._abandoned:
            job.join(_PATIENCE_SECONDS)


_SORTS: Final[Mapping[str, Callable[[dict[str, Any]], float | str]]] = {
    "Name": lambda one: str(one["TrainingJobName"]),
    "CreationTime": lambda one: float(one["CreationTime"]),
    "Status": lambda one: str(one["TrainingJobStatus"]),
    "FinalObjectiveMetricValue": lambda one: float(one[_METRIC]["Value"]),
}
"""``SortBy`` to what summaries of training jobs are sorted by."""


def _parents(request: Mapping[str, Any]) -> list[str]:
    config = request.get("WarmStartConfig") or {}
    return [one["HyperParameterTuningJobName"] for one in config.get("ParentHyperParameterTuningJobs") or ()]
