"""``smtune list``: the jobs that are known here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from smtune.cli.options import Output, OutputFormat

if TYPE_CHECKING:
    from smtune.results import TuningResult


def list_jobs(output: OutputFormat = Output.table) -> None:
    """List the jobs on this machine, the latest first."""
    from smtune.backends import attach
    from smtune.cli.output import print_json, print_table
    from smtune.errors import SmtuneError
    from smtune.progress.texts import clean
    from smtune.store import names

    results = []
    for name in names():
        try:
            results.append(attach(name).result())
        except SmtuneError as error:  # one damaged job must not hide the others
            typer.echo(f"smtune: {name}: {clean(str(error))}", err=True)
    results.sort(key=lambda result: result.started_at or 0.0, reverse=True)
    if output is Output.json:
        documents = [result.to_dict() for result in results]
        print_json([{key: one[key] for key in one if key not in ("trials", "configurations")} for one in documents])
    elif not results:
        typer.echo("no jobs yet; `smtune init` writes a first one", err=True)
    else:
        header = ("name", "status", "completed", "failed", "best", "metric", "strategy", "started")
        print_table(header, [_row(result) for result in results], numbers=frozenset(("completed", "failed", "best")))


def _row(result: TuningResult) -> list[str]:
    from smtune.progress.texts import clean, objective_text

    completed, failed = result.counts["Completed"], result.counts["Failed"]
    started = datetime.fromtimestamp(result.started_at, UTC).astimezone() if result.started_at is not None else None
    return [
        clean(result.name),
        result.status.value,
        f"{completed}/{result.planned_trials}" if result.planned_trials is not None else str(completed),
        str(failed),
        "" if result.best is None else objective_text(result.best.objective),
        clean(result.metric),
        result.strategy,
        "" if started is None else started.strftime("%Y-%m-%d %H:%M"),
    ]
