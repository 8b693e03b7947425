"""Why a host of a training job ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from smtune.runners.launcher.notices import Broken, Exited, describe_exit
from smtune.runners.output import error_line, traceback_cause
from smtune.sandbox.left_files import beginning_of

_LONGEST_REASON: Final = 1024


def failure_of(notice: Exited | Broken, *, said: Path, tail: Sequence[str]) -> str | None:
    """Return the ``FailureReason`` of a host that ended; ``None`` if it ended well.

    Args:
        notice: How it ended.
        said: The file in which it may say why.
        tail: The last lines of its log.
    """
    if isinstance(notice, Broken):
        return f"AlgorithmError: {notice.reason}"
    if notice.exit_code == 0:
        return None
    cause = beginning_of(said, _LONGEST_REASON) or traceback_cause(tuple(tail)) or error_line(tuple(tail))
    if notice.exit_code < 0:
        code = 128 - notice.exit_code  # as a shell tells it
        return f"AlgorithmError: {cause or describe_exit(notice.exit_code)}, exit code: {code}"
    return f"AlgorithmError: {cause or ''}, exit code: {notice.exit_code}"
