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


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: frozenset[str] = frozenset()) -> None:
    """Print aligned columns: whole in a pipe, cut to its width in a terminal.

    Args:
        header: Names of the columns.
        rows: Texts, as many per row as there are columns.
        numbers: Names of the columns that are aligned right.
    """
    from rich.cells import cell_len, set_cell_size

    widths = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in (header, *rows):
        cells = [
            " " * (width - cell_len(cell)) + cell if name in numbers else cell + " " * (width - cell_len(cell))
            for cell, width, name in zip(row, widths, header, strict=True)
        ]
        line = "  ".join(cells).rstrip()
        if limit is not None and cell_len(line) > limit:
            line = set_cell_size(line, limit - 1) + "…"
        typer.echo(line)
