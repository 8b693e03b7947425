"""An emulated SageMaker over a folder, and requests to it."""

import io
import queue
import sys
import tarfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from smtune.emulator.service.engine import TrainingEngine
from smtune.emulator.service.settings import Settings
from smtune.emulator.service.training import Training
from smtune.emulator.service.training_job import TrainingJob
from smtune.emulator.service.training_jobs import TrainingJobs
from smtune.sandbox import Rule
from tests.emulator.folder_aws import FolderAws

PATIENCE_SECONDS = 60.0
ROLE = "arn:aws:iam::111122223333:role/trainer"


class Heard:
    """Keeps what a listener is told."""

    def __init__(self) -> None:
        self.events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.measured_metrics: list[dict[str, float]] = []

    def started(self, job: Training, at: float) -> None:
        self.events.put(("started", at))

    def measured(self, job: Training, at: float, metrics: Mapping[str, float]) -> None:
        self.measured_metrics.append(dict(metrics))
        self.events.put(("measured", dict(metrics)))

    def ended(self, job: Training) -> None:
        self.events.put(("ended", job))

    def wait(self, kind: str) -> Any:
        while True:
            found, value = self.events.get(timeout=PATIENCE_SECONDS)
            if found == kind:
                return value


class Place:
    """A service with buckets ``data`` and ``models``; the image ``script`` runs ``train.py`` of a folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.aws = FolderAws(folder / "s3")
        for bucket in ("data", "models"):
            self.aws.make_bucket(bucket)
        self.source = folder / "source"
        self.source.mkdir()
        rule = Rule("script", command=(sys.executable, str(self.source / "train.py")))
        rules = (*settings.pop("rules", ()), rule)
        settings = {"slots": 2, "grace_seconds": 20.0, "folder": folder / "jobs", **settings}
        self.jobs = TrainingJobs(
            TrainingEngine(self.aws, Settings(rules=rules, **settings)), account="111122223333", region="eu-west-1"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.jobs.close()

    def write(self, script: str) -> None:
        (self.source / "train.py").write_text(textwrap.dedent(script))

    def start(self, script: str | None = None, name: str = "job", **members: Any) -> tuple[TrainingJob, Heard]:
        """Create a training job of a script."""
        if script is not None:
            self.write(script)
        heard = Heard()
        return self.jobs.create(request(name, **members), listener=heard), heard

    def run(self, script: str | None = None, name: str = "job", **members: Any) -> dict[str, Any]:
        """Run a training job of a script; return its description."""
        _, heard = self.start(script, name, **members)
        heard.wait("ended")
        return self.jobs.describe(name)

    def archive(self, uri: str) -> dict[str, bytes]:
        """Return the files of an uploaded archive."""
        with tarfile.open(fileobj=io.BytesIO(self.aws.get(uri))) as file:
            members = {member.name: file.extractfile(member) for member in file if member.isfile()}
            return {name: content.read() for name, content in members.items() if content is not None}

    def model(self, name: str = "job") -> dict[str, bytes]:
        return self.archive(self.jobs.describe(name)["ModelArtifacts"]["S3ModelArtifacts"])


def request(name: str = "job", *, metrics: Mapping[str, str] | None = None, **members: Any) -> dict[str, Any]:
    """Return a ``CreateTrainingJob`` request."""
    definitions = [{"Name": metric, "Regex": regex} for metric, regex in (metrics or {}).items()]
    algorithm = {"TrainingImage": members.pop("image", "script"), "TrainingInputMode": members.pop("mode", "File")}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": algorithm | ({"MetricDefinitions": definitions} if definitions else {}),
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://models/prefix"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **members,
    }


def channel(name: str, uri: str, **members: Any) -> dict[str, Any]:
    """Return a channel of a request; members of its source are among them."""
    source = {"S3DataType": members.pop("data_type", "S3Prefix"), "S3Uri": uri}
    if "distribution" in members:
        source["S3DataDistributionType"] = members.pop("distribution")
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}
