"""``smtune watch``: stay with a job that another process runs."""

from __future__ import annotations

import contextlib

import typer

from smtune.cli.options import KnownBackend, Name, Output, OutputFormat


def watch(name: Name, output: OutputFormat = Output.table, backend: KnownBackend = None) -> None:
    """Wait for a job that another process runs.

    Ctrl-C ends the watching and leaves the job alone.
    """
    from smtune.cli.following import report
    from smtune.cli.places import known_job
    from smtune.errors import JobFailedError

    job = known_job(name, backend)
    if not job.result().status.ended:
        with contextlib.suppress(JobFailedError):  # reported like any other end
            job.wait()
    raise typer.Exit(report(job, job.result(), output))
