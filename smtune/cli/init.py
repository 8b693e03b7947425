"""``smtune init``: a job to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write it.", show_default=False)] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a small tuning job that runs at once: tuning.yaml, train.py, and a schema for editors."""
    from smtune.cli.errors import WRONG

    contents = _contents()
    there = sorted(name for name in contents if (directory / name).exists())
    if there and not force:
        typer.echo(f"smtune: already in {directory.resolve()}: {', '.join(there)}", err=True)
        typer.echo("  nothing was written; take another folder, or replace with --force", err=True)
        raise typer.Exit(WRONG)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (directory / name).write_text(content, encoding="utf-8")
    except OSError as error:
        typer.echo(f"smtune: {error.filename or directory} cannot be written: {error.strerror}", err=True)
        raise typer.Exit(WRONG) from None
    typer.echo(f"wrote {', '.join(str(directory / name) for name in contents)}")
    typer.echo(f"  next     smtune run {directory / 'tuning.yaml'}")


def _contents() -> dict[str, str]:
    """Return file names and what to write."""
    import json
    from importlib.resources import files

    from smtune.spec import TuningSpec

    templates = files("smtune.cli.templates")
    texts = {name: (templates / name).read_text(encoding="utf-8") for name in ("tuning.yaml", "train.py")}
    return texts | {"tuning.schema.json": json.dumps(TuningSpec.model_json_schema(), indent=2) + "\n"}
