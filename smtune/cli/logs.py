"""``smtune logs``: what a trial printed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from smtune.cli.options import Name


def logs(
    name: Name,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="Number of the trial.", show_default=False)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the trial has ended.")] = False,
) -> None:
    """Print what a trial has printed."""
    from smtune.backends import attach

    for line in attach(name).logs(number, follow=follow):
        sys.stdout.write(f"{line}\n")
        if follow:
            sys.stdout.flush()
    sys.stdout.flush()
