"""What a training script imports, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def imports_of(script: Path) -> list[str]:
    """Return the modules that a script imports when it is loaded, directly or through modules beside it.

    For ``from a import b`` there are both ``a`` and ``a.b``, which may or may not be a module. What is imported inside
    functions or under conditions such as ``TYPE_CHECKING`` is left out, and so are the modules beside the script
    themselves: they may change, and they may have effects.

    Returns:
        Names in the order of the imports; empty for a script that cannot be read.
    """
    folder = script.parent
    names: dict[str, None] = {}
    waiting, seen = [script], {script}
    while waiting:
        for name in _imported(waiting.pop()):
            local = _module_in(folder, name.split(".")[0])
            if local is None:
                names.setdefault(name)
            else:
                beside = [path for path in (local, _module_in(folder, name)) if path and path not in seen]
                seen.update(beside)
                waiting.extend(beside)
    return list(names)


def _imported(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (OSError, SyntaxError, ValueError):  # running the script tells better what is wrong with it
        return
    for statement in _loaded(tree.body):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and statement.level == 0:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names if alias.name != "*")


def _loaded(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Return the statements that run when a module is loaded and nothing goes wrong."""
    for statement in statements:
        if isinstance(statement, ast.Try):
            yield from _loaded([*statement.body, *statement.orelse, *statement.finalbody])
        elif isinstance(statement, ast.With):
            yield from _loaded(statement.body)
        else:
            yield statement


def _module_in(folder: Path, name: str) -> Path | None:
    """Return the file of a module or package that lies in a folder."""
    path = folder.joinpath(*name.split("."))
    candidates = (path.with_name(path.name + ".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)
