"""``smtune forget``: drop what is known here of a job that lives elsewhere."""

from __future__ import annotations

import typer

from smtune.cli.options import KnownBackend, Name


def forget(name: Name, backend: KnownBackend = None) -> None:
    """Remove what is known here of a job on AWS. The job itself stays; `smtune attach` makes it known again."""
    from smtune.errors import JobNotFoundError
    from smtune.store import forget_remote

    if not forget_remote(name, backend):
        raise JobNotFoundError(f'no job "{name}" on AWS is known here; see `smtune list`')
    typer.echo(f"{name} is forgotten here; on AWS it stays as it is · know it again: smtune attach {name}")
