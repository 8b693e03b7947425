"""``smtune plan``: what a job would do, before it does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from smtune.backends import Backend, Plan
    from smtune.pricing import Bounds, Estimate


def plan(
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
    """Check SPEC and show what `smtune run` would do with it; start nothing, send nothing."""
    from smtune.cli.output import print_json
    from smtune.cli.places import new_place
    from smtune.progress.texts import clean

    place = new_place(backend, profile=profile, region=region, endpoint_url=endpoint_url, isolation=isolation)
    planned = plan_file(spec, assignments or [], backend=place, name=name)
    if output is Output.json:
        print_json(_to_dict(planned))
        return
    print_warnings(planned)
    typer.echo(clean(_headline(planned)))
    for line in (*planned.schedule, *cost_lines(planned), *_upload_lines(planned)):
        typer.echo(f"  {clean(line)}")


def plan_file(path: Path, assignments: Sequence[str], *, backend: Backend, name: str | None) -> Plan:
    """Return the plan of the job that a file describes.

    Raises:
        SpecError: The file cannot be read, or what it says is wrong here.
    """
    from smtune.cli.overrides import read_spec
    from smtune.errors import SpecError

    try:
        return backend.plan(read_spec(path, assignments), name=name)
    except SpecError as error:
        raise type(error)(error.problems, source=error.source or str(path)) from None


def print_warnings(planned: Plan) -> None:
    """Print on stderr what the user should know first."""
    for warning in planned.warnings:
        typer.echo(f"warning: {warning}", err=True)


def cost_lines(planned: Plan) -> list[str]:
    """Return what the job may cost, how long it may take, and what these figures rest on."""
    from smtune.pricing import usd_text
    from smtune.progress.texts import duration_text

    found = planned.estimate
    if found is None:
        return []
    lines = [
        f"cost: {_bounds_text(found.usd, usd_text)}{_borrowed_text(found)}",
        f"time: {_bounds_text(found.seconds, duration_text)}",
    ]
    return [*lines, *found.notes]


def _bounds_text(bounds: Bounds, text: Callable[[float], str]) -> str:
    """Return e.g. ``$0.08 at least, $0.61 expected, $3.20 at most``."""
    words = {"at least": bounds.least, "expected": bounds.expected, "at most": bounds.worst}
    known = [f"{text(value)} {word}" for word, value in words.items() if value is not None]
    return ", ".join(known) or "not known"


def _borrowed_text(found: Estimate) -> str:
    """Return where prices are borrowed from, if any are: the cost is no bound then."""
    regions = ", ".join(sorted({price.region for price in found.borrowed}))
    return f" by prices borrowed from {regions}: those in {found.region} are not all known" if regions else ""


def _upload_lines(planned: Plan) -> list[str]:
    return [
        f"upload: {one.kind} {one.path} ({one.files} file{'s' if one.files != 1 else ''}, {_size_text(one.size)}) to {one.uri}"
        for one in planned.uploads
    ]


def _size_text(size: float) -> str:
    """Return bytes as people read them, e.g. ``3.2 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:,.4g} TB"


def _headline(planned: Plan) -> str:
    spec = planned.spec
    trials = "trials until its time is over" if planned.trials is None else f"{planned.trials} trials"
    goal = f"{spec.objective.goal} {spec.objective.metric}"
    at_a_time = f"{spec.limits.max_parallel} at a time"
    place = planned.backend if planned.region is None else f"{planned.backend} in {planned.region}"
    place = place if planned.isolation is None else f"{place} ({planned.isolation})"
    return " · ".join([planned.name, place, spec.strategy.type, goal, trials, at_a_time, f"seed {spec.seed}"])


def _to_dict(planned: Plan) -> dict[str, Any]:
    return {
        "name": planned.name,
        "backend": planned.backend,
        "strategy": planned.spec.strategy.type,
        "trials": planned.trials,
        "max_parallel": planned.spec.limits.max_parallel,
        "schedule": list(planned.schedule),
        "warnings": list(planned.warnings),
        "region": planned.region,
        "isolation": planned.isolation,
        "uploads": [asdict(one) for one in planned.uploads],
        "estimate": None if planned.estimate is None else planned.estimate.to_dict(),
        "request": dict(planned.request),
    }
