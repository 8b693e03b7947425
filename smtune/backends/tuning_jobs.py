"""One tuning job of SageMaker, asked as seldom as possible.

The answer of ``DescribeHyperParameterTuningJob`` counts the training jobs by status; only when it says something new are
they listed, the newest first, and only down to where nothing can have changed. An ended training job is described once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smtune.backends.aws.troubles import explained
from smtune.errors import AwsError, JobNotFoundError

PAGE = 100
"""Training jobs per answer, as many as SageMaker gives."""

ENDED = ("Completed", "Failed", "Stopped")
"""Statuses after which a tuning job, or a training job, stays as it is."""

_SERVICE = "SageMaker"
_KEPT = (
    "TrainingJobName",
    "FinalMetricDataList",
    "BillableTimeInSeconds",
    "TrainingTimeInSeconds",
    "ModelArtifacts",
    "SecondaryStatus",
    "FailureReason",
    "TrainingJobStatus",
)
"""What is used of a training job's description."""

FORBIDDEN = ("AccessDenied", "AccessDeniedException")
"""What is answered where a permission is missing."""

_GONE = ("ResourceNotFound", "ValidationException")
"""What is answered for a training job that was deleted; SageMaker uses the second."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What SageMaker says of a tuning job.

    Attributes:
        description: As of ``DescribeHyperParameterTuningJob``.
        summaries: All ``TrainingJobSummaries``, in any order.
        details: What ended training jobs said of themselves, by name.
    """

    description: Mapping[str, Any]
    summaries: Sequence[Mapping[str, Any]]
    details: Mapping[str, Mapping[str, Any]]


class TuningJobReader:
    """Follows one tuning job.

    Args:
        client: boto3's client of SageMaker.
        name: Of the tuning job.
        cache: File that keeps what ended training jobs said of themselves; ``None`` to keep it in memory only.
    """

    def __init__(self, client: Any, name: str, cache: Path | None = None) -> None:
        self._client = client
        self._name = name
        self._cache = cache
        self._counted: object = None
        self._summaries: dict[str, dict[str, Any]] = {}
        self._details: dict[str, dict[str, Any]] = dict(_read(cache)) if cache is not None else {}

    @property
    def summaries(self) -> list[Mapping[str, Any]]:
        """What is known of all training jobs, as of ``TrainingJobSummaries``."""
        return list(self._summaries.values())

    @property
    def details(self) -> Mapping[str, Mapping[str, Any]]:
        """What ended training jobs said of themselves, by name."""
        return self._details

    def refresh(self) -> Mapping[str, Any]:
        """Ask SageMaker, and return the answer of ``DescribeHyperParameterTuningJob``.

        Raises:
            JobNotFoundError: There is no such tuning job.
            AwsError: SageMaker refuses, or cannot be reached.
        """
        description = describe(self._client, self._name)
        counted = [
            description.get(key)
            for key in ("HyperParameterTuningJobStatus", "TrainingJobStatusCounters", "ObjectiveStatusCounters")
        ]
        if counted != self._counted:
            self._list(sum((description.get("TrainingJobStatusCounters") or {}).values()))
            self._counted = counted
        self._describe_ended()
        return description

    def _list(self, count: int) -> None:
        """List training jobs, the newest first, until all that is older is known and has ended.

        After a listing that was interrupted, too few are known, and the next one goes on to where the last one ended.

        Args:
            count: How many there are, as SageMaker counts them.
        """
        unsettled = {name for name, one in self._summaries.items() if not _is_settled(one)}
        arguments: dict[str, Any] = {}
        while True:
            with explained(
                self._name, service=_SERVICE, actions="sagemaker:ListTrainingJobsForHyperParameterTuningJob"
            ):
                page = self._client.list_training_jobs_for_hyper_parameter_tuning_job(
                    HyperParameterTuningJobName=self._name,
                    SortBy="CreationTime",
                    SortOrder="Descending",
                    MaxResults=PAGE,
                    **arguments,
                )
            names = {one["TrainingJobName"]: one for one in page["TrainingJobSummaries"]}
            all_new = names.keys().isdisjoint(self._summaries)
            self._summaries |= names
            unsettled -= names.keys()
            if "NextToken" not in page or not (all_new or unsettled or len(self._summaries) < count):
                return
            arguments = {"NextToken": page["NextToken"]}

    def _describe_ended(self) -> None:
        """Ask once for what an ended training job says of itself: all its metrics, what is billed, its model."""
        for name, summary in self._summaries.items():
            if name not in self._details and _is_settled(summary):
                self._details[name] = self._detail(name)

    def _detail(self, name: str) -> dict[str, Any]:
        try:
            with explained(name, service=_SERVICE, actions="sagemaker:DescribeTrainingJob"):
                answer = self._client.describe_training_job(TrainingJobName=name)
        except AwsError as error:
            if error.code in FORBIDDEN:  # until these credentials may, the summary has to do
                return {"TrainingJobName": name}
            if error.code not in _GONE:
                raise
            answer = {"TrainingJobName": name}
        detail = {key: plain(answer[key]) for key in _KEPT if key in answer}
        if self._cache is not None:
            _append(self._cache, detail)
        return detail


def describe(client: Any, name: str) -> Mapping[str, Any]:
    """Return what SageMaker says of a tuning job.

    Raises:
        JobNotFoundError: There is no such tuning job.
        AwsError: SageMaker refuses, or cannot be reached.
    """
    try:
        with explained(name, service=_SERVICE, actions="sagemaker:DescribeHyperParameterTuningJob"):
            answer: Mapping[str, Any] = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except AwsError as error:
        if error.code != "ResourceNotFound":
            raise
        where = client.meta.region_name
        hint = "check the name, the region and the AWS profile"
        raise JobNotFoundError(f'there is no tuning job "{name}" of this account in {where}; {hint}') from None
    return answer


def _is_settled(summary: Mapping[str, Any]) -> bool:
    """Return whether nothing more will change."""
    return summary["TrainingJobStatus"] in ENDED and summary.get("ObjectiveStatus") != "Pending"


def plain(value: Any) -> Any:
    """Return an answer of boto3 as JSON has it, times as seconds since the epoch."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def _read(cache: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what was kept; a line that was torn when its writer was killed is asked for again."""
    with contextlib.suppress(OSError), cache.open(encoding="utf-8") as lines:
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                detail = json.loads(line)
                yield detail["TrainingJobName"], detail


def _append(cache: Path, detail: Mapping[str, Any]) -> None:
    """Keep what an ended training job said of itself; it begins a line, whatever the last writer left undone."""
    with contextlib.suppress(OSError):
        cache.touch(mode=0o600)  # reasons of failures may quote the data
        with cache.open("a", encoding="utf-8") as lines:
            lines.write("\n" + json.dumps(detail))
