"""Prints results on stdout."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import typer

from smtune.cli.places import reference
from smtune.progress import summary
from smtune.results import TuningResult


def print_json(value: Any) -> None:
    """Print plain values as JSON."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def print_summary(result: TuningResult, *, trials_shown: bool = False) -> None:
    """Print what came of a job."""
    typer.echo(summary(result, trials_shown=trials_shown, reference=reference(result.name, result.backend)))


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: frozenset[str] = frozenset(),
    gives_way: str | None = None,
) -> None:
    """Print aligned columns: whole in a pipe, cut to its width in a terminal.

    Args:
        header: Names of the columns.
        rows: Texts, as many per row as there are columns.
        numbers: Names of the columns that are aligned right.
        gives_way: Name of the column that is cut before all others are.
    """
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if limit is not None and gives_way is not None:
        place = list(header).index(gives_way)
        excess = sum(widths) + 2 * (len(widths) - 1) - limit
        widths[place] = max(cell_len(gives_way), widths[place] - max(0, excess))
        rows = [[_cut(cell, widths[place]) if at == place else cell for at, cell in enumerate(row)] for row in rows]
    for row in (header, *rows):
        cells = [
            " " * (width - cell_len(cell)) + cell if name in numbers else cell + " " * (width - cell_len(cell))
            for cell, width, name in zip(row, widths, header, strict=True)
        ]
        line = "  ".join(cells).rstrip()
        typer.echo(line if limit is None else _cut(line, limit))


def _cut(text: str, width: int) -> str:
    """Return a text of at most this width."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
