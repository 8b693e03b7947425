"""The data of a training job: from S3 to the folders of its hosts."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from smtune.emulator.service.aws import Aws
from smtune.emulator.service.errors import validation
from smtune.emulator.service.troubles import TrainingError
from smtune.errors import Problem, SpecError
from smtune.sandbox import Channel, Pipe
from smtune.sandbox.inputs import channel_problems, protect, read_manifest, shard

_S3: Final = "s3://"
_NAME: Final = re.compile(r"(?!\.+$)[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Input:
    """The data of a channel, here.

    Attributes:
        name: Name of the channel.
        mode: ``File``, ``FastFile`` or ``Pipe``.
        folder: Takes what is downloaded.
        files: Where each file lies below the folder, sorted.
        request: What was asked for.
    """

    name: str
    mode: str
    folder: Path
    files: tuple[str, ...]
    request: Mapping[str, Any]

    @property
    def is_sharded(self) -> bool:
        """Whether each host gets its part only."""
        return self._source.get("S3DataDistributionType") == "ShardedByS3Key"

    @property
    def _source(self) -> Mapping[str, Any]:
        source: Mapping[str, Any] = self.request["DataSource"]["S3DataSource"]
        return source

    def of_host(self, host: int, hosts: int) -> Input:
        """Return what one host gets.

        Args:
            host: Number of the host, from 0.
            hosts: How many there are.
        """
        if not self.is_sharded or hosts == 1:
            return self
        part = tuple(shard(self.files, host, hosts))
        folder = self.folder.with_name(f"{self.folder.name}-{host}")
        folder.mkdir(exist_ok=True)
        for file in part:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            os.link(self.folder / file, folder / file)
        return Input(self.name, self.mode, folder, part, self.request)

    def channel(self) -> Channel:
        """Return what the sandbox makes of it."""
        return Channel(
            None if self.mode == "Pipe" else self.folder,
            content_type=self.request.get("ContentType"),
            mode=self.mode,
            distribution=self._source.get("S3DataDistributionType", "FullyReplicated"),
            record_wrapper=self.request.get("RecordWrapperType", "None"),
        )

    def pipe(self, folder: Path, unreadable: Callable[[str], object]) -> Pipe:
        """Return the pipe that a host reads it from.

        Args:
            folder: Its ``input/data``.
            unreadable: Told, in the pipe's thread, the ``FailureReason`` of a job whose data cannot be read.

        Raises:
            OSError: The pipe cannot be made.
        """

        def failed(file: Path, reason: Exception) -> None:
            name, address = file.relative_to(self.folder), self._source["S3Uri"]
            why = " ".join(str(reason).split())
            unreadable(f"ClientError: channel {self.name}: {name} below {address} cannot be read: {why}")

        return Pipe(
            folder,
            self.name,
            [self.folder / file for file in self.files],
            compressed=self.request.get("CompressionType") == "Gzip",
            shuffle_seed=(self.request.get("ShuffleConfig") or {}).get("Seed"),
            failed=failed,
        )


_NO_PATH: Final = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EILSEQ)
"""What the system says of keys that are no paths of files: too long, or both a file and a folder."""


def fetch_inputs(request: Mapping[str, Any], aws: Aws, folder: Path, *, region: str, private: bool) -> list[Input]:
    """Download the channels of a training job.

    Args:
        request: The job's.
        aws: Where the data is.
        folder: Takes a folder for each channel.
        region: For the message.
        private: Whether a namespace keeps hosts from writing to what is read-only.

    Raises:
        TrainingError: A channel has no data, or cannot be read here.
        OSError: The data cannot be written.
    """
    default = (request.get("AlgorithmSpecification") or {}).get("TrainingInputMode") or "File"
    inputs = []
    for channel in request.get("InputDataConfig") or ():
        mode = channel.get("InputMode") or default
        one = _fetch(channel, mode, aws, folder, place=(request.get("RoleArn"), region))
        if mode == "FastFile" and not private:
            protect(one.folder)
        inputs.append(one)
    return inputs


def _fetch(channel: Mapping[str, Any], mode: str, aws: Aws, folder: Path, *, place: tuple[str | None, str]) -> Input:
    name = channel["ChannelName"]
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        problem = Problem("DataSource", "FileSystemDataSource", "is not emulated", "take S3DataSource")
        raise TrainingError.of(SpecError([problem.under(f"InputDataConfig.{name}")]))
    wrapper = channel.get("RecordWrapperType") or "None"
    problems = channel_problems(data_type=source["S3DataType"], mode=mode, record_wrapper=wrapper)
    if problems:
        raise TrainingError.of(SpecError([problem.under(f"InputDataConfig.{name}") for problem in problems]))
    target = folder / name
    if not _NAME.fullmatch(name) or target.exists():
        rule = "is the name of another channel, too" if target.exists() else "is no name for a channel"
        raise TrainingError.of(SpecError([Problem("InputDataConfig.ChannelName", name, rule, "rename it")]))
    target.mkdir(parents=True)
    addresses = _addresses(source, aws, target)
    if not addresses:
        raise TrainingError(f"ClientError: {_nothing_there(source['S3Uri'], *place)}")
    for file, address in sorted(addresses.items()):
        path = target / file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            download(aws, address, path)
        except OSError as error:
            if error.errno not in _NO_PATH:
                raise
            why = f"{address} cannot be a file beside the others: {error.strerror}"
            raise TrainingError(f"ClientError: Data download failed: {why}") from None
    return Input(name, mode, target, tuple(sorted(addresses)), channel)


def _addresses(source: Mapping[str, Any], aws: Aws, folder: Path) -> dict[str, str]:
    """Return where files of a channel go to where they come from."""
    uri: str = source["S3Uri"]
    if source["S3DataType"] != "ManifestFile":
        return objects_below(aws, uri)
    manifest = folder.with_name(f"{folder.name}.manifest")
    download(aws, uri, manifest)
    text = manifest.read_text("utf-8", "replace")
    try:
        addresses = read_manifest(text, uri)
    except SpecError as error:
        raise TrainingError.of(error) from None
    prefix = json.loads(text)[0]["prefix"]
    return {file: address for address in addresses if (file := _safe(address.removeprefix(prefix)))}


def objects_below(aws: Aws, uri: str) -> dict[str, str]:
    """Return the objects whose addresses begin like ``uri``: where each goes, relative to the folder of all, and where it is.

    What begins with ``s3://bucket/train`` is a folder of this name, or an object, or several whose names begin so.
    """
    found = {}
    folder = uri if uri.endswith("/") else f"{uri}/"
    beside = uri[: uri.rindex("/") + 1]
    for one in aws.objects(uri):
        relative = one.uri[len(folder if one.uri.startswith(folder) else beside) :]
        if not one.uri.endswith("/") and (file := _safe(relative)):
            found[file] = one.uri
    return found


def download(aws: Aws, uri: str, path: Path) -> None:
    """Download an object.

    Raises:
        TrainingError: It is not there.
    """
    try:
        aws.download(uri, path)
    except FileNotFoundError:
        raise TrainingError(f"ClientError: Data download failed: there is no object {uri}") from None


def _safe(relative: str) -> str:
    """Return a path that leads nowhere else."""
    return "/".join(part for part in PurePosixPath(relative).parts if part not in {"/", "..", "."})


def bucket_of(uri: str) -> str:
    """Return the bucket of an address in S3.

    >>> bucket_of("s3://models/churn")
    'models'
    """
    return uri.removeprefix(_S3).partition("/")[0]


def check_places(request: Mapping[str, Any], aws: Aws, *, region: str) -> None:
    """Look whether the data of a training job is there, and the bucket of its output: SageMaker does before it takes a job.

    Args:
        request: As of ``CreateTrainingJob``.
        aws: Where its data is.
        region: For the message.

    Raises:
        ServiceError: One of them is not there.
    """
    for channel in request.get("InputDataConfig") or ():
        source = channel["DataSource"].get("S3DataSource")
        if source is not None and next(iter(aws.objects(source["S3Uri"])), None) is None:
            raise validation(_nothing_there(source["S3Uri"], request.get("RoleArn"), region))
    bucket = bucket_of(request["OutputDataConfig"]["S3OutputPath"])
    if not aws.bucket_exists(bucket):
        raise validation(f"OutputDataConfig.S3OutputPath: the specified bucket does not exist: {bucket}")


def _nothing_there(uri: str, role: str | None, region: str) -> str:
    """Return what SageMaker says of a channel without data."""
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
        f'exists in the selected region ({region}), that objects exist under that S3 prefix, and that the role "{role}" has '
        f'"s3:ListBucket" permissions on bucket "{bucket_of(uri)}".'
    )
