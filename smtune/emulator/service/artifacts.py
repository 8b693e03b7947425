"""What a training job leaves: its model, its output and its checkpoints, on their way to S3."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from smtune.emulator.service.aws import Aws

_LEVEL: Final = 1  # it only goes to the next folder


class LeftFolder(NamedTuple):
    """A folder in which a host of a training job leaves something.

    A link may be there in place of anything, the folder itself included. Where it leads in a container is not where it
    leads here, so that nothing is read through one that leads out of the folder.

    Attributes:
        base: What the host has as ``/opt/ml``.
        path: The folder, below that; may be missing.
    """

    base: Path
    path: Path

    def entries(self) -> Iterator[tuple[str, Path]]:
        """Yield whatever is there, links as such: its name below the folder, and where it is."""
        if not _leads_into(self.base, self.path):
            return
        for root, names, files in os.walk(self.path):
            names.sort()
            for name in sorted([*names, *files]):
                path = Path(root, name)
                yield str(path.relative_to(self.path)), path

    def file_at(self, path: Path) -> Path | None:
        """Return the file that an entry is, or links to within the folder; ``None`` if it is none."""
        target = Path(os.path.realpath(path))
        return target if _leads_into(self.path, target) and target.is_file() else None


def _leads_into(folder: Path, path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def upload_folder(
    aws: Aws, folders: Sequence[LeftFolder], uri: str, name: str, *, scratch: Path, compressed: bool
) -> None:
    """Upload the content of folders as one: as ``<name>.tar.gz``, or file by file below ``<name>/``.

    Args:
        aws: Where to.
        folders: One for each host; of files with the same name, that of the first counts.
        uri: Where all that the job makes lies, without a slash at its end.
        name: Name of the archive.
        scratch: Folder for the archive.
        compressed: Whether it is packed.

    Raises:
        FileNotFoundError: There is no such bucket.
        OSError: The folders cannot be read, or the archive not be written.
    """
    entries = _merged(folders)
    if not compressed:
        for relative, (folder, path) in entries.items():
            file = folder.file_at(path)
            if file is not None:
                aws.upload(file, f"{uri}/{name}/{relative}")
        return
    archive = scratch / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=_LEVEL) as packed:
        for relative, (_, path) in entries.items():
            packed.add(path, relative, recursive=False)
    aws.upload(archive, f"{uri}/{name}.tar.gz")


def holds_something(folder: LeftFolder) -> bool:
    """Return whether there is anything in a folder that may be missing."""
    return any(folder.entries())


def _merged(folders: Sequence[LeftFolder]) -> dict[str, tuple[LeftFolder, Path]]:
    entries: dict[str, tuple[LeftFolder, Path]] = {}
    for folder in folders:
        for relative, path in folder.entries():
            entries.setdefault(relative, (folder, path))
    return entries


class Checkpoints:
    """Uploads the checkpoints of a training job, those that changed since the last time.

    Args:
        folders: One for each host.
        uri: Where they go.
    """

    def __init__(self, folders: Sequence[LeftFolder], uri: str) -> None:
        self._folders = folders
        self._uri = uri.rstrip("/")
        self._uploaded: dict[str, tuple[int, int]] = {}
        self._uploading = threading.Lock()

    def upload(self, aws: Aws) -> None:
        """Upload what is new; may be called from several threads.

        Raises:
            FileNotFoundError: There is no such bucket.
        """
        with self._uploading:
            for folder in self._folders:
                for relative, path in folder.entries():
                    file = folder.file_at(path)
                    if file is not None:
                        self._upload(file, f"{self._uri}/{relative}", aws)

    def _upload(self, file: Path, uri: str, aws: Aws) -> None:
        try:
            status = file.stat()
            mark = (status.st_size, status.st_mtime_ns)
            if self._uploaded.get(uri) == mark:
                return
            aws.upload(file, uri)
        except FileNotFoundError:  # a training may put another one in its place at any time
            if file.exists():
                raise
            return
        self._uploaded[uri] = mark
