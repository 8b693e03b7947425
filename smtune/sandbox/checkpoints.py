"""What a training finds of its own when it goes on after a pause."""

from __future__ import annotations

import shutil
from pathlib import Path

_KEPT = ".paused"


def restore_checkpoints(base: Path, resource: int, *, folder: str = "checkpoints") -> None:
    """Put the checkpoints of a training back to what they were at its last pause.

    When it goes on for the first time, they are kept aside; when it does so again, because it was killed on its way,
    it finds these. So it repeats what nobody had read of its reports.

    Args:
        base: Its folder, as of :func:`smtune.sandbox.stage`.
        resource: How far it goes this time, which tells its pauses apart.
        folder: Where it keeps its checkpoints, relative to its own.

    Raises:
        OSError: The folder cannot be written.
    """
    checkpoints, kept = base / folder, base / _KEPT / str(resource)
    if kept.is_dir():
        shutil.rmtree(checkpoints, ignore_errors=True)
        shutil.copytree(kept, checkpoints, symlinks=True)
        return
    shutil.rmtree(base / _KEPT, ignore_errors=True)
    draft = base / _KEPT / "draft"
    if checkpoints.is_dir():
        shutil.copytree(checkpoints, draft, symlinks=True)
    else:
        draft.mkdir(parents=True)
    draft.rename(kept)  # whole, or not at all
