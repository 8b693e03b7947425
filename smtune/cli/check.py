"""``smtune check``: everything that is wrong with a job, before it is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smtune.cli.options import (
    Assignments,
    BackendName,
    EndpointUrl,
    Isolation,
    NewName,
    Output,
    OutputFormat,
    Profile,
    Region,
    SpecFile,
)

if TYPE_CHECKING:
    from smtune.backends.checking import Check


def check(
    spec: SpecFile,
    backend: Annotated[BackendName, typer.Option(help="Where the job is to run.")] = "amt",
    name: NewName = None,
    assignments: Assignments = None,
    output: OutputFormat = Output.table,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What a training printed; read instead of running a trial here.")
    ] = None,
    trial: Annotated[bool, typer.Option(help="Run one short trial here, to see what the metric regexes read.")] = True,
    trial_seconds: Annotated[float, typer.Option(min=1, help="How long that trial may take.")] = 60.0,
    ask_account: Annotated[
        bool | None,
        typer.Option(
            "--account/--no-account",
            help="Ask AWS for role, buckets, image, quota and parents; by default if it can be.",
        ),
    ] = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    isolation: Isolation = None,
) -> None:
    """Check SPEC against every rule of the place where it is to run, and its metric regexes on a short trial here.

    Exits with 2 if something is wrong. Starts no job, and costs nothing.
    """
    from smtune.backends.checking import AccountOptions, Looks
    from smtune.backends.checking import check as check_spec
    from smtune.cli.errors import WRONG
    from smtune.cli.output import print_json
    from smtune.cli.overrides import read_spec
    from smtune.cli.places import new_place

    place = new_place(backend, profile=profile, region=region, endpoint_url=endpoint_url, isolation=isolation)
    found = check_spec(
        read_spec(spec, assignments or []),
        place,
        Looks(log, trial=trial, seconds=trial_seconds, account=ask_account),
        name=name,
        account=AccountOptions(profile, region, endpoint_url),
    )
    if output is Output.json:
        print_json(found.to_dict())
    else:
        _print(found, str(spec), backend)
    if found.problems:
        raise typer.Exit(WRONG)


def _print(found: Check, source: str, backend: str) -> None:
    from smtune.amt.metrics import proof_rows
    from smtune.cli.errors import problem_table
    from smtune.cli.output import print_table
    from smtune.cli.plan import cost_lines
    from smtune.progress.texts import clean

    if found.problems:
        typer.echo(problem_table(found.problems, source))
    else:
        typer.echo(f"{clean(source)}: no problems for backend {backend}")
    if found.proofs:
        rows = [[clean(text) for text in row] for row in proof_rows(found.proofs)]
        header = ("metric", "lines", "last", "read", "verdict")
        print_table(header, rows, numbers=frozenset(("lines",)), gives_way="last")
    for warning in found.warnings:
        typer.echo(f"warning: {clean(warning)}")
    if found.plan is not None:
        for line in cost_lines(found.plan)[:2]:
            typer.echo(clean(line))
    for question in found.unchecked:
        typer.echo(f"could not be checked: {clean(question)}")
    _print_log_tail(found)


def _print_log_tail(found: Check) -> None:
    """Show how the log of a trial ends that failed."""
    from smtune.backends.checking import last_lines
    from smtune.progress.texts import clean_lines
    from smtune.trial import TrialStatus

    if found.rehearsal is not None and found.rehearsal.status is TrialStatus.Failed:
        typer.echo("the log of the trial ends with:")
        typer.echo("\n".join(f"  {clean_lines(line)}" for line in last_lines(found.rehearsal)))
