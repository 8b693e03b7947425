"""Training jobs on their way from a request to processes that can be started."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from smtune.emulator.service.aws import Aws
from smtune.emulator.service.channels import Input, bucket_of, download, fetch_inputs, objects_below
from smtune.emulator.service.placements import choose_placement
from smtune.emulator.service.settings import Settings
from smtune.emulator.service.training_job import TrainingJob
from smtune.emulator.service.troubles import TrainingError
from smtune.errors import SpecError
from smtune.sandbox import InstanceGroup, Pipe, Staged, TrainingContract, unpack_code
from smtune.sandbox.contract import algorithm_hosts
from smtune.sandbox.programs import submit_directory


@dataclass(frozen=True, slots=True)
class Prepared:
    """A host of a training job that can be started.

    Attributes:
        name: E.g. ``algo-1``.
        staged: Its folder and its program.
        checkpoints: Where it keeps its checkpoints.
        pipes: What it reads channels from; to be closed before the folder goes.
        remarks: What the user should know.
        clear: Removes what it leaves outside of its folder.
    """

    name: str
    staged: Staged
    checkpoints: Path
    pipes: tuple[Pipe, ...]
    remarks: tuple[str, ...]
    clear: Callable[[], None]

    def close(self) -> None:
        """Close the pipes, and clear up. To be called once all hosts have ended."""
        for pipe in self.pipes:
            pipe.close()
        self.clear()


def prepare(
    job: TrainingJob, aws: Aws, settings: Settings, folder: Path, *, unreadable: Callable[[str], object]
) -> list[Prepared]:
    """Download what a training job needs, and lay out a folder for each of its hosts.

    Args:
        job: The job.
        aws: Where its data is.
        settings: How jobs run here.
        folder: Takes all of it; must not be there.
        unreadable: Told, in a thread of a pipe, the ``FailureReason`` of a job whose data cannot be read.

    Raises:
        TrainingError: The request asks for something that is not there, or cannot be had here.
        OSError: The folder cannot be written.
    """
    request = job.request
    bucket = bucket_of(request["OutputDataConfig"]["S3OutputPath"])
    if not aws.bucket_exists(bucket):
        raise TrainingError(f"ClientError: Artifact upload failed: the specified bucket does not exist: {bucket}")
    groups = _groups(request)
    hosts = sorted(host for group in groups for host in group.hosts)
    chosen = choose_placement(request, settings, hosts=len(hosts))
    placement, algorithm = chosen.placement, chosen.algorithm
    region = job.arn.split(":")[3]
    inputs = fetch_inputs(request, aws, folder / "channels", region=region, private=placement.has_read_only)
    prepared: list[Prepared] = []
    with contextlib.ExitStack() as undone:
        for number, host in enumerate(hosts):
            own = [one.of_host(number, len(hosts)) for one in inputs]
            contract = TrainingContract(
                job.name,
                job_arn=job.arn,
                region=region,
                hyperparameters=request.get("HyperParameters") or {},
                channels={one.name: one.channel() for one in own},
                groups=groups,
                current_host=host,
                environment={**chosen.environment, **(request.get("Environment") or {})},
                checkpoints=request.get("CheckpointConfig") or {},
            )
            # A container fetches its code itself.
            code = None if placement.name == "docker" else _code(contract, aws, folder, unpacked=number > 0)
            clear = partial(placement.clear, contract)
            undone.callback(clear)
            try:
                staged = placement.stage(folder / host, contract, algorithm, code=code)
                remarks = tuple(placement.remarks(contract, algorithm, code=code))
            except SpecError as error:
                raise TrainingError.of(error) from None
            checkpoints = staged.base / contract.checkpoint_path
            _restore(request, aws, checkpoints)
            pipes = tuple(_pipes(own, staged, undone, unreadable))
            prepared.append(Prepared(host, staged, checkpoints, pipes, remarks, clear))
        undone.pop_all()
    return prepared


def _groups(request: Mapping[str, Any]) -> tuple[InstanceGroup, ...]:
    resources = request.get("ResourceConfig") or {}
    several = resources.get("InstanceGroups")
    if not several:
        hosts = algorithm_hosts(resources.get("InstanceCount") or 1)
        return (InstanceGroup("homogeneousCluster", resources.get("InstanceType") or "local", hosts),)
    groups, first = [], 1
    for one in several:
        count = one["InstanceCount"]
        groups.append(InstanceGroup(one["InstanceGroupName"], one["InstanceType"], algorithm_hosts(count, first)))
        first += count
    return tuple(groups)


def _code(contract: TrainingContract, aws: Aws, folder: Path, *, unpacked: bool) -> Path | None:
    """Return the folder of the code that the job names in S3; ``None`` if it names none there."""
    address = submit_directory(contract)
    if address is None or not address.startswith("s3://"):
        return None
    code = folder / "code"
    if not unpacked:
        archive = folder / "code.tar.gz"
        folder.mkdir(parents=True, exist_ok=True)
        download(aws, address, archive)
        try:
            unpack_code(archive, code)
        except tarfile.TarError as error:
            raise TrainingError(f"ClientError: {address} cannot be unpacked: {error}") from None
    return code


def _restore(request: Mapping[str, Any], aws: Aws, checkpoints: Path) -> None:
    """Download the checkpoints that there are."""
    config = request.get("CheckpointConfig")
    if config is None:
        return
    for file, address in objects_below(aws, f"{config['S3Uri'].rstrip('/')}/").items():
        path = checkpoints / file
        path.parent.mkdir(parents=True, exist_ok=True)
        aws.download(address, path)


def _pipes(
    inputs: Sequence[Input], staged: Staged, undone: contextlib.ExitStack, unreadable: Callable[[str], object]
) -> list[Pipe]:
    pipes = []
    for one in inputs:
        if one.mode == "Pipe":
            pipe = one.pipe(staged.base / "input" / "data", unreadable)
            undone.callback(pipe.close)
            pipes.append(pipe)
    return pipes
