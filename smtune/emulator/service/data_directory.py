"""The directory that keeps an emulator's state.

============================  ======================================================================
path                          what is there
============================  ======================================================================
lock                          held by the emulator that uses the directory
emulator.sqlite               jobs, tags, logs, metrics, and which file is which object
s3/BUCKET/KEY                 objects whose keys can be paths of files
objects/NUMBER                the other objects
drafts/ANY                    objects on the way to their place
searches/ACCOUNT/REGION/N     the logs of a tuning job's search
removed-ANY                   what a reset left, until it is gone
============================  ======================================================================
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from smtune.emulator.service.records import Records
from smtune.errors import Problem, SpecError, StoreError
from smtune.store import FileHeldError, FileLease

_DATABASE: Final = "emulator.sqlite"
_LOCK: Final = "lock"
_OWN: Final = frozenset({_LOCK, _DATABASE, f"{_DATABASE}-wal", f"{_DATABASE}-shm", f"{_DATABASE}-journal"})
_FOLDERS: Final = ("s3", "objects", "drafts", "searches")
_REMOVED: Final = "removed-"


class DataDirectory:
    """An emulator's directory, its own until :meth:`close`; read by any number of others that only look.

    Args:
        path: Where; made if it is missing.
        read_only: Look at it only: nothing in it changes, and another emulator may be using it.

    Attributes:
        path: Where it is.
        read_only: Whether it is only looked at.
        records: What it says of everything.

    Raises:
        SpecError: It is another program's, it cannot be written, or another emulator uses it.
        StoreError: What it holds is damaged, or a newer smtune wrote it.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path.absolute()
        self.read_only = read_only
        self._lease: FileLease | None = None
        self._closed = False
        _check(self.path, read_only=read_only)
        if not read_only:
            self._lease = _leased(self.path)
        try:
            self.records = Records(self.path / _DATABASE, read_only=read_only)
        except BaseException:
            self._release()
            raise
        if read_only:
            return
        try:
            self._clear_away()
        except OSError as error:
            self.close()
            text = f"{self.path}: what was on its way cannot be put in its place: {error}; make room and access"
            raise StoreError(text) from error
        except BaseException:
            self.close()
            raise

    def searches(self, place: str) -> Path:
        """Return the folder for the logs of the searches of an account and region."""
        return self.path / "searches" / place

    def draft(self) -> Path:
        """Return the path of a new file in a folder that exists; no two drafts ever have the same name."""
        folder = self.path / "drafts"
        folder.mkdir(exist_ok=True)
        return folder / uuid4().hex

    def content(self, path: str, draft: str | None) -> Path:
        """Return the file of an object.

        Args:
            path: Its place, as seen from the directory.
            draft: Name of the draft that it came from; it may not have come to its place yet.
        """
        if self.read_only and draft is not None and (self.path / "drafts" / draft).exists():
            return self.path / "drafts" / draft
        return self.path / path

    def remove(self, path: str) -> None:
        """Remove a file, or a folder of a search, which nothing needs any more; its removal was noted as due.

        Args:
            path: As seen from the directory.
        """
        whole = self.path / path
        try:
            if whole.is_dir() and not whole.is_symlink():
                shutil.rmtree(whole)
            else:
                whole.unlink(missing_ok=True)
        except OSError:  # it is noted: the next emulator tries again
            return
        self.records.is_gone(path)
        if path.startswith("s3/"):
            self._remove_empty(whole.parent)

    def _remove_empty(self, folder: Path) -> None:
        with suppress(OSError):  # not empty
            while folder.parent != self.path:
                folder.rmdir()
                folder = folder.parent

    def forget(self) -> None:
        """Forget everything; big files may take a moment more to go.

        Raises:
            StoreError: The disk does not let it.
        """
        if self.read_only or self._closed:
            return
        self.records.clear(*_FOLDERS)
        self._put_away(_FOLDERS)
        self.records.commit()

    def close(self) -> None:
        """Write what is left to write, and let others use it. Idempotent.

        Raises:
            StoreError: The disk does not let it be written.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self.records.commit()
        finally:
            self.records.close()
            self._release()

    def _release(self) -> None:
        if self._lease is not None:
            self._lease.release()

    def _clear_away(self) -> None:
        """Remove what an emulator that was killed was about to remove."""
        garbage = self.records.garbage()
        self._put_away([path for path in garbage if path in _FOLDERS])
        for path in set(garbage) - set(_FOLDERS):
            self.remove(path)
        for draft in self._drafts():
            self._finish(draft)
        self.records.commit()

    def _drafts(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return list((self.path / "drafts").iterdir())
        return []

    def _finish(self, draft: Path) -> None:
        """Put an object where it belongs, if it was so far that its place was written."""
        found = self.records.rows("SELECT path FROM object WHERE draft = ?", draft.name)
        for (path,) in found:
            whole = self.path / path
            whole.parent.mkdir(parents=True, exist_ok=True)
            draft.replace(whole)
        draft.unlink(missing_ok=True)

    def _put_away(self, folders: Iterable[str]) -> None:
        """Have folders out of the way at once, and gone soon."""
        for name in folders:
            with suppress(FileNotFoundError):
                (self.path / name).rename(self.path / f"{_REMOVED}{uuid4().hex}")
            self.records.is_gone(name)
        for left in self.path.glob(f"{_REMOVED}*"):
            threading.Thread(target=shutil.rmtree, args=(left, True), name="smtune-remove", daemon=True).start()


def _check(path: Path, *, read_only: bool) -> None:
    """Refuse a directory that is another program's before anything is written there."""
    try:
        found = {entry.name for entry in path.iterdir()}
    except FileNotFoundError:
        if read_only:
            raise _problem(path, "does not exist", "name the directory of an emulator") from None
        found = set()
    except NotADirectoryError:
        raise _problem(path, "must be a directory", "name another") from None
    except OSError as error:
        raise _problem(path, f"cannot be read: {error.strerror}", "make it readable, or name another") from None
    if _DATABASE in found:
        return
    foreign = sorted(found - _OWN)
    if foreign:
        rule = f"must be empty or an emulator's; it is neither: it holds {foreign[0]}"
        raise _problem(path, rule, "name another directory")
    if read_only:
        raise _problem(path, "holds nothing of an emulator", "name the directory of an emulator")


def _leased(path: Path) -> FileLease:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise _problem(path, "cannot be written", "make it writable, or name another directory")
    except OSError as error:
        fix = "make it writable, or name another directory"
        raise _problem(path, f"cannot be written: {error.strerror}", fix) from None
    try:
        return FileLease(path / _LOCK)
    except FileHeldError as held:
        rule = f"is in use by {held}: one emulator at a time"
        raise _problem(path, rule, "end that emulator, or name another directory") from None
    except StoreError as error:
        raise _problem(path, f"cannot be locked: {error.__cause__}", "name a directory on a local disk") from None


def _problem(path: Path, rule: str, fix: str) -> SpecError:
    return SpecError([Problem("data", str(path), f"{path} {rule}", fix)])  # long values are cut
