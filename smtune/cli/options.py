"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer


class Output(StrEnum):
    """How a result is printed."""

    table = "table"
    json = "json"


def _known_names(incomplete: str) -> list[str]:
    from smtune.store import names

    return [name for name in names() if name.startswith(incomplete)]


BackendName = Literal["local", "local-mode", "moto", "amt"]
IsolationName = Literal["auto", "namespace", "rewrite", "docker"]

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="A .yaml, .toml or .json file.", show_default=False)]
BackendOption = Annotated[BackendName, typer.Option(help="Where the job runs.")]
KnownBackend = Annotated[
    BackendName | None, typer.Option("--backend", help="Where the job runs, if several have its name.")
]
Isolation = Annotated[
    IsolationName | None,
    typer.Option(help="What gives each trial of backend local-mode its /opt/ml."),
]
Profile = Annotated[str | None, typer.Option(help="Profile of AWS's configuration files.")]
Region = Annotated[str | None, typer.Option(help="AWS region; by default that of the spec, or of the configuration.")]
EndpointUrl = Annotated[str | None, typer.Option(help="Where AWS's services are, e.g. an emulator.")]
NewName = Annotated[
    str | None, typer.Option(help="Name of the job; by default the spec's own, or one made from the time.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Replace a key of the spec, e.g. limits.max_trials=10; repeatable."
    ),
]

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the job.", autocompletion=_known_names)]
OutputFormat = Annotated[Output, typer.Option("--output", "-o", help="For people, or for scripts.")]
