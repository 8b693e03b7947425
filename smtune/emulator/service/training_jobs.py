"""All training jobs of an account in a region."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from typing import Any

from smtune.emulator.service.engine import TrainingEngine
from smtune.emulator.service.errors import in_use, validation
from smtune.emulator.service.listing import SORTS, chosen, page
from smtune.emulator.service.training import TrainingListener
from smtune.emulator.service.training_job import TrainingJob

__all__ = ["TrainingJob", "TrainingJobs"]


class TrainingJobs:
    """Creates training jobs, has them run, and tells of them. Every call may come from any thread, and is quick.

    Args:
        engine: Runs them; becomes this object's own.
        account: Number of the account.
        region: Its region.
    """

    def __init__(self, engine: TrainingEngine, *, account: str, region: str) -> None:
        self._engine = engine
        self._prefix = f"arn:{_partition(region)}:sagemaker:{region}:{account}:training-job"
        self._lock = threading.Lock()
        self._jobs: dict[str, TrainingJob] = {}

    def create(
        self, request: Mapping[str, Any], *, tuning_job: str | None = None, listener: TrainingListener | None = None
    ) -> TrainingJob:
        """Create a training job, and return at once.

        Args:
            request: As of ``CreateTrainingJob``; its members have the types of the service model.
            tuning_job: ARN of the tuning job that it belongs to.
            listener: Told what becomes of it.

        Raises:
            ServiceError: The name is taken, or a regex of a metric does not compile.
        """
        name = request["TrainingJobName"]
        arn = f"{self._prefix}/{name}"
        job = TrainingJob(copy.deepcopy(dict(request)), arn=arn, tuning_job=tuning_job)
        with self._lock:
            if name.lower() in self._jobs:
                text = "Training job names must be unique within an AWS account and region, and a training job with"
                raise in_use(f"{text} this name already exists ({arn})")
            self._jobs[name.lower()] = job
            self._engine.submit(job, listener)
        return job

    def get(self, name: str) -> TrainingJob:
        """Return the job of this name, which is not case sensitive.

        Raises:
            ServiceError: There is none.
        """
        job = self._jobs.get(name.lower())
        if job is None:
            raise validation("Requested resource not found.")
        return job

    def all(self) -> list[TrainingJob]:
        """Return all jobs, the oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def describe(self, name: str) -> dict[str, Any]:
        """Return what ``DescribeTrainingJob`` answers.

        Raises:
            ServiceError: There is no such job.
        """
        return self.get(name).description()

    def list(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``ListTrainingJobs`` answers.

        Raises:
            ServiceError: The token is none of this listing.
        """
        plan = request.get("TrainingPlanArnEquals")
        warm_pool = request.get("WarmPoolStatusEquals")  # jobs have none here
        found = [
            job
            for job in chosen(self.all(), request)
            if warm_pool is None and plan in (None, (job.request.get("ResourceConfig") or {}).get("TrainingPlanArn"))
        ]
        sort = SORTS[request.get("SortBy") or "CreationTime"]
        jobs, token = page(found, request, sort=sort, name=lambda job: job.name)
        answer: dict[str, Any] = {"TrainingJobSummaries": [job.summary() for job in jobs]}
        return answer if token is None else {**answer, "NextToken": token}

    def stop(self, name: str) -> None:
        """Ask a training job to stop: its program gets SIGTERM, and SIGKILL after the grace period.

        Raises:
            ServiceError: There is no such job, or it has ended.
        """
        job = self.get(name)
        if job.stop():
            self._engine.stop(job)

    def delete(self, name: str) -> None:
        """Forget a training job that has ended.

        Raises:
            ServiceError: There is no such job, or it has not ended.
        """
        with self._lock:
            job = self.get(name)
            if not job.has_ended:
                text = "The training job can be deleted in a terminal state only"
                raise in_use(f"{text}, and {job.name} is in status {job.status}.")
            del self._jobs[name.lower()]

    def update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``UpdateTrainingJob`` answers, after it has changed what may change.

        Raises:
            ServiceError: There is no such job, or it has ended.
        """
        job = self.get(request["TrainingJobName"])
        job.update({name: value for name, value in request.items() if name != "TrainingJobName"})
        return {"TrainingJobArn": job.arn}

    def reset(self) -> None:
        """Forget everything and kill what runs; does not wait for it."""
        with self._lock:
            self._jobs = {}
            self._engine.reset()

    def close(self) -> None:
        """Do the same, and wait until nothing is left."""
        with self._lock:
            self._jobs = {}
        self._engine.close()


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
