"""``smtune run``: start a job and stay with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from smtune.cli.options import (
    Assignments,
    BackendOption,
    EndpointUrl,
    Isolation,
    NewName,
    Output,
    OutputFormat,
    Profile,
    Region,
    SpecFile,
)
from smtune.cli.plan import plan_file, print_warnings

if TYPE_CHECKING:
    from smtune.backends import TuningJob


def run(
    spec: SpecFile,
    backend: BackendOption = "local",
    name: NewName = None,
    assignments: Assignments = None,
    output: OutputFormat = Output.table,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    isolation: Isolation = None,
) -> None:
    """Run the tuning job that SPEC describes, and wait for it.

    Ctrl-C stops it, and `smtune resume` goes on with it; a job on AWS goes on without being watched.
    """
    from smtune.backends import submit
    from smtune.cli.following import follow
    from smtune.cli.places import new_place
    from smtune.errors import JobExistsError

    place = new_place(backend, profile=profile, region=region, endpoint_url=endpoint_url, isolation=isolation)
    planned = plan_file(spec, assignments or [], backend=place, name=name)
    print_warnings(planned)
    if planned.spec.strategy.type == "auto":
        typer.echo("\n".join(planned.schedule), err=True)

    def start() -> TuningJob:
        job = submit(planned, backend=place)
        if (found := place.adopted(job.name)) is not None:
            typer.echo(f"{job.name} was there already: {found}; it was not submitted again", err=True)
        return job

    try:
        status = follow(start, output)
    except JobExistsError as error:
        raise JobExistsError(
            f"{error}\n  start a new one: smtune run {spec} --name {free_name(planned.name)}"
        ) from None
    raise typer.Exit(status)


def free_name(taken: str) -> str:
    """Return the first of ``taken-2``, ``taken-3``, ... that no job has, in whatever case, within 32 characters."""
    from smtune.store import names, remote_jobs

    known = {name.lower() for name in (*names(), *(job.name for job in remote_jobs()))}
    count = 2
    while True:
        ending = f"-{count}"
        name = taken[: 32 - len(ending)].rstrip("-") + ending
        if name.lower() not in known:
            return name
        count += 1
