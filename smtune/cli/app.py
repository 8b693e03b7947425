"""The commands, put together."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from smtune.cli.attach import attach
from smtune.cli.best import best
from smtune.cli.check import check
from smtune.cli.emulator import emulator
from smtune.cli.errors import FAILED, explain
from smtune.cli.forget import forget
from smtune.cli.init import init
from smtune.cli.interruptions import TerminatedError, terminable
from smtune.cli.list import list_jobs
from smtune.cli.logs import logs
from smtune.cli.plan import plan
from smtune.cli.prices import prices
from smtune.cli.resume import resume
from smtune.cli.run import run
from smtune.cli.schema import schema
from smtune.cli.show import show
from smtune.cli.stop import stop
from smtune.cli.streams import CannotWriteError, prepare_streams
from smtune.cli.submit import submit
from smtune.cli.watch import watch
from smtune.errors import SmtuneError


class _Commands(TyperGroup):
    """Gives every end of a command its exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except SmtuneError as error:
            raise typer.Exit(explain(error)) from None
        except BrokenPipeError:
            # Whoever read the output has had enough, as in `smtune logs churn 12 | head`.
            raise typer.Exit(128 + signal.SIGPIPE) from None


app = typer.Typer(
    name="smtune",
    cls=_Commands,
    help="Tune hyperparameters: describe a job once in a file, run it, stop it, resume it, read its results.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(init)
app.command()(check)
app.command()(plan)
app.command()(run)
app.command()(resume)
app.command()(submit)
app.command()(attach)
app.command()(forget)
app.command("list")(list_jobs)
app.command()(show)
app.command()(best)
app.command()(logs)
app.command()(watch)
app.command()(stop)
app.command()(prices)
app.command()(schema)
app.add_typer(emulator, name="emulator")


def _print_version(wanted: bool) -> None:
    if wanted:
        import smtune

        typer.echo(f"smtune {smtune.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


def main() -> None:
    """Run the command line and exit with its status."""
    prepare_streams()
    try:
        with terminable():
            app()
    except TerminatedError:
        sys.exit(128 + signal.SIGTERM)
    except CannotWriteError as error:
        typer.echo(f"smtune: cannot write the result: {error}", err=True)
        sys.exit(FAILED)
