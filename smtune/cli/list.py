"""``smtune list``: the jobs that are known here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import typer

from smtune.cli.options import Output, OutputFormat


def list_jobs(output: OutputFormat = Output.table) -> None:
    """List the jobs that are known here, the latest first; those on AWS as they were last seen."""
    from smtune.backends import LocalBackend
    from smtune.cli.output import print_json, print_table
    from smtune.errors import SmtuneError
    from smtune.progress.texts import clean
    from smtune.store import names, remote_jobs

    documents, local = [], LocalBackend()
    for name in names():
        try:
            documents.append(local.poll(name).to_dict())
        except SmtuneError as error:  # one damaged job must not hide the others
            typer.echo(f"smtune: {name}: {clean(str(error))}", err=True)
    documents += [dict(job.seen) for job in remote_jobs() if job.seen]
    documents.sort(key=lambda one: one["started_at"] or "", reverse=True)
    if output is Output.json:
        print_json([{key: one[key] for key in one if key not in ("trials", "configurations")} for one in documents])
    elif not documents:
        typer.echo("no jobs yet; `smtune init` writes a first one", err=True)
    else:
        header = ("name", "backend", "status", "completed", "failed", "best", "metric", "strategy", "started")
        print_table(header, [_row(one) for one in documents], numbers=frozenset(("completed", "failed", "best")))


def _row(document: Mapping[str, Any]) -> list[str]:
    from smtune.progress.texts import clean, objective_text

    counts, planned, best = document["counts"], document["planned_trials"], document["best"]
    started = document["started_at"]
    return [
        clean(document["name"]),
        document["backend"],
        document["status"],
        f"{counts['Completed']}/{planned}" if planned is not None else str(counts["Completed"]),
        str(counts["Failed"]),
        "" if best is None else objective_text(best["objective"]),
        clean(document["objective"]["metric"]),
        document["strategy"],
        "" if started is None else datetime.fromisoformat(started).astimezone().strftime("%Y-%m-%d %H:%M"),
    ]
