"""Progress for terminals: a header, a bar and a few rows, drawn in place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from smtune.progress.base import Progress
from smtune.progress.board import Board, Row
from smtune.results import TuningResult
from smtune.trial import Trial, TrialStatus

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

_REFRESHES_PER_SECOND = 4
_BAR_WIDTH = 36
_STYLES = {
    TrialStatus.InProgress: "cyan",
    TrialStatus.Completed: "green",
    TrialStatus.Failed: "red",
    TrialStatus.Stopped: "yellow",
}


class TerminalProgress(Progress):
    """Draws the job in place, four times a second, whatever the pace of its trials.

    Args:
        result: The job as it stands.
        stream: A terminal.
    """

    def __init__(self, result: TuningResult, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._board = Board(result)
        console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._live = Live(
            _Picture(self._board),
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            # What Python functions print while they train goes above the picture instead of through it; but what goes to
            # a file or a pipe stays there.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            redirect_stderr=True,
        )
        try:
            self._live.start(refresh=True)
        except BaseException:  # Ctrl-C: nobody else could give back the streams and the cursor
            self._live.stop()
            raise

    def update(self, trial: Trial) -> None:
        """Take in a state of a trial; the next redraw shows it."""
        self._board.update(trial)

    def stopping(self, *, force: bool, by: str = "") -> None:
        """Show what the user's Ctrl-C has done."""
        self._board.stopping(force=force, by=by)
        self._live.refresh()

    def tell(self, text: str) -> None:
        """Show what keeps the job from being watched."""
        self._board.tell(text)

    def finish(self, result: TuningResult) -> None:
        """Take in every trial as it stands now, for the last picture."""
        for trial in result.trials:
            self._board.update(trial)

    def close(self) -> None:
        """Leave the last picture on the screen, and the cursor below it."""
        self._board.close()
        self._live.stop()


class _Picture:
    """A board, drawn to the width and height of the terminal at that moment."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from rich.text import Text

        lines = [Text(self._board.header, style="bold"), self._bar(options.max_width)]
        rows, others = self._board.rows(console.height - len(lines) - 2)
        number_width = max((len(str(row.number)) for row in rows), default=1)
        lines += [_row_text(row, number_width, options.max_width) for row in rows]
        if others:
            lines.append(Text(f"  and {others} more under way", style="dim"))
        if self._board.notice:
            lines.append(Text(self._board.notice, style="yellow"))
        for line in lines:
            line.truncate(options.max_width, overflow="ellipsis")
            line.no_wrap = True
            yield line

    def _bar(self, width: int) -> Text:
        from rich.text import Text

        facts = "  ".join(self._board.facts())
        room = min(_BAR_WIDTH, width - len(facts) - 4)
        if self._board.planned is None or room < 5:
            return Text(f"  {facts}")
        done = room * min(self._board.ended, self._board.planned) // max(1, self._board.planned)
        return Text.assemble("  ", ("━" * done, "green"), ("━" * (room - done), "bright_black"), f" {facts}")


def _row_text(row: Row, number_width: int, width: int) -> Text:
    """Return a row in which the note has its place before the parameters."""
    from rich.text import Text

    line = Text.assemble(
        f"  {row.number:>{number_width}}  ", (f"{row.status.value:<10}", _STYLES[row.status]), f"  {row.objective:<9}  "
    )
    note = Text(row.note)
    note.truncate(max(0, width - line.cell_len), overflow="ellipsis")
    parameters = Text(row.parameters, style="dim")
    parameters.truncate(max(0, width - line.cell_len - note.cell_len - 2), overflow="ellipsis")
    if parameters.cell_len and note.cell_len:
        parameters.append("  ")
    return line.append_text(parameters).append_text(note)
