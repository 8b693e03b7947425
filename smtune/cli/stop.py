"""``smtune stop``: end a job early."""

from __future__ import annotations

from typing import Annotated

import typer

from smtune.cli.options import KnownBackend, Name, Output, OutputFormat


def stop(
    name: Name,
    output: OutputFormat = Output.table,
    force: Annotated[bool, typer.Option("--force", help="End its running trials at once.")] = False,
    backend: KnownBackend = None,
) -> None:
    """Ask a job to start no new trials and to stop the running ones. Returns at once."""
    from smtune.cli.output import print_json
    from smtune.cli.places import known_job, reference

    job = known_job(name, backend)
    name = job.name  # as it is spelled, whatever the case in which it was typed
    status = job.result().status
    if not status.ended:
        job.backend.stop(name, force=force)
    if output is Output.json:
        print_json({"name": name, "backend": job.backend.name, "status": job.result().status.value})
        return
    if status.ended:
        typer.echo(f"{name} is {status} already")
        return
    running = "killed" if force and not job.backend.survives else "asked to stop"
    then = (
        f"see: smtune show {reference(name, job.backend.name)}"
        if job.backend.survives
        else f"continue with: smtune resume {name}"
    )
    typer.echo(f"{name}: no new trials; the running ones are {running} · {then}")
