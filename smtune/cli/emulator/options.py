"""Options that the emulator's commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from smtune.emulator.clients import PORT, REGION

Region = Annotated[str, typer.Option(envvar="AWS_DEFAULT_REGION", help="Where the emulator's bucket is.")]
Port = Annotated[int, typer.Option(help="The port of the emulator.")]

__all__ = ["PORT", "REGION", "Port", "Region"]
