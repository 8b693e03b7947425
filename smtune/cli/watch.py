"""``smtune watch``: stay with a job that another process runs."""

from __future__ import annotations

import signal

import typer

from smtune.cli.options import KnownBackend, Name, Output, OutputFormat


def watch(name: Name, output: OutputFormat = Output.table, backend: KnownBackend = None) -> None:
    """Wait for a job that another process runs.

    Ctrl-C ends the watching and leaves the job alone.
    """
    from smtune.cli.following import goes_on, report
    from smtune.cli.places import known_job
    from smtune.errors import JobFailedError

    job = known_job(name, backend)
    result = job.result()
    if not result.status.ended:
        try:
            result = job.wait()
        except JobFailedError:  # reported like any other end
            result = job.result()
        except KeyboardInterrupt:
            typer.echo(goes_on(job), err=True)
            raise typer.Exit(128 + signal.SIGINT) from None
    raise typer.Exit(report(job, result, output))
