"""The service: its operations by name, as plain values in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from smtune.amt.limits import Severity, Violation, check_request, check_training_request
from smtune.emulator.service.aws import Aws
from smtune.emulator.service.channels import check_places
from smtune.emulator.service.engine import TrainingEngine
from smtune.emulator.service.errors import ServiceError, closed, only_looked_at, validation
from smtune.emulator.service.faults import Faults
from smtune.emulator.service.kept_jobs import KeptJobs
from smtune.emulator.service.searching import search
from smtune.emulator.service.settings import Settings
from smtune.emulator.service.tags import Tags, tags_of
from smtune.emulator.service.temporary import TemporaryFolder
from smtune.emulator.service.training_jobs import TrainingJobs
from smtune.emulator.service.tuning_jobs import TuningJobs
from smtune.results import JobStatus

Request = Mapping[str, Any]
Answer = dict[str, Any]

_LOOKING: Final = ("Describe", "List", "Search")
"""How the names of operations begin that change nothing."""


class Service:
    """SageMaker's tuning and training jobs of an account in a region.

    Every call may come from any thread, and returns at once.

    Args:
        aws: The other services.
        settings: How the emulator behaves.
        account: Number of the account.
        region: Its region.
        kept: Keeps its jobs for emulators to come, and has those of the ones before; ``None`` keeps nothing.

    Raises:
        StoreError: What was kept cannot be read.
    """

    def __init__(
        self, aws: Aws, settings: Settings, *, account: str, region: str, kept: KeptJobs | None = None
    ) -> None:
        self._folder = TemporaryFolder("smtune-emulator-")
        folder = self._folder.path if kept is None else kept.searches
        self._aws = aws
        self._region = region
        prefix = f"arn:{_partition(region)}:sagemaker:{region}:{account}"
        self._faults = Faults.of(settings.faults)
        settings = replace(settings, faults=self._faults)
        self._tags = Tags(kept)
        engine = TrainingEngine(aws, settings)
        self.trainings = TrainingJobs(engine, account=account, region=region, kept=kept, tags=self._tags)
        self.tunings = TuningJobs(self.trainings, folder=folder, prefix=prefix, kept=kept, tags=self._tags)
        self._kept = kept
        self._closed = False
        if kept is not None and not kept.read_only:
            self._go_on()

    def _go_on(self) -> None:
        """Go on where the emulator before ended."""
        stopping = {job.arn for job in self.tunings.under_way() if job.status is JobStatus.Stopping}
        going = [job for job in self.tunings.under_way() if job.arn not in stopping]
        self.trainings.settle([name for job in going for name in job.open_trainings()], stopping)
        self.tunings.go_on()

    def call(self, operation: str, request: Request) -> Answer:
        """Answer a request.

        Args:
            operation: One of :data:`OPERATIONS`.
            request: As boto3 takes it; its members have the types of the service model, and none that is required is missing.

        Raises:
            ServiceError: What the service answers instead.
        """
        if self._closed:
            raise closed()
        fault = self._faults.draw("throttling", operation)
        if fault is not None:
            raise ServiceError("ThrottlingException", fault.text)
        if self._kept is None:
            return self._answer(operation, request)
        if self._kept.read_only and not operation.startswith(_LOOKING):
            raise only_looked_at(operation)
        try:
            return self._answer(operation, request)
        finally:
            self._kept.commit()  # before anybody is told

    def _answer(self, operation: str, request: Request) -> Answer:
        answer = _OPERATIONS.get(operation)
        if answer is None:
            raise ServiceError("UnknownOperationException", f"{operation} is not implemented")
        return answer(self, request)

    def reset(self) -> None:
        """Forget everything, and kill what runs; does not wait for it."""
        self.tunings.reset()
        self.trainings.reset()
        self._faults.reset()
        self._tags.clear()

    def close(self) -> None:
        """Do the same, and wait until nothing is left; refuse calls from now on. What was kept stays."""
        self._closed = True
        self.tunings.reset()  # first: what happens to training jobs now is none of their searches' business
        self.trainings.close()
        self.tunings.close()
        self._folder.close()

    # --- tuning jobs ------------------------------------------------------------------------------------------

    def _create_tuning_job(self, request: Request) -> Answer:
        _refuse(check_request(request))
        return {"HyperParameterTuningJobArn": self.tunings.create(request).arn}

    def _describe_tuning_job(self, request: Request) -> Answer:
        return self.tunings.get(request["HyperParameterTuningJobName"]).description()

    def _stop_tuning_job(self, request: Request) -> Answer:
        self.tunings.stop(request["HyperParameterTuningJobName"])
        return {}

    def _delete_tuning_job(self, request: Request) -> Answer:
        self.tunings.delete(request["HyperParameterTuningJobName"])
        return {}

    def _list_tuning_jobs(self, request: Request) -> Answer:
        return self.tunings.list(request)

    def _list_trainings_of_tuning_job(self, request: Request) -> Answer:
        return self.tunings.list_trainings(request)

    # --- training jobs ----------------------------------------------------------------------------------------

    def _create_training_job(self, request: Request) -> Answer:
        _refuse(check_training_request(request))
        check_places(request, self._aws, region=self._region)
        return {"TrainingJobArn": self.trainings.create(request).arn}

    def _describe_training_job(self, request: Request) -> Answer:
        return self.trainings.describe(request["TrainingJobName"])

    def _stop_training_job(self, request: Request) -> Answer:
        self.trainings.stop(request["TrainingJobName"])
        return {}

    def _delete_training_job(self, request: Request) -> Answer:
        self.trainings.delete(request["TrainingJobName"])
        return {}

    def _update_training_job(self, request: Request) -> Answer:
        return self.trainings.update(request)

    def _list_training_jobs(self, request: Request) -> Answer:
        return self.trainings.list(request)

    # --- both -------------------------------------------------------------------------------------------------

    def _search(self, request: Request) -> Answer:
        if request["Resource"] == "TrainingJob":
            found = [self._searchable(job.arn, job.description()) for job in self.trainings.all()]
        else:
            found = [self._searchable(job.arn, job.description()) for job in self.tunings.all()]
        return search(request, found)

    def _searchable(self, arn: str, description: Answer) -> Answer:
        return {**description, "Tags": self._tags.of(arn)}  # also if the job was deleted meanwhile

    def _add_tags(self, request: Request) -> Answer:
        self._check_arn(request["ResourceArn"])
        self._tags.add(request["ResourceArn"], tags_of(request))
        return {"Tags": self._tags.of(request["ResourceArn"])}

    def _list_tags(self, request: Request) -> Answer:
        self._check_arn(request["ResourceArn"])
        return {"Tags": self._tags.of(request["ResourceArn"])}

    def _delete_tags(self, request: Request) -> Answer:
        self._check_arn(request["ResourceArn"])
        self._tags.remove(request["ResourceArn"], request["TagKeys"])
        return {}

    def _check_arn(self, arn: str) -> None:
        name = arn.rpartition("/")[2]
        kind = arn.rpartition("/")[0].rpartition(":")[2]
        if kind == "training-job":
            self.trainings.get(name)
        else:
            self.tunings.get(name)


def _refuse(violations: Sequence[Violation]) -> None:
    """Refuse a request that AWS would refuse.

    Raises:
        ServiceError: It would.
    """
    refused = [one.message for one in violations if one.severity is Severity.error]
    if refused:
        raise validation(_joined(refused))


def _joined(messages: list[str]) -> str:
    """Return the messages as the service joins them: constraints of shapes are counted, rules are told one by one."""
    of_shapes = [one for one in messages if "failed to satisfy constraint" in one]
    if not of_shapes:
        return messages[0]
    errors = "validation error" if len(of_shapes) == 1 else "validation errors"
    return f"{len(of_shapes)} {errors} detected: {'; '.join(of_shapes)}"


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


_OPERATIONS: Final[Mapping[str, Callable[[Service, Request], Answer]]] = {
    "AddTags": Service._add_tags,  # noqa: SLF001 - the table of this class
    "CreateHyperParameterTuningJob": Service._create_tuning_job,  # noqa: SLF001
    "CreateTrainingJob": Service._create_training_job,  # noqa: SLF001
    "DeleteHyperParameterTuningJob": Service._delete_tuning_job,  # noqa: SLF001
    "DeleteTags": Service._delete_tags,  # noqa: SLF001
    "DeleteTrainingJob": Service._delete_training_job,  # noqa: SLF001
    "DescribeHyperParameterTuningJob": Service._describe_tuning_job,  # noqa: SLF001
    "DescribeTrainingJob": Service._describe_training_job,  # noqa: SLF001
    "ListHyperParameterTuningJobs": Service._list_tuning_jobs,  # noqa: SLF001
    "ListTags": Service._list_tags,  # noqa: SLF001
    "ListTrainingJobs": Service._list_training_jobs,  # noqa: SLF001
    "ListTrainingJobsForHyperParameterTuningJob": Service._list_trainings_of_tuning_job,  # noqa: SLF001
    "Search": Service._search,  # noqa: SLF001
    "StopHyperParameterTuningJob": Service._stop_tuning_job,  # noqa: SLF001
    "StopTrainingJob": Service._stop_training_job,  # noqa: SLF001
    "UpdateTrainingJob": Service._update_training_job,  # noqa: SLF001
}

OPERATIONS: Final = frozenset(_OPERATIONS)
"""Names of the operations."""
