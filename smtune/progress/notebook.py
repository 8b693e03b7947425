"""Progress for notebooks: one output cell that is drawn anew."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from html import escape

from smtune.progress.base import Progress
from smtune.progress.board import Board, Row
from smtune.results import TuningResult
from smtune.trial import Trial

Publish = Callable[[str], None]
"""Puts HTML in the place of what it put there before."""

_REDRAW_SECONDS = 0.5
_SHOWN_ROWS = 12


class NotebookProgress(Progress):
    """Draws the job twice a second, whatever the pace of its trials.

    Args:
        result: The job as it stands.
        publish: Where to draw.
    """

    def __init__(self, result: TuningResult, publish: Publish) -> None:
        self._board = Board(result)
        self._publish = publish
        self._closed = threading.Event()
        self._publish(self._html())
        self._thread = threading.Thread(target=self._redraw, name="smtune-progress", daemon=True)
        self._thread.start()

    def update(self, trial: Trial) -> None:
        """Take in a state of a trial; the next redraw shows it."""
        self._board.update(trial)

    def stopping(self, *, force: bool, by: str = "") -> None:
        """Show what the interruption has done."""
        self._board.stopping(force=force, by=by)

    def tell(self, text: str) -> None:
        """Show what keeps the job from being watched."""
        self._board.tell(text)

    def finish(self, result: TuningResult) -> None:
        """Take in every trial as it stands now, for the last picture."""
        for trial in result.trials:
            self._board.update(trial)

    def close(self) -> None:
        """Draw the last picture."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join()
        self._board.close()
        self._publish(self._html())

    def _redraw(self) -> None:
        while not self._closed.wait(_REDRAW_SECONDS):
            self._publish(self._html())

    def _html(self) -> str:
        board = self._board
        rows, others = board.rows(_SHOWN_ROWS)
        bar = f'<progress value="{board.ended}" max="{board.planned}"></progress> ' if board.planned is not None else ""
        parts = [
            f"<b>{escape(board.header)}</b>",
            f"<div>{bar}{escape('  '.join(board.facts()))}</div>",
            f"<table>{''.join(_row_html(row) for row in rows)}</table>",
            f"<div>and {others} more under way</div>" if others else "",
            f"<div>{escape(board.notice)}</div>" if board.notice else "",
        ]
        return f"<div>{''.join(parts)}</div>"


def notebook_publisher() -> Publish | None:
    """Return what draws in the running notebook, or ``None`` if this is none.

    IPython is used only where it is loaded already: in a notebook it always is.
    """
    if "IPython" not in sys.modules:
        return None
    session = importlib.import_module("IPython").get_ipython()
    if not hasattr(session, "kernel"):
        return None  # IPython in a terminal, or merely imported
    display = importlib.import_module("IPython.display")
    handle = display.display(display.HTML(""), display_id=True)

    def publish(html: str) -> None:
        handle.update(display.HTML(html))

    return publish


def _row_html(row: Row) -> str:
    cells = [str(row.number), row.status.value, row.objective, row.parameters, row.note]
    return "<tr>" + "".join(f'<td style="text-align: left">{escape(cell)}</td>' for cell in cells) + "</tr>"
