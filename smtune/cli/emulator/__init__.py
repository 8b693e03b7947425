"""``smtune emulator``: SageMaker on this machine, for programs that know nothing of it."""

from __future__ import annotations

import typer

from smtune.cli.emulator.env import env
from smtune.cli.emulator.run import run
from smtune.cli.emulator.serve import serve

emulator = typer.Typer(
    help="Run SageMaker's tuning and training jobs on this machine, for unmodified clients of AWS.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
emulator.command()(serve)
emulator.command()(env)
emulator.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(run)
