"""``smtune logs``: what a trial printed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from smtune.cli.options import KnownBackend, Name


def logs(
    name: Name,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="Number of the trial.", show_default=False)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the trial has ended.")] = False,
    backend: KnownBackend = None,
) -> None:
    """Print what a trial has printed."""
    from smtune.backends import LocalBackend
    from smtune.cli.places import known_job

    job = known_job(name, backend)
    printed = False
    for line in job.logs(number, follow=follow):
        printed = True
        sys.stdout.write(f"{line}\n")
        if follow:
            sys.stdout.flush()
    sys.stdout.flush()
    if job.backend.survives and not printed:
        typer.echo(
            f"CloudWatch has no lines of trial {number} of {job.name} (yet); see: smtune show {job.name}", err=True
        )
    if isinstance(job.backend, LocalBackend) and _is_function(name, number):
        note = "what a Python function prints goes to the terminal of the process that runs it; smtune keeps none of it"
        typer.echo(note, err=True)


def _is_function(name: str, number: int) -> bool:
    """Return whether there is nothing to read because the job trains a Python function."""
    from smtune.store import JobStore, find

    directory = find(name)
    if directory.log(number).exists():
        return False
    with JobStore.open(directory, read_only=True) as store:
        return store.job().spec.get("training") is None
