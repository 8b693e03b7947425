"""``smtune submit``: start a job elsewhere, and return at once."""

from __future__ import annotations

import typer

from smtune.cli.options import (
    Assignments,
    BackendName,
    EndpointUrl,
    NewName,
    Output,
    OutputFormat,
    Profile,
    Region,
    SpecFile,
)
from smtune.cli.plan import plan_file, print_warnings


def submit(
    spec: SpecFile,
    backend: BackendName = "amt",
    name: NewName = None,
    assignments: Assignments = None,
    output: OutputFormat = Output.table,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Start the tuning job that SPEC describes on AWS, and return at once.

    The same job again changes nothing while it is in progress; once it has ended, its name is taken.
    """
    from smtune.backends import submit as submit_job
    from smtune.cli.errors import WRONG
    from smtune.cli.output import print_json
    from smtune.cli.places import new_place, reference
    from smtune.cli.run import free_name
    from smtune.errors import JobExistsError
    from smtune.results import JobStatus

    place = new_place(backend, profile=profile, region=region, endpoint_url=endpoint_url)
    if not place.survives:
        typer.echo(
            f"smtune: a job of backend {backend} needs the process that runs it: use `smtune run {spec}`", err=True
        )
        raise typer.Exit(WRONG)
    planned = plan_file(spec, assignments or [], backend=place, name=name)
    print_warnings(planned)
    job = submit_job(planned, backend=place)
    found = place.adopted(job.name)
    if found not in (None, JobStatus.InProgress, JobStatus.Stopping):
        fix = f"take another name: smtune submit {spec} --name {free_name(job.name)}"
        raise JobExistsError(f"{job.name} is there already: {found}; {fix}")
    if output is Output.json:
        fields = {"name": job.name, "backend": planned.backend, "region": planned.region}
        print_json({**fields, "is_new": found is None})
        return
    if found is None:
        typer.echo(f"{job.name} is submitted to {planned.backend} in {planned.region}")
    else:
        where = f"{planned.backend} in {planned.region}"
        typer.echo(f"{job.name} is {found} in {where} already; it was not submitted again")
    name = reference(job.name, planned.backend)
    typer.echo(f"  next     smtune watch {name} · smtune show {name} · smtune stop {name}")
