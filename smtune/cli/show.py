"""``smtune show``: the trials of a job."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import typer

from smtune.cli.options import Name, Output, OutputFormat

if TYPE_CHECKING:
    from smtune.results import TuningResult
    from smtune.trial import Trial


def show(name: Name, output: OutputFormat = Output.table) -> None:
    """Show the trials of a job, the best first, and what came of it."""
    from smtune.backends import attach
    from smtune.cli.output import print_json, print_summary, print_table
    from smtune.progress.texts import clean

    result = attach(name).result()
    if output is Output.json:
        print_json(result.to_dict())
        return
    if result.trials:
        parameters = sorted({key for trial in result.trials for key in trial.parameters})
        header = ["trial", "status", "objective", *map(clean, parameters), "seconds", "note"]
        rows = [
            _row(trial, parameters, result.metric)
            for trial in sorted(result.trials, key=lambda trial: _order(result, trial))
        ]
        print_table(header, rows, numbers=frozenset(header[:1] + header[2:-1]))
        typer.echo()
    print_summary(result, trials_shown=True)


def _order(result: TuningResult, trial: Trial) -> tuple[bool, float, int]:
    """Return the sort key that puts results first, the best ahead, then the others by number."""
    from smtune.results import is_result

    if is_result(trial) and trial.objective is not None:
        return (False, result.goal.sign * trial.objective, trial.number)
    return (True, math.inf, trial.number)


def _row(trial: Trial, parameters: list[str], metric: str) -> list[str]:
    from smtune.progress.texts import clean, objective_text, running_objective_text, value_text

    return [
        str(trial.number),
        trial.status.value,
        objective_text(trial.objective) if trial.status.ended else running_objective_text(trial, metric),
        *(value_text(trial.parameters[key]) if key in trial.parameters else "" for key in parameters),
        "" if trial.seconds is None else f"{trial.seconds:.1f}",
        clean(trial.failure_reason or trial.origin),
    ]
