"""Trials that outlived everything that was there to end them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from smtune.sandbox.namespace import ROOT

_PATIENCE_SECONDS = 10.0


def end_survivors(folders: Collection[Path]) -> None:
    """End processes of trials that are to start afresh in these folders, and wait until they are gone (Linux).

    There are none unless smtune, its launcher and its keepers were killed all at once, and a trial had closed its
    lifeline or had started a session of its own. They are told by the variable ``SAGEMAKER_BASE_DIR``, which a trial
    and its descendants have, or by the folder that they see as ``/opt/ml``.

    Args:
        folders: What the trials have for ``/opt/ml``.
    """
    if sys.platform != "linux":
        return
    there = [folder.absolute() for folder in folders if folder.is_dir()]
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for process in list(_processes_of(there)):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], max(0.0, deadline - time.monotonic()))
        os.close(process)


def _processes_of(folders: Collection[Path]) -> Iterator[int]:
    """Yield a descriptor for each process of this user that has one of these folders for ``/opt/ml``."""
    marks = {b"SAGEMAKER_BASE_DIR=" + os.fsencode(folder) for folder in folders}
    identities = {(status.st_dev, status.st_ino) for status in (folder.stat() for folder in folders)}
    for path in Path("/proc").glob("[0-9]*") if folders else ():
        try:
            process = os.pidfd_open(int(path.name))
        except OSError:  # it is gone
            continue
        # Read only now: the descriptor stays with the process even if its number is given to another.
        if _has_variable(path, marks) or _root_of(path) in identities:
            yield process
        else:
            os.close(process)


def _has_variable(process: Path, marks: set[bytes]) -> bool:
    try:
        return not marks.isdisjoint((process / "environ").read_bytes().split(b"\0"))
    except OSError:  # it is gone, or somebody else's
        return False


def _root_of(process: Path) -> tuple[int, int] | None:
    """Return what tells the folder that a process sees as ``/opt/ml``, in whatever namespace it is."""
    try:
        status = Path(f"{process}/root{ROOT}").stat()
    except OSError:  # it has none, is gone, or is somebody else's
        return None
    return status.st_dev, status.st_ino
