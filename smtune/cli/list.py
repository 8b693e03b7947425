"""``smtune list``: the jobs that are known here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from smtune.cli.options import Output, OutputFormat

if TYPE_CHECKING:
    from smtune.store import RemoteJob


def list_jobs(output: OutputFormat = Output.table) -> None:
    """List the jobs that are known here, the latest first; those on AWS as they were last seen."""
    from smtune.backends import LocalBackend
    from smtune.cli.output import print_json, print_table
    from smtune.errors import SmtuneError
    from smtune.progress.texts import clean
    from smtune.store import names, read_remotes

    documents, local = [], LocalBackend()
    for name in names():
        try:
            documents.append(local.poll(name).to_dict())
        except SmtuneError as error:  # one damaged job must not hide the others
            typer.echo(f"smtune: {name}: {clean(str(error))}", err=True)
    remote, damaged = read_remotes()
    for trouble in damaged.values():
        typer.echo(f"smtune: {clean(str(trouble))}", err=True)
    documents += [dict(job.seen) if _is_document(job.seen) else _unseen(job) for job in remote]
    documents.sort(key=lambda one: one["started_at"] or "", reverse=True)
    if output is Output.json:
        print_json([{key: one[key] for key in one if key not in ("trials", "configurations")} for one in documents])
    elif not documents:
        typer.echo("no jobs yet; `smtune init` writes a first one", err=True)
    else:
        header = ("name", "backend", "status", "completed", "failed", "best", "metric", "strategy", "started")
        print_table(header, [_row(one) for one in documents], numbers=frozenset(("completed", "failed", "best")))


def _is_document(seen: Mapping[str, Any]) -> bool:
    """Return whether what was last seen of a job can be shown; a later version may keep something else."""
    try:
        _row(seen)
    except (LookupError, TypeError, ValueError, AttributeError):
        return False
    return True


def _unseen(job: RemoteJob) -> dict[str, Any]:
    """Return what can be told of a job that nobody has asked for yet, with the keys of one that somebody has."""
    asked = job.spec or {}
    objective = asked.get("objective")
    return {
        "name": job.name,
        "backend": job.backend,
        # It is written down before it is created: a process that was killed in between leaves this.
        "status": "unknown" if job.request is None else "unconfirmed",
        "objective": {"metric": None, "goal": None} if not isinstance(objective, Mapping) else dict(objective),
        "strategy": None,
        "counts": dict.fromkeys(("Completed", "Failed", "Stopped", "InProgress"), 0),
        "planned_trials": None,
        "best": None,
        "started_at": datetime.fromtimestamp(job.added_at, UTC).isoformat(),
    }


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
        clean(document["objective"]["metric"] or ""),
        clean(document["strategy"] or ""),
        "" if started is None else datetime.fromisoformat(started).astimezone().strftime("%Y-%m-%d %H:%M"),
    ]
