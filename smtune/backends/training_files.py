"""Whether the files that a training names are there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from smtune.errors import Problem
from smtune.spec import Training


def file_problems(training: Training) -> Iterator[Problem]:
    """Yield what is missing here of a training's script and data; what lies elsewhere is left alone."""
    if training.entry_point is not None and not training.has_remote_code:
        yield from _script_problems(training)
    for name, channel in training.channels.items():
        if not channel.is_remote and not Path(channel.source).exists():
            rule = "is neither a folder nor a file here"
            yield Problem(f"training.channels.{name}", channel.source, rule, _nearest(Path(channel.source)))


def _script_problems(training: Training) -> Iterator[Problem]:
    folder = Path(training.source_dir)
    if not folder.is_dir():
        yield Problem("training.source_dir", training.source_dir, "is no folder here", _nearest(folder))
    elif not (script := folder / str(training.entry_point)).is_file():
        rule = f"is no file in {training.source_dir}"
        yield Problem("training.entry_point", training.entry_point, rule, _nearest(script))
    elif script.suffix != ".py":
        yield Problem("training.entry_point", training.entry_point, "is no Python script", "name a .py file")


def _nearest(path: Path) -> str:
    """Return a fix that names the neighbour most like ``path``."""
    parent = path.parent
    if not parent.is_dir():
        return f"{parent} is not there either; check the path"
    near = difflib.get_close_matches(path.name, [one.name for one in parent.iterdir()], n=1)
    return f"did you mean {parent / near[0]}?" if near else "check the path"
