"""How the trainings of a spec are laid out under SageMaker's container contract."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from smtune.amt.definition import CODE, LOG_LEVEL, PROGRAM, TUNING_OBJECTIVE
from smtune.amt.images import image_uri
from smtune.amt.ranges import encode_text
from smtune.backends.aws.packaging import pack_source
from smtune.backends.staging import begin_folder, host_folders, training_job_name
from smtune.container.repeats import VARIABLE as REPEAT_VARIABLE
from smtune.errors import SpecError
from smtune.sandbox import Algorithm, Channel, InstanceGroup, Pipe, Staged, TrainingContract, unpack_code
from smtune.sandbox.contract import algorithm_hosts
from smtune.sandbox.inputs import shard
from smtune.sandbox.isolation import Placement, together
from smtune.sandbox.namespace import ROOT
from smtune.spec import Channel as GivenChannel
from smtune.spec import SageMaker, Training, TuningSpec
from smtune.trial import Trial, TrialStatus

_ANY_REGION: Final = "us-east-1"
"""Containers are the same everywhere."""
_QUICK: Final = 1
"""Level of compression."""


def algorithm_of(spec: TuningSpec) -> Algorithm:
    """Return what a spec says of its program, as a training job would: images by their addresses.

    An image that is neither AWS's nor an address stays as it is: it may be one of this machine.
    """
    training, cloud = spec.training or Training.model_construct(), spec.sagemaker or SageMaker()
    image = training.image or (cloud.image if training.entry_point is not None else None) or ""
    with contextlib.suppress(SpecError):
        image = image_uri(image, cloud.region or _ANY_REGION) if image else image
    specification: Mapping[str, Any] = cloud.definition.get("AlgorithmSpecification") or {}
    return Algorithm(
        image=image,
        name=training.algorithm or "",
        entrypoint=tuple(specification.get("ContainerEntrypoint") or ()),
        arguments=tuple(specification.get("ContainerArguments") or ()),
    )


def instance_group(spec: TuningSpec) -> InstanceGroup:
    """Return the hosts of a training."""
    cloud = spec.sagemaker or SageMaker()
    kind = cloud.choices[0].type if cloud.choices else "local"
    return InstanceGroup("homogeneousCluster", kind, algorithm_hosts(instance_count(spec)))


def instance_count(spec: TuningSpec) -> int:
    """Return how many hosts a training has."""
    cloud = spec.sagemaker or SageMaker()
    return cloud.choices[0].count if cloud.choices else cloud.instance_count


def channel_mode(channel: GivenChannel, spec: TuningSpec) -> str:
    """Return how a training reads a channel: ``File``, ``FastFile`` or ``Pipe``."""
    return channel.input_mode or (spec.sagemaker or SageMaker()).input_mode


def contract_of(spec: TuningSpec, training: Training, trial: Trial, job_name: str) -> TrainingContract:
    """Return what the first host of a trial is told, with all that each channel holds.

    Args:
        spec: What is tuned.
        training: What is trained.
        trial: The configuration.
        job_name: Name of the training job.

    Raises:
        TypeError, ValueError: A hyperparameter cannot be passed on.
    """
    cloud = spec.sagemaker or SageMaker()
    texts = {name: encode_text(value, cloud.quoting) for name, value in {**spec.static, **trial.parameters}.items()}
    if training.entry_point is not None:
        own = {PROGRAM: training.entry_point, CODE: f"{ROOT}/code"}
        texts |= {name: encode_text(value, cloud.quoting) for name, value in own.items()}
        texts.setdefault(LOG_LEVEL, "20")
    group = instance_group(spec)
    modes = {name: channel_mode(channel, spec) for name, channel in training.channels.items()}
    checkpoints = {"S3Uri": cloud.checkpoints, "LocalPath": cloud.checkpoint_path} if cloud.checkpoints else {}
    return TrainingContract(
        job_name,
        region=cloud.region or "",
        hyperparameters={**texts, TUNING_OBJECTIVE: spec.objective.metric},
        channels={
            name: Channel(
                None if modes[name] == "Pipe" else Path(channel.source),
                content_type=channel.content_type,
                mode=modes[name],
                distribution=channel.distribution,
                record_wrapper=channel.record_wrapper or "None",
            )
            for name, channel in training.channels.items()
        },
        groups=(group,),
        current_host=group.hosts[0],
        environment={REPEAT_VARIABLE: str(trial.repeat), **training.environment},
        checkpoints={key: value for key, value in checkpoints.items() if value is not None},
    )


@dataclass(frozen=True, slots=True)
class _Training:
    """A trial that was staged.

    Attributes:
        folders: Host to what it has for ``/opt/ml``.
        left: What is to be closed and cleared when it is over.
    """

    folders: Mapping[str, Path]
    left: contextlib.ExitStack


class Stager:
    """Lays out trials, and clears up after them.

    Args:
        spec: What is tuned.
        training: What is trained.
        placement: What gives each host its ``/opt/ml``.
        code: A copy of the training code, if there is any.
        folder: Number of a trial to what it has for ``/opt/ml``.
        job_name: How the training jobs are called, but for the trial's number.
    """

    def __init__(
        self,
        spec: TuningSpec,
        training: Training,
        placement: Placement,
        *,
        code: Path,
        folder: Callable[[int], Path],
        job_name: str,
    ) -> None:
        self._spec = spec
        self._training = training
        self._placement = placement
        self._code = None if training.entry_point is None else code
        self._folder = folder
        self._job_name = job_name
        self._algorithm = algorithm_of(spec)
        self._staged: dict[int, _Training] = {}

    def stage(self, trial: Trial) -> Staged:
        """Lay out a trial, and say what to run: the first host's folder is the trial's own.

        Raises:
            SpecError: Something that the trial needs is missing.
            TypeError, ValueError: A hyperparameter cannot be passed on.
            OSError: Its folder cannot be written.
        """
        base = self._folder(trial.number)
        job = contract_of(self._spec, self._training, trial, training_job_name(self._job_name, trial.number))
        beside = host_folders(base)
        folders = {host: base if host == job.hosts[0] else beside / host for host in job.hosts}
        for folder in folders.values():
            begin_folder(folder, trial, checkpoints=job.checkpoint_path)
        hosts, code = [], self._ready_code()
        with contextlib.ExitStack() as left:
            for number, (host, folder) in enumerate(folders.items()):
                contract = replace(job, current_host=host, channels=self._channels(job, number, beside))
                left.callback(self._placement.clear, contract)
                hosts.append(self._placement.stage(folder, contract, self._algorithm, code=code))
                self._open_pipes(folder, number, len(folders), left)
            self._staged[trial.number] = _Training(folders, left.pop_all())
        return hosts[0] if len(hosts) == 1 else together(hosts, beside / "hosts.json")

    def clear(self, number: int, status: TrialStatus) -> None:
        """Clear up after a trial, and pack what it made as SageMaker does: ``model.tar.gz`` and ``output.tar.gz``.

        Args:
            number: Its number.
            status: How it ended; one that failed has no model.

        Raises:
            OSError: What it made cannot be packed.
        """
        training = self._staged.pop(number)
        training.left.close()
        first, *others = training.folders.values()
        for made in ("model", "output/data"):
            for other in others:
                _merge(other / made, first / made)
        if status is not TrialStatus.Failed:
            _pack(first / "model", first / "model.tar.gz")
        _pack(first / "output/data", first / "output.tar.gz")

    def _ready_code(self) -> Path | None:
        """Return the training code as the placement's programs need it: images do not have ``smtune.container``."""
        if self._code is None or self._placement.has_smtune:
            return self._code
        ready = self._code.with_name(f"{self._code.name}-packed")
        if not ready.exists():
            with tempfile.TemporaryDirectory(prefix=".packing-", dir=ready.parent) as name:
                folder = Path(name)
                pack_source(self._code, folder / "sourcedir.tar.gz", entry_point=str(self._training.entry_point))
                unpack_code(folder / "sourcedir.tar.gz", folder / "code")
                (folder / "code").rename(ready)
        return ready

    def _channels(self, job: TrainingContract, number: int, beside: Path) -> Mapping[str, Channel]:
        """Return the channels of one host, which may get a part of the files only."""
        channels = dict(job.channels)
        for name, channel in job.channels.items():
            given = self._training.channels[name]
            if channel.source is None or given.distribution != "ShardedByS3Key" or len(job.hosts) == 1:
                continue
            folder = beside / f"{name}-{number}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for file in shard(_files(channel.source), number, len(job.hosts)):
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(_root(channel.source) / file, folder / file)
            channels[name] = replace(channel, source=folder)
        return MappingProxyType(channels)

    def _open_pipes(self, folder: Path, number: int, hosts: int, left: contextlib.ExitStack) -> None:
        for name, channel in self._training.channels.items():
            if channel_mode(channel, self._spec) != "Pipe":
                continue
            source = Path(channel.source)
            sharded = channel.distribution == "ShardedByS3Key"
            files = shard(_files(source), number, hosts) if sharded else sorted(_files(source))
            left.enter_context(
                Pipe(
                    folder / "input/data",
                    name,
                    [_root(source) / file for file in files],
                    compressed=channel.compression == "Gzip",
                    shuffle_seed=channel.shuffle_seed,
                )
            )


