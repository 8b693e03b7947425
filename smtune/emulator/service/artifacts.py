"""What a training job leaves: its model, its output and its checkpoints, on their way to S3."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from smtune.emulator.service.aws import Aws

_LEVEL: Final = 1  # it only goes to the next folder


def upload_folder(aws: Aws, folders: Sequence[Path], uri: str, name: str, *, scratch: Path, compressed: bool) -> None:
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
        for relative, path in entries.items():
            if path.is_file():
                aws.upload(path, f"{uri}/{name}/{relative}")
        return
    archive = scratch / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=_LEVEL) as file:
        for relative, path in entries.items():
            file.add(path, relative, recursive=False)
    aws.upload(archive, f"{uri}/{name}.tar.gz")


def holds_something(folder: Path) -> bool:
    """Return whether there is anything in a folder that may be missing."""
    return folder.is_dir() and any(folder.iterdir())


def _merged(folders: Sequence[Path]) -> dict[str, Path]:
    entries: dict[str, Path] = {}
    for folder in folders:
        for path in _below(folder):
            entries.setdefault(str(path.relative_to(folder)), path)
    return entries


def _below(folder: Path) -> Iterator[Path]:
    for root, names, files in os.walk(folder):
        names.sort()
        for name in sorted([*names, *files]):
            yield Path(root, name)


class Checkpoints:
    """Uploads the checkpoints of a training job, those that changed since the last time.

    Args:
        folders: One for each host.
        uri: Where they go.
    """

    def __init__(self, folders: Sequence[Path], uri: str) -> None:
        self._folders = folders
        self._uri = uri.rstrip("/")
        self._uploaded: dict[Path, tuple[int, int]] = {}
        self._uploading = threading.Lock()

    def upload(self, aws: Aws) -> None:
        """Upload what is new; may be called from several threads.

        Raises:
            FileNotFoundError: There is no such bucket.
        """
        with self._uploading:
            for folder in self._folders:
                for path in _below(folder):
                    self._upload(path, folder, aws)

    def _upload(self, path: Path, folder: Path, aws: Aws) -> None:
        try:
            status = path.stat()
        except FileNotFoundError:  # a training may put another one in its place at any time
            return
        mark = (status.st_size, status.st_mtime_ns)
        if not path.is_file() or self._uploaded.get(path) == mark:
            return
        try:
            aws.upload(path, f"{self._uri}/{path.relative_to(folder)}")
        except FileNotFoundError:
            if path.exists():
                raise
            return
        self._uploaded[path] = mark
