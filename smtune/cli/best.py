"""``smtune best``: the winning configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smtune.cli.options import KnownBackend, Name, Output, OutputFormat

if TYPE_CHECKING:
    from smtune.honesty import Evaluation
    from smtune.results import TuningResult


def best(
    name: Name,
    output: OutputFormat = Output.table,
    download: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Copy its model into this folder, too.", show_default=False)
    ] = None,
    backend: KnownBackend = None,
) -> None:
    """Show the best configuration of a job, in full precision; where the spec has a rule of selection, what that picks.

    Exits with 1 while no trial has completed.
    """
    from smtune.cli.errors import FAILED
    from smtune.cli.output import print_json
    from smtune.cli.places import known_job
    from smtune.progress.summary import without_result

    job = known_job(name, backend)
    result = job.result()
    chosen = result.best_evaluation if result.pick is None else result.pick.evaluation
    if chosen is None:
        typer.echo(f"smtune: {without_result(result)}", err=True)
        raise typer.Exit(FAILED)
    if output is Output.json:
        document = result.to_dict()
        print_json(document["picked"] or document["best"])
    else:
        _print(result, chosen)
    if download is not None:
        made = job.backend.download_model(job.name, download, chosen.trial.number)
        typer.echo(f"the model of trial {chosen.trial.number} is in {made}", err=True)


def _print(result: TuningResult, chosen: Evaluation) -> None:
    from smtune.cli.output import print_table
    from smtune.progress.texts import clean, mean_text

    trial = chosen.trial
    score = [(clean(result.metric), str(trial.objective))]
    if chosen.standard_error is not None:
        score.append(("", mean_text(trial.objective, chosen.standard_error, chosen.trainings)))
    if result.pick is not None:
        score.append(("picked", clean(result.pick.reason)))
    rows = [(clean(key), clean(_exact(value))) for key, value in trial.parameters.items()]
    print_table(("trial", str(trial.number)), [*score, *rows])


def _exact(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
