"""A *progress display* shows a job to the person who waits for it; the *summary* is what they read at its end.

Displays write to stderr, so that stdout is left to results: a table drawn in place in a terminal, an output cell drawn
in place in a notebook, and a line per trial anywhere else.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager

from smtune.progress.base import Progress
from smtune.progress.streams import forgiving
from smtune.progress.summary import summary
from smtune.results import TuningResult

__all__ = ["Progress", "open_progress", "summary"]


def open_progress(result: TuningResult, *, enabled: bool) -> AbstractContextManager[Progress]:
    """Return the display that suits where the process runs.

    Args:
        result: The job as it stands.
        enabled: Whether to show anything at all.
    """
    if not enabled:
        return Progress()
    from smtune.progress.notebook import NotebookProgress, notebook_publisher

    publish = notebook_publisher()
    if publish is not None:
        return NotebookProgress(result, publish)
    if sys.stderr is None:  # a process without a console
        return Progress()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from smtune.progress.terminal import TerminalProgress

        return TerminalProgress(result, forgiving(sys.stderr))
    from smtune.progress.lines import LineProgress

    return LineProgress(result, forgiving(sys.stderr))
