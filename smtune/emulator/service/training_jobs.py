"""All training jobs of an account in a region."""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Mapping
from typing import Any, Final

from smtune.emulator.service.engine import TrainingEngine
from smtune.emulator.service.errors import closed, in_use, over_quota, validation
from smtune.emulator.service.kept_jobs import KeptJobs
from smtune.emulator.service.listing import SORTS, chosen, page
from smtune.emulator.service.tags import Tags, tags_of
from smtune.emulator.service.training import TrainingListener
from smtune.emulator.service.training_job import TrainingJob
from smtune.emulator.service.training_run import INTERNAL_ERROR
from smtune.sandbox.contract import MOST_HOSTS

__all__ = ["TrainingJob", "TrainingJobs"]

EMULATOR_ENDED: Final = f"{INTERNAL_ERROR}: The emulator ended while the training job was under way."
"""Why a training job failed that was under way when the emulator before ended."""


class TrainingJobs:
    """Creates training jobs, has them run, and tells of them. Every call may come from any thread, and is quick.

    Args:
        engine: Runs them; becomes this object's own.
        account: Number of the account.
        region: Its region.
        kept: Keeps them for emulators to come, and has those of the ones before; ``None`` keeps nothing.
        tags: Takes their tags; ``None`` for ones of their own.

    Raises:
        StoreError: What was kept cannot be read.
    """

    def __init__(
        self,
        engine: TrainingEngine,
        *,
        account: str,
        region: str,
        kept: KeptJobs | None = None,
        tags: Tags | None = None,
    ) -> None:
        self._engine = engine
        self._tags = Tags(kept) if tags is None else tags
        self._kept = kept
        self._prefix = f"arn:{_partition(region)}:sagemaker:{region}:{account}:training-job"
        self._lock = threading.Lock()
        self._jobs = {} if kept is None else {job.name.lower(): job for job in kept.trainings()}
        self._deleted = {} if kept is None else {job.arn: job for job in kept.trainings(deleted=True)}
        self._interrupted: set[str] = set()
        self._closed = False

    def settle(self, interrupted: Collection[str], stopping: Collection[str]) -> None:
        """End the jobs that were under way when the emulator before ended; to be called before any other is created.

        Args:
            interrupted: Names of those that will be created again; they stay as they were last seen until then.
            stopping: ARNs of tuning jobs that were asked to stop.
        """
        self._interrupted = {name.lower() for name in interrupted}
        for job in self.all():
            if not job.has_ended and job.name.lower() not in self._interrupted:
                if job.status == "Stopping" or job.tuning_job in stopping:
                    job.end("Stopped")
                else:
                    job.end("Failed", failure_reason=EMULATOR_ENDED)

    def create(
        self, request: Mapping[str, Any], *, tuning_job: str | None = None, listener: TrainingListener | None = None
    ) -> TrainingJob:
        """Create a training job, and return at once.

        Args:
            request: As of ``CreateTrainingJob``; its members have the types of the service model.
            tuning_job: ARN of the tuning job that it belongs to.
            listener: Told what becomes of it.

        Raises:
            ServiceError: The name is taken, a regex of a metric does not compile, there are not so many instances, or
                these are closed.
        """
        _check_quota(request.get("ResourceConfig") or {})
        name = request["TrainingJobName"]
        arn = f"{self._prefix}/{name}"
        with self._lock:
            if self._closed:
                raise closed()
            known = self._jobs.get(name.lower())
            if known is not None and not (tuning_job == known.tuning_job and name.lower() in self._interrupted):
                text = "Training job names must be unique within an AWS account and region, and a training job with"
                raise in_use(f"{text} this name already exists ({arn})")
            job = TrainingJob(
                copy.deepcopy(dict(request)),
                arn=arn,
                tuning_job=tuning_job,
                created_at=None if known is None else known.created_at,
                changed=None if self._kept is None else self._kept.training_changed,
            )
            self._interrupted.discard(name.lower())
            self._jobs[name.lower()] = job
            if known is None:
                self._tags.begin(arn, tags_of(request))
            if self._kept is not None:
                self._kept.add_training(job)
            self._engine.submit(job, listener)
        if self._kept is not None:
            self._kept.commit()
        return job

    def find(self, name: str, *, tuning_job: str) -> TrainingJob | None:
        """Return the training job of this name that belongs to a tuning job, also one that was deleted before all this.

        Args:
            name: Its name.
            tuning_job: ARN of the tuning job.
        """
        found = (self._jobs.get(name.lower()), self._deleted.get(f"{self._prefix}/{name}"))
        return next((job for job in found if job is not None and job.tuning_job == tuning_job), None)

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
            self._tags.forget(job.arn)
            if self._kept is not None:
                self._kept.delete_training(job)

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
        """Do the same, and wait until nothing is left; what was kept stays."""
        with self._lock:
            self._closed = True
            self._jobs = {}
        self._engine.close()


def _check_quota(resources: Mapping[str, Any]) -> None:
    groups = resources.get("InstanceGroups") or [resources]
    asked = sum(one.get("InstanceCount") or 1 for one in groups)
    if asked > MOST_HOSTS:
        raise over_quota(groups[0].get("InstanceType") or "", asked, MOST_HOSTS)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
