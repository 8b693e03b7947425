"""Options that the emulator's commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smtune.emulator.clients import PORT, REGION

if TYPE_CHECKING:
    from smtune.emulator import Settings

Region = Annotated[str, typer.Option(envvar="AWS_DEFAULT_REGION", help="Where the emulator's bucket is.")]
Port = Annotated[int, typer.Option(help="The port of the emulator.")]
Config = Annotated[Path | None, typer.Option(help="A YAML or TOML file with slots, rules, faults and other settings.")]
Slots = Annotated[int | None, typer.Option(help="Training jobs that run at a time; by default one per processor.")]
Speed = Annotated[float | None, typer.Option(help="How many times faster jobs wait for their instances.")]

__all__ = ["PORT", "REGION", "Config", "Port", "Region", "Slots", "Speed", "chosen_settings"]


def chosen_settings(config: Path | None, **chosen: Any) -> Settings | None:
    """Return the settings of a file, with those that were given on the command line; ``None`` if there are none at all.

    Args:
        config: The file, or ``None``.
        **chosen: Members of the settings; ``None`` where nothing was given.

    Raises:
        SpecError: Something is wrong with them.
    """
    from dataclasses import replace

    from smtune.emulator import Settings
    from smtune.emulator.configuration import read_settings

    given = {name: value for name, value in chosen.items() if value is not None}
    if config is None and not given:
        return None
    return replace(Settings() if config is None else read_settings(config), **given)
