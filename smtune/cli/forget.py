"""``smtune forget``: drop what is known here of a job that lives elsewhere."""

from __future__ import annotations

import contextlib

import typer

from smtune.cli.options import KnownBackend, Name


def forget(name: Name, backend: KnownBackend = None) -> None:
    """Remove what is known here of a job on AWS. The job itself stays; `smtune attach` makes it known again.

    A job of backend moto lives here only: it is gone then, with its logs and models.
    """
    from smtune.backends import MotoBackend
    from smtune.errors import JobError, JobNotFoundError, StoreError
    from smtune.store import find_remote, forget_remote

    places = []
    with contextlib.suppress(StoreError):  # a damaged record is forgotten without being read
        places = [job.backend for job in find_remote(name, backend)]
    if MotoBackend.name in places:
        if len(places) > 1:
            raise JobError(f'there are several jobs "{name}": {", ".join(places)}; say which with --backend')
        MotoBackend().forget(name)
        typer.echo(f"{name} is removed, with its logs and models")
        return
    if not forget_remote(name, backend):
        raise JobNotFoundError(f'no job "{name}" on AWS is known here; see `smtune list`')
    typer.echo(f"{name} is forgotten here; on AWS it stays as it is · know it again: smtune attach {name}")
