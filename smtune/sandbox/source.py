"""A job's own copy of the training code."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

from smtune.errors import Problem, SpecError

_LEFT_OUT: Final = frozenset(
    {
        ".bzr",
        ".eggs",
        ".git",
        ".hg",
        ".idea",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".smtune",
        ".svn",
        ".tox",
        ".venv",
        ".vscode",
        "__pycache__",
        "node_modules",
        "venv",
    }
)


def snapshot_source(source_dir: Path, target: Path, *, leave_out: Collection[Path] = ()) -> None:
    """Copy training code, so that all trials of a job run the same code, whatever is edited meanwhile.

    Version control, caches and virtual environments stay behind, and so does the target if it lies inside. A link
    within the code stays one; a linked file from elsewhere is copied; a linked folder from elsewhere, probably data,
    is linked again.

    Args:
        source_dir: Folder with the training code.
        target: The copy; must not exist. It appears under this name when it is complete.
        leave_out: Files and folders inside that are no code, such as channels.

    Raises:
        FileExistsError: ``target`` is there already.
        SpecError: Something in ``source_dir`` cannot be read; that is the field.
        OSError: ``source_dir`` is not there, or ``target`` cannot be written.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    root = source_dir.resolve(strict=True)
    target = target.absolute()
    partial = target.with_name(target.name + ".partial")
    with contextlib.suppress(FileNotFoundError):  # of an attempt that was killed
        shutil.rmtree(partial)
    partial.parent.mkdir(parents=True, exist_ok=True)
    skipped = {path.resolve() for path in (*leave_out, target, partial)}
    _copy_folder(root, partial, root=root, copied_root=partial, skipped=skipped)
    partial.rename(target)


def unpack_code(archive: Path, target: Path) -> None:
    """Unpack training code as the SageMaker SDKs pack it.

    Args:
        archive: A tar file, compressed or not.
        target: Folder for its content; made if it is missing.

    Raises:
        tarfile.TarError: It is no such file, or a damaged one, or would write elsewhere.
        OSError: ``target`` cannot be written.
    """
    import gzip
    import tarfile
    import zlib

    try:
        with tarfile.open(archive) as file:
            file.extractall(target, filter="data")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise tarfile.ReadError(f"it is damaged: {error}") from error


def _copy_folder(folder: Path, target: Path, *, root: Path, copied_root: Path, skipped: Collection[Path]) -> None:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None
    target.mkdir()
    for entry in entries:
        path, copy = Path(entry.path), target / entry.name
        if entry.name in _LEFT_OUT or path in skipped:
            continue
        if entry.is_symlink():
            _copy_link(path, copy, root=root, copied_root=copied_root)
        elif entry.is_dir():
            if not (path / "pyvenv.cfg").exists():
                _copy_folder(path, copy, root=root, copied_root=copied_root, skipped=skipped)
        elif entry.is_file():  # no socket, no pipe
            _copy_file(path, copy)


def _copy_file(path: Path, copy: Path) -> None:
    try:
        shutil.copy2(path, copy)
    except OSError:
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            raise _unreadable(path, error) from None
        raise


def _unreadable(path: Path, error: OSError) -> SpecError:
    rule = f"cannot be read: {error.strerror}"
    return SpecError([Problem("source_dir", str(path), rule, "make it readable, or move it out of source_dir")])


def _copy_link(path: Path, copy: Path, *, root: Path, copied_root: Path) -> None:
    destination = path.resolve()
    if destination.is_relative_to(root):
        copy.symlink_to(os.path.relpath(copied_root / destination.relative_to(root), copy.parent))
    elif destination.is_file():
        _copy_file(path, copy)
    else:
        copy.symlink_to(destination)
