"""``smtune best``: the winning configuration."""

from __future__ import annotations

import typer

from smtune.cli.options import Name, Output, OutputFormat


def best(name: Name, output: OutputFormat = Output.table) -> None:
    """Show the best configuration of a job, in full precision.

    Exits with 1 while no trial has completed.
    """
    from smtune.backends import attach
    from smtune.cli.errors import FAILED
    from smtune.cli.output import print_json, print_table
    from smtune.progress.texts import clean

    result = attach(name).result()
    trial = result.best
    if trial is None:
        typer.echo(f"smtune: no trial of {result.name} has completed (it is {result.status})", err=True)
        raise typer.Exit(FAILED)
    if output is Output.json:
        print_json(result.to_dict()["best"])
        return
    rows = [(clean(key), clean(_exact(value))) for key, value in trial.parameters.items()]
    print_table(("trial", str(trial.number)), [(clean(result.metric), str(trial.objective)), *rows])


def _exact(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
