"""``smtune plan``: what a job would do, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from smtune.cli.options import Assignments, BackendName, BackendOption, NewName, Output, OutputFormat, SpecFile

if TYPE_CHECKING:
    from smtune.backends import Plan


def plan(
    spec: SpecFile,
    backend: BackendOption = "local",
    name: NewName = None,
    assignments: Assignments = None,
    output: OutputFormat = Output.table,
) -> None:
    """Check SPEC and show what `smtune run` would do with it; start nothing."""
    from smtune.cli.output import print_json
    from smtune.progress.texts import clean

    planned = plan_file(spec, assignments or [], backend=backend, name=name)
    if output is Output.json:
        print_json(_to_dict(planned))
        return
    print_warnings(planned)
    typer.echo(clean(_headline(planned)))
    for line in planned.schedule:
        typer.echo(f"  {clean(line)}")


def plan_file(path: Path, assignments: Sequence[str], *, backend: BackendName, name: str | None) -> Plan:
    """Return the plan of the job that a file describes.

    Raises:
        SpecError: The file cannot be read, or what it says is wrong here.
    """
    from smtune.backends import plan as plan_job
    from smtune.cli.overrides import read_spec
    from smtune.errors import SpecError

    try:
        return plan_job(read_spec(path, assignments), backend=backend, name=name)
    except SpecError as error:
        raise type(error)(error.problems, source=error.source or str(path)) from None


def print_warnings(planned: Plan) -> None:
    """Print on stderr what the user should know first."""
    for warning in planned.warnings:
        typer.echo(f"warning: {warning}", err=True)


def _headline(planned: Plan) -> str:
    spec = planned.spec
    trials = "trials until its time is over" if planned.trials is None else f"{planned.trials} trials"
    goal = f"{spec.objective.goal} {spec.objective.metric}"
    at_a_time = f"{spec.limits.max_parallel} at a time"
    return " · ".join([planned.name, planned.backend, spec.strategy.type, goal, trials, at_a_time, f"seed {spec.seed}"])


def _to_dict(planned: Plan) -> dict[str, Any]:
    return {
        "name": planned.name,
        "backend": planned.backend,
        "strategy": planned.spec.strategy.type,
        "trials": planned.trials,
        "max_parallel": planned.spec.limits.max_parallel,
        "schedule": list(planned.schedule),
        "warnings": list(planned.warnings),
        "request": dict(planned.request),
    }
