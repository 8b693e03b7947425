"""All tuning jobs of an account in a region."""

from __future__ import annotations

import copy
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from smtune.emulator.service.errors import in_use, not_found, validation
from smtune.emulator.service.listing import SORTS, chosen, page
from smtune.emulator.service.training import TrainingRegistry
from smtune.emulator.service.tuning_job import TuningJob, seeded
from smtune.errors import MissingExtraError, SpecError

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
    """

    def __init__(self, trainings: TrainingRegistry, *, folder: Path, prefix: str) -> None:
        self._trainings = trainings
        self._folder = folder
        self._prefix = f"{prefix}:hyper-parameter-tuning-job"
        self._lock = threading.Lock()
        self._jobs: dict[str, TuningJob] = {}
        self._count = 0

    def create(self, request: Mapping[str, Any]) -> TuningJob:
        """Create a tuning job, and return at once.

        Args:
            request: As of ``CreateHyperParameterTuningJob``; it breaks no rule that can be seen in itself.

        Raises:
            ServiceError: Its name is taken, a parent cannot be used, or smtune cannot search that way.
        """
        name = request["HyperParameterTuningJobName"]
        with self._lock:
            if name.lower() in self._jobs:
                text = f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
                raise in_use(text)
            parents = [self._parent(one) for one in _parents(request)]
            self._count += 1
            try:
                job = TuningJob(
                    seeded(copy.deepcopy(dict(request))),
                    arn=f"{self._prefix}/{name.lower()}",
                    jobs=self._trainings,
                    folder=self._folder / str(self._count),
                    parents=parents,
                )
            except (SpecError, MissingExtraError) as error:
                raise validation(str(error)) from None
            self._jobs[name.lower()] = job
        job.start()
        return job

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

    def reset(self) -> None:
        """Forget everything; what runs ends with its training jobs. Does not wait for it."""
        with self._lock:
            jobs, self._jobs = list(self._jobs.values()), {}
        for job in jobs:
            job.stop()

    def close(self) -> None:
        """Do the same, and wait until nothing is left."""
        jobs = self.all()
        self.reset()
        for job in jobs:
            job.join(_PATIENCE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)


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
