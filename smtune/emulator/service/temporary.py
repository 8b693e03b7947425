"""Temporary folders that the next emulator removes if the one that made them was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from smtune.errors import StoreError
from smtune.store import FileHeldError, FileLease

_PREFIXES: Final = ("smtune-emulator-", "smtune-training-")
_OWNER: Final = "owner"
"""The file whose lease says that whoever made a folder is alive."""


class TemporaryFolder:
    """A folder that goes with this object, or with its process.

    Args:
        prefix: How its name begins.
        parent: Where it is made; ``None`` for where temporary files go.

    Attributes:
        path: Where it is.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        base = Path(tempfile.gettempdir()) if parent is None else parent
        base.mkdir(parents=True, exist_ok=True)
        _clear_away(base)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
        draft = self.path / f"{_OWNER}.new"
        lease = FileLease(draft)
        draft.rename(self.path / _OWNER)  # nobody finds it before it is held
        self._finalizer = weakref.finalize(self, _remove, self.path, lease)

    def close(self) -> None:
        """Remove it. Idempotent."""
        self._finalizer()


@cache
def _clear_away(base: Path) -> None:
    """Remove, once per process and in a thread of its own, the folders whose owners are gone."""
    # `Path.exists` would raise where another user's folder may not be looked into.
    left = [path for path in base.iterdir() if path.name.startswith(_PREFIXES) and os.path.exists(path / _OWNER)]  # noqa: PTH110
    if left:
        threading.Thread(target=_remove_ownerless, args=(left,), name="smtune-clear-away", daemon=True).start()


def _remove_ownerless(folders: list[Path]) -> None:
    for folder in folders:
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lease = FileLease(folder / _OWNER)
        except (OSError, StoreError, FileHeldError):  # it has an owner, or is gone by now
            continue
        _remove(folder, lease)


def _remove(folder: Path, lease: FileLease) -> None:
    """Remove a folder; what says that it has no owner goes last, so that somebody can go on with this."""
    with lease, suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _OWNER:
                path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
