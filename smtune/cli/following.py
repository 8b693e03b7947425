"""Waits for a job that this process runs, and reports its end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from smtune.cli.errors import FAILED
from smtune.cli.interruptions import Interruptions
from smtune.cli.options import Output
from smtune.cli.output import print_json, print_summary
from smtune.cli.places import reference
from smtune.cli.streams import CannotWriteError
from smtune.errors import JobFailedError
from smtune.progress.summary import without_result
from smtune.progress.texts import clean_lines, interrupted_by
from smtune.results import JobStatus, TuningResult

if TYPE_CHECKING:
    from smtune.backends import TuningJob

_SHOWN_LOG_LINES = 15


def follow(start: Callable[[], TuningJob], output: Output) -> int:
    """Start a job, wait for it, print what came of it, and return the exit status.

    Ctrl-C, SIGTERM and the closing of the terminal ask the job to stop, a second one ends its trials by force; either way it can be resumed. A job that goes on without this process is only watched no longer.
    """
    with Interruptions() as interruptions:
        job = start()
        result = _wait(job, interruptions)
        interrupted = result.status is JobStatus.Stopped and bool(interruptions.signals)
        try:
            status = report(job, result, output)
        except CannotWriteError:
            if not interrupted:  # a terminal that was closed cannot be written to
                raise
    return 128 + interruptions.signals[0] if interrupted else status


def goes_on(job: TuningJob, by: str = "") -> str:
    """Return what to tell somebody who has only ended the watching, by Ctrl-C or the signal of this name."""
    name = reference(job.name, job.backend.name)
    return f"{interrupted_by(by)} {job.name} goes on: smtune watch {name} · smtune stop {name}"


def report(job: TuningJob, result: TuningResult, output: Output) -> int:
    """Print what came of a job and return the exit status."""
    if output is Output.json:
        print_json(result.to_dict())
    else:
        print_summary(result)
    if result.status is JobStatus.Failed:
        _print_log_tail(job, result)
        if result.best is None and result.counts["Completed"]:  # as on SageMaker, where such a job fails
            typer.echo(f"smtune: {without_result(result)}; see smtune.container.report, or metrics", err=True)
    if result.status is not JobStatus.Completed:
        return FAILED
    if result.best is None and result.counts["Completed"]:  # SageMaker takes such a job for completed
        typer.echo(f"smtune: {without_result(result)}", err=True)
        return FAILED
    return 0


def _wait(job: TuningJob, interruptions: Interruptions) -> TuningResult:
    progress = True
    while True:
        try:
            with interruptions.raised():
                result = job.wait(progress=progress)
        except JobFailedError:
            return job.result()
        except KeyboardInterrupt as interrupt:  # of a job here: in the moment before or after the waiting itself
            if job.backend.survives:
                typer.echo(goes_on(job, str(interrupt)), err=True)
                raise typer.Exit(128 + interruptions.signals[0]) from None
            force = len(interruptions.signals) > 1
            job.backend.stop(job.name, force=force)
            running = "killed" if force else "asked to stop (again to kill)"
            typer.echo(f"{interrupted_by(str(interrupt))} no new trials; the running ones are {running}", err=True)
            progress = False
        else:
            return result


def _print_log_tail(job: TuningJob, result: TuningResult) -> None:
    """Show the end of the log of the most frequent failure, where its cause mostly stands."""
    numbers = next(iter(result.failures().values()), ())
    if not numbers:
        return
    lines = deque(job.logs(numbers[0]), maxlen=_SHOWN_LOG_LINES)
    if lines:
        typer.echo(f"the log of trial {numbers[0]} ends with:", err=True)
        typer.echo("\n".join(f"  {clean_lines(line)}" for line in lines), err=True)
