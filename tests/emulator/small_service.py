"""A service with a handful of operations, for tests of what surrounds the real one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from threading import Lock
from typing import Any

from smtune.emulator.service.aws import Aws
from smtune.emulator.service.errors import ServiceError, not_found
from smtune.emulator.service.kept_jobs import KeptJobs
from smtune.emulator.service.settings import Settings

OPERATIONS = ("CreateTrainingJob", "DescribeTrainingJob", "ListTags", "Search", "StopTrainingJob")

ALL: list[SmallService] = []
"""Every service that was made, in its order."""


class SmallService:
    """Training jobs that are names; those called ``sleep...`` are processes that sleep."""

    def __init__(
        self, aws: Aws, settings: Settings, *, account: str, region: str, kept: KeptJobs | None = None
    ) -> None:
        self.aws, self.settings, self.account, self.region = aws, settings, account, region
        self.kept = kept
        self.is_closed = False
        self.processes: list[subprocess.Popen[bytes]] = []
        self._jobs: dict[str, float] = {}
        self._lock = Lock()
        ALL.append(self)

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a request."""
        with self._lock:
            answer: dict[str, Any] = getattr(self, f"_{operation}")(**request)
            return answer

    def reset(self) -> None:
        """Forget everything, and kill what runs."""
        with self._lock:
            self._jobs.clear()
            for process in self.processes:
                process.kill()

    def close(self) -> None:
        """Wait for what was killed."""
        self.reset()
        for process in self.processes:
            process.wait()
        self.is_closed = True

    def _CreateTrainingJob(self, TrainingJobName: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        if TrainingJobName.startswith("break"):
            raise ZeroDivisionError("a defect")
        if TrainingJobName.startswith("sleep"):
            self.processes.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        self._jobs[TrainingJobName] = time.time()
        self.aws.log(f"{TrainingJobName}/algo-1-1", [(time.time(), "begun")])  # with its lock, as a bad service might
        return {"TrainingJobArn": self._arn(TrainingJobName)}

    def _DescribeTrainingJob(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        if TrainingJobName not in self._jobs:
            raise not_found("Requested resource not found.")
        at = self._jobs[TrainingJobName]
        return {"TrainingJobName": TrainingJobName, "TrainingJobArn": self._arn(TrainingJobName), "CreationTime": at}

    def _StopTrainingJob(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        raise ServiceError("ThrottlingException", f"Rate exceeded for {TrainingJobName}")

    def _ListTags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N802, N803
        return {"Tags": [{"Key": "of", "Value": ResourceArn.rpartition("/")[2]}]}

    def _Search(self, Resource: str) -> dict[str, Any]:  # noqa: N802, N803
        return {"Results": [{Resource: {f"{Resource}Name": name}} for name in self._jobs]}

    def _arn(self, name: str) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:training-job/{name}"
