"""``smtune stop``: end a job early."""

from __future__ import annotations

from typing import Annotated

import typer

from smtune.cli.options import Name


def stop(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="End its running trials at once.")] = False,
) -> None:
    """Ask a job to start no new trials and to stop the running ones. Returns at once."""
    from smtune.backends import attach
    from smtune.store import find

    name = find(name).name  # as it is spelled, whatever the case in which it was typed
    job = attach(name)
    status = job.result().status
    if status.ended:
        typer.echo(f"{name} is {status} already")
        return
    job.backend.stop(name, force=force)
    running = "killed" if force else "asked to stop"
    typer.echo(f"{name}: no new trials; the running ones are {running} · continue with: smtune resume {name}")
