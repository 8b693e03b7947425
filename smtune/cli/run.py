"""``smtune run``: start a job and stay with it."""

from __future__ import annotations

import typer

from smtune.cli.options import Assignments, BackendOption, NewName, Output, OutputFormat, SpecFile
from smtune.cli.plan import plan_file, print_warnings


def run(
    spec: SpecFile,
    backend: BackendOption = "local",
    name: NewName = None,
    assignments: Assignments = None,
    output: OutputFormat = Output.table,
) -> None:
    """Run the tuning job that SPEC describes, and wait for it.

    Ctrl-C stops it; `smtune resume` goes on with it.
    """
    from smtune.backends import submit
    from smtune.cli.following import follow
    from smtune.errors import JobExistsError

    planned = plan_file(spec, assignments or [], backend=backend, name=name)
    print_warnings(planned)
    if planned.spec.strategy.type == "auto":
        typer.echo("\n".join(planned.schedule), err=True)
    try:
        status = follow(lambda: submit(planned), output)
    except JobExistsError as error:
        raise JobExistsError(
            f"{error}\n  start a new one: smtune run {spec} --name {_free_name(planned.name)}"
        ) from None
    raise typer.Exit(status)


def _free_name(taken: str) -> str:
    """Return the first of ``taken-2``, ``taken-3``, ... that no job has, in whatever case, within 32 characters."""
    from smtune.store import names

    known, count = {name.lower() for name in names()}, 2
    while True:
        ending = f"-{count}"
        name = taken[: 32 - len(ending)].rstrip("-") + ending
        if name.lower() not in known:
            return name
        count += 1
