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

_PATIENCE_SECONDS = 10.0


def end_survivors(folders: Collection[Path]) -> None:
    """End processes of trials that are to start afresh in these folders, and wait until they are gone (Linux).

    There are none unless smtune, its launcher and its keepers were killed all at once, and a trial had closed its
    lifeline or had started a session of its own. They are told by the variable ``SAGEMAKER_BASE_DIR``, which a trial
    and its descendants have.

    Args:
        folders: What the trials have for ``/opt/ml``.
    """
    if sys.platform != "linux":
        return
    marks = {b"SAGEMAKER_BASE_DIR=" + os.fsencode(folder.absolute()) for folder in folders}
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for process in list(_marked(marks)):
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], max(0.0, deadline - time.monotonic()))
        os.close(process)


def _marked(marks: set[bytes]) -> Iterator[int]:
    """Yield a descriptor for each process of this user that has one of these variables."""
    for path in Path("/proc").glob("[0-9]*/environ") if marks else ():
        try:
            process = os.pidfd_open(int(path.parent.name))
        except OSError:  # it is gone
            continue
        # Read only now: the descriptor stays with the process even if its number is given to another.
        try:
            is_marked = not marks.isdisjoint(path.read_bytes().split(b"\0"))
        except OSError:  # it is gone, or somebody else's
            is_marked = False
        if is_marked:
            yield process
        else:
            os.close(process)
