"""``smtune run``: start a job and stay with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smtune.cli.options import BackendName, Output, OutputFormat


def run(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="A .yaml, .toml or .json file.", show_default=False)],
    backend: Annotated[BackendName, typer.Option(help="Where the job runs.")] = "local",
    name: Annotated[
        str | None, typer.Option(help="Name of the job; by default the spec's own, or one made from the time.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Replace a key of the spec, e.g. limits.max_trials=10; repeatable."
        ),
    ] = None,
    output: OutputFormat = Output.table,
) -> None:
    """Run the tuning job that SPEC describes, and wait for it.

    Ctrl-C stops it; `smtune resume` goes on with it.
    """
    from smtune.backends import plan, submit
    from smtune.cli.following import follow
    from smtune.cli.overrides import read_spec
    from smtune.errors import JobExistsError, SpecError

    try:
        described = read_spec(spec, assignments or [])
        planned = plan(described, backend=backend, name=name)
    except SpecError as error:
        raise type(error)(error.problems, source=error.source or str(spec)) from None
    for warning in planned.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if described.strategy.type == "auto":
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
