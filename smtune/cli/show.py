"""``smtune show``: the trials of a job."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import typer

from smtune.cli.options import KnownBackend, Name, Output, OutputFormat

if TYPE_CHECKING:
    from smtune.results import TuningResult
    from smtune.trial import Trial


def show(name: Name, output: OutputFormat = Output.table, backend: KnownBackend = None) -> None:
    """Show the trials of a job, the best first, and what came of it."""
    from smtune.cli.output import print_json, print_summary, print_table
    from smtune.cli.places import known_job
    from smtune.progress.texts import clean

    result = known_job(name, backend).result()
    if output is Output.json:
        print_json(result.to_dict())
        return
    if result.trials:
        parameters = sorted({key for trial in result.trials for key in trial.parameters})
        means = _means(result)
        header = ["trial", "status", "objective", *["mean"][: len(means)], *map(clean, parameters), "seconds", "note"]
        rows = [_row(trial, parameters, result.metric, means) for trial in sorted(result.trials, key=_order(result))]
        print_table(header, rows, numbers=frozenset(header[:1] + header[2:-1]))
        typer.echo()
    print_summary(result, trials_shown=True)


def _means(result: TuningResult) -> dict[int, str]:
    """Return the mean of every configuration that was trained repeatedly, by its first trial with a result."""
    from smtune.progress.texts import mean_text

    known = result.evaluations if result.repeated else []
    return {one.trial.number: mean_text(one.trial.objective, one.standard_error, one.trainings) for one in known}


def _order(result: TuningResult) -> Callable[[Trial], tuple[object, ...]]:
    """Return the sort key that puts results first, the best ahead, then the others by number.

    The trials of a configuration stay together; those that were trained more often are ahead, as for the best.
    """
    from smtune.results import configuration_key, is_result

    known = {configuration_key(one.trial): one for one in result.evaluations} if result.repeated else {}

    def key(trial: Trial) -> tuple[object, ...]:
        if not is_result(trial) or trial.objective is None:
            return (True, 0, math.inf, 0, trial.number)
        own = known.get(configuration_key(trial))
        if own is None:
            return (False, 0, result.goal.sign * trial.objective, trial.number, trial.number)
        return (False, -own.trainings, own.loss, own.trial.number, trial.number)

    return key


def _row(trial: Trial, parameters: list[str], metric: str, means: Mapping[int, str]) -> list[str]:
    from smtune.progress.texts import clean, objective_text, running_objective_text, value_text

    return [
        str(trial.number),
        trial.status.value,
        objective_text(trial.objective) if trial.status.ended else running_objective_text(trial, metric),
        *([means.get(trial.number, "")] if means else []),
        *(value_text(trial.parameters[key]) if key in trial.parameters else "" for key in parameters),
        "" if trial.seconds is None else f"{trial.seconds:.1f}",
        clean(trial.failure_reason or trial.origin),
    ]
