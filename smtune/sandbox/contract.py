"""What SageMaker gives a training job: the folder ``/opt/ml``, and variables."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from smtune.errors import Problem, SpecError
from smtune.sandbox.namespace import ROOT

_FOLDERS: Final = (
    "input",
    "input/config",
    "input/data",
    "code",
    "model",
    "output",
    "output/data",
    "output/intermediate",
    "tmp",
)
_STALE: Final = ("input", "code", "model", "output", "tmp")


@dataclass(frozen=True, slots=True)
class Channel:
    """Input data.

    Attributes:
        source: A folder, or a single file; ``None`` for a channel that is piped.
        content_type: MIME type, for the scripts that ask.
        mode: ``File``, ``FastFile`` or ``Pipe``.
        distribution: ``FullyReplicated`` or ``ShardedByS3Key``.
        record_wrapper: ``None`` or ``RecordIO``.
    """

    source: Path | None
    content_type: str | None = None
    mode: str = "File"
    distribution: str = "FullyReplicated"
    record_wrapper: str = "None"

    @property
    def config(self) -> dict[str, str]:
        """What ``inputdataconfig.json`` says of it."""
        config = {
            "TrainingInputMode": self.mode,
            "S3DistributionType": self.distribution,
            "RecordWrapperType": self.record_wrapper,
        }
        return config if self.content_type is None else {"ContentType": self.content_type, **config}

    def place(self, name: str) -> str:
        """Return where the source is seen, relative to ``/opt/ml``: a single file in the folder of the channel.

        Args:
            name: Name of the channel.
        """
        folder = f"input/data/{name}"
        return folder if self.source is None or self.source.is_dir() else f"{folder}/{self.source.name}"


@dataclass(frozen=True, slots=True)
class InstanceGroup:
    """Hosts of one type.

    Attributes:
        name: Name of the group.
        instance_type: E.g. ``ml.m5.large``.
        hosts: Their names.
    """

    name: str
    instance_type: str
    hosts: tuple[str, ...]


LOCAL: Final = InstanceGroup("homogeneousCluster", "local", ("localhost",))
"""This machine. ``localhost`` resolves everywhere: the training toolkit waits up to 15 minutes for a host's name."""


MOST_HOSTS: Final = 64
"""A job may have so many hosts here: each is a process of this machine."""


def algorithm_hosts(count: int, first: int = 1) -> tuple[str, ...]:
    """Return host names as SageMaker gives them.

    >>> algorithm_hosts(2)
    ('algo-1', 'algo-2')
    """
    return tuple(f"algo-{number}" for number in range(first, first + count))


