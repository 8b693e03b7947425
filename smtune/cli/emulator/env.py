"""``smtune emulator env``: what a shell must know to talk to an emulator."""

from __future__ import annotations

import os
import shlex
import socket
from contextlib import closing

import typer

from smtune.cli.emulator.options import PORT, REGION, Port, Region


def env(port: Port = PORT, region: Region = REGION) -> None:
    """Print the settings that send AWS's clients to the emulator: eval "$(smtune emulator env)"."""
    from smtune.emulator.clients import client_environment, foreign_names
    from smtune.errors import StoreError
    from smtune.store import home

    folder = home() / "emulator"
    try:
        variables = client_environment(f"http://127.0.0.1:{port}", region, folder)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written: {error.strerror}; set SMTUNE_HOME to a directory that can be"
        ) from error
    foreign = [name for name in foreign_names(os.environ) if name not in variables]
    if foreign:
        typer.echo(f"unset {' '.join(foreign)}")
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    with closing(socket.socket()) as probe:
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            typer.echo(
                f"smtune: nothing listens on port {port} yet; start it: smtune emulator serve --port {port}", err=True
            )
