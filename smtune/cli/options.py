"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import typer


class Output(StrEnum):
    """How a result is printed."""

    table = "table"
    json = "json"


def _known_names(incomplete: str) -> list[str]:
    from smtune.store import names

    return [name for name in names() if name.startswith(incomplete)]


BackendName = Literal["local"]

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the job.", autocompletion=_known_names)]
OutputFormat = Annotated[Output, typer.Option("--output", "-o", help="For people, or for scripts.")]