@dataclass(frozen=True, slots=True)
class TrainingContract:
    """What one host of a training job is told.

    Attributes:
        job_name: Name of the job.
        job_arn: Its ARN; empty where there is none.
        region: AWS's region; empty where there is none.
        hyperparameters: Name to text.
        channels: Name to data.
        groups: All hosts of the job.
        current_host: Which one this is.
        environment: The job's own variables; they win over all others.
        checkpoints: What ``checkpointconfig.json`` says: ``S3Uri`` and ``LocalPath``; empty without checkpoints.
        network_interface: How hosts reach each other.
    """

    job_name: str
    job_arn: str = ""
    region: str = ""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    groups: tuple[InstanceGroup, ...] = (LOCAL,)
    current_host: str = "localhost"
    environment: Mapping[str, str] = field(default_factory=dict)
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    network_interface: str = "lo"

    @property
    def hosts(self) -> list[str]:
        """Names of all hosts, sorted, as the training toolkit wants them."""
        return sorted(host for group in self.groups for host in group.hosts)

    @property
    def current_group(self) -> InstanceGroup:
        """The group that this host belongs to."""
        return next(group for group in self.groups if self.current_host in group.hosts)

    @property
    def resource_config(self) -> dict[str, Any]:
        """The content of ``resourceconfig.json``."""
        return {
            "current_group_name": self.current_group.name,
            "current_host": self.current_host,
            "current_instance_type": self.current_group.instance_type,
            "hosts": self.hosts,
            "instance_groups": [
                {
                    "instance_group_name": group.name,
                    "instance_type": group.instance_type,
                    "hosts": sorted(group.hosts),
                }
                for group in self.groups
            ],
            "network_interface_name": self.network_interface,
        }

    @property
    def data_config(self) -> dict[str, dict[str, str]]:
        """The content of ``inputdataconfig.json``."""
        return {name: channel.config for name, channel in self.channels.items()}

    @property
    def checkpoint_path(self) -> str:
        """Where checkpoints are kept, relative to ``/opt/ml``."""
        path = os.path.normpath(self.checkpoints.get("LocalPath") or f"{ROOT}/checkpoints")
        return os.path.relpath(path, ROOT)

    @property
    def variables(self) -> dict[str, str]:
        """What every container has in its environment, whatever runs there."""
        given = {
            "TRAINING_JOB_NAME": self.job_name,
            "TRAINING_JOB_ARN": self.job_arn,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        return {name: value for name, value in given.items() if value} | dict(self.environment)


def check_channels(channels: Mapping[str, Channel]) -> list[Problem]:
    """Return what is wrong with the names and sources of channels."""
    problems = []
    for name, channel in channels.items():
        if name in {"", ".", ".."} or "/" in name or "\0" in name:
            problems.append(Problem(f"channels.{name}", name, "is no name for a channel", "use letters and digits"))
        elif channel.source is not None and not channel.source.exists():
            problems.append(Problem(f"channels.{name}", str(channel.source), "does not exist", "correct the path"))
    return problems


def lay_out(base: Path, contract: TrainingContract, *, mounted: bool = False) -> None:
    """Make the folder that a training has as ``/opt/ml``.

    Data is linked, not copied. What an earlier training left in ``base`` goes, but for its checkpoints.

    Args:
        base: The folder; made if it is missing.
        contract: What is laid out.
        mounted: Whether data will be mounted where :meth:`Channel.place` says, instead of links to it.

    Raises:
        SpecError: A channel is missing, or its name is none, or checkpoints lie elsewhere.
        OSError: The folder cannot be written.
    """
    if problems := [*check_channels(contract.channels), *_check_checkpoints(contract)]:
        raise SpecError(problems)
    root = os.path.abspath(base)
    _make_folders(root)
    os.makedirs(f"{root}/{contract.checkpoint_path}", exist_ok=True)
    for name, channel in contract.channels.items():
        if channel.source is not None:
            folder, source = f"{root}/input/data/{name}", os.path.abspath(channel.source)
            (_prepare_mount if mounted else _link_channel)(folder, source)
    configuration: dict[str, Any] = {
        "hyperparameters": dict(contract.hyperparameters),
        "inputdataconfig": contract.data_config,
        "resourceconfig": contract.resource_config,
    }
    if contract.checkpoints:
        configuration["checkpointconfig"] = dict(contract.checkpoints)
    for name, content in configuration.items():
        with open(f"{root}/input/config/{name}.json", "wb", buffering=0) as file:
            file.write(json.dumps(content).encode())


def link_code(base: Path, source_dir: Path) -> None:
    """Show code in the ``code`` folder of a training, so that trainings which write beside it stay apart.

    Raises:
        OSError: The code cannot be read, or the folder not be written.
    """
    source, target = os.path.abspath(source_dir), os.path.join(os.path.abspath(base), "code")
    for name in os.listdir(source):
        os.symlink(f"{source}/{name}", f"{target}/{name}")


def _make_folders(root: str) -> None:
    """Make all folders, the same way for a new training and for one that had been here."""
    try:
        os.makedirs(root)
    except FileExistsError:
        for stale in _STALE:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(f"{root}/{stale}")
    for folder in _FOLDERS:
        os.mkdir(f"{root}/{folder}")


def _check_checkpoints(contract: TrainingContract) -> list[Problem]:
    if not contract.checkpoint_path.startswith(".."):
        return []
    rule, fix = f"must lie inside {ROOT} here", f"leave it out, or write {ROOT}/checkpoints"
    return [Problem("CheckpointConfig.LocalPath", contract.checkpoints["LocalPath"], rule, fix)]


def _prepare_mount(folder: str, source: str) -> None:
    os.mkdir(folder)
    if not os.path.isdir(source):
        os.close(os.open(f"{folder}/{os.path.basename(source)}", os.O_CREAT | os.O_WRONLY))


def _link_channel(folder: str, source: str) -> None:
    if os.path.isdir(source):
        os.symlink(source, folder, target_is_directory=True)
    else:
        os.mkdir(folder)
        os.symlink(source, f"{folder}/{os.path.basename(source)}")
