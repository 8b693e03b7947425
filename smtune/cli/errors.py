"""Tells people what went wrong, without a traceback."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

import typer

from smtune.errors import Problem, SmtuneError, SpecError

FAILED = 1
"""Exit status: the job failed, or something about it did."""

WRONG = 2
"""Exit status: the command line or the spec is wrong."""


def explain(error: SmtuneError) -> int:
    """Print an error on stderr and return the exit status that it means."""
    from smtune.progress.texts import clean_lines

    if isinstance(error, SpecError):
        typer.echo(problem_table(error.problems, error.source), err=True)
        return WRONG
    typer.echo(f"smtune: {clean_lines(str(error))}", err=True)
    return FAILED


def problem_table(problems: Sequence[Problem], source: str | None) -> str:
    """Return problems in columns, or one below the other where the terminal is too narrow for that.

    Rules that are written down somewhere have a number, and the places follow below.
    """
    from smtune.progress.texts import clean

    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    head = f"{clean(source)}: {count}" if source else count
    places = list(dict.fromkeys(problem.source for problem in problems if problem.source))
    rows = [tuple(map(clean, (_subject(one), one.rule, one.fix + _note(one, places)))) for one in problems]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"  {subject:<{first}}  {rule:<{second}}  {fix}" for subject, rule, fix in rows]
    if sys.stderr.isatty() and max(map(len, lines)) > shutil.get_terminal_size().columns:
        lines = [line for row in rows for line in _stacked(row)]
    return "\n".join([head, *lines, *(f"  [{number}] {clean(place)}" for number, place in enumerate(places, 1))])


def _note(problem: Problem, places: Sequence[str]) -> str:
    return f" [{places.index(problem.source) + 1}]" if problem.source else ""


def _stacked(row: Sequence[str]) -> list[str]:
    subject, *rest = row
    return [f"  {subject}", *(f"      {text}" for text in rest)]


def _subject(problem: Problem) -> str:
    """Return the field with its value; what is missing has none."""
    return problem.field if problem.value is None and problem.field else problem.subject
