"""``smtune resume``: go on with a job."""

from __future__ import annotations

import typer

from smtune.cli.options import Name, Output, OutputFormat


def resume(name: Name, output: OutputFormat = Output.table) -> None:
    """Go on with a job that was stopped or killed, and wait for it.

    Trials that had ended are kept; those that were under way start afresh.
    """
    from smtune import backends
    from smtune.cli.following import follow

    raise typer.Exit(follow(lambda: backends.resume(name), output))
