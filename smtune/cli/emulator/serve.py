"""``smtune emulator serve``: an emulator until it is ended."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smtune.cli.emulator.options import PORT, REGION, Config, Port, Region, Slots, Speed, chosen_settings

if TYPE_CHECKING:
    from smtune.emulator.emulation import Served


def serve(
    port: Port = PORT,
    region: Region = REGION,
    config: Config = None,
    slots: Slots = None,
    speed: Speed = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep jobs, buckets and logs here, and go on with them.")
    ] = None,
) -> None:
    """Run an emulator until Ctrl-C, and print where it listens; port 0 takes any free one.

    Only programs on this machine can reach it. Its jobs, buckets and logs are gone when it ends, unless --data keeps
    them: the next emulator over that directory has them again, and goes on with tuning jobs that were under way.
    """
    from smtune.emulator import serve as serve_until_signal

    settings = chosen_settings(config, slots=slots, speed=speed, data=data)
    number = serve_until_signal(port, settings=settings, region=region, ready=_tell)
    if number == signal.SIGINT:
        raise typer.Exit(128 + number)


def _tell(emulator: Served) -> None:
    typer.echo(emulator.url)
    typer.echo(f"role {emulator.role}, bucket {emulator.bucket}; Ctrl-C ends it, and what runs in it", err=True)