def _files(source: Path) -> list[str]:
    """Return the files of a channel, by their paths below its folder."""
    if source.is_file():
        return [source.name]
    return [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]


def _root(source: Path) -> Path:
    return (source.parent if source.is_file() else source).absolute()


def _link_or_copy(file: Path, target: Path) -> None:
    """Show a file under another name, which a container sees as well: there, links by name lead nowhere."""
    try:
        os.link(file.resolve(), target)
    except OSError:  # it lies on another disk
        shutil.copy2(file, target)


def _merge(folder: Path, target: Path) -> None:
    """Copy what is not there yet: of files with the same name, that of the first host counts."""
    for path in sorted(folder.rglob("*")):
        copy = target / path.relative_to(folder)
        if path.is_dir() and not path.is_symlink():
            copy.mkdir(parents=True, exist_ok=True)
        elif not os.path.lexists(copy):
            shutil.copy2(path, copy, follow_symlinks=False)


def _pack(folder: Path, archive: Path) -> None:
    """Pack the content of a folder, if there is any."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    draft = archive.with_name(f"{archive.name}.new")
    with tarfile.open(draft, "w:gz", compresslevel=_QUICK) as file:
        for path in sorted(folder.iterdir()):
            file.add(path, path.name)
    draft.replace(archive)
