"""``--set limits.max_trials=10``: single keys of a spec, from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smtune.errors import HIDDEN, Problem, SpecError, speaks_of_secrets
from smtune.spec import TuningSpec


def read_spec(path: Path, assignments: Sequence[str]) -> TuningSpec:
    """Read a spec, with some of its keys replaced as if they stood so in the file.

    Args:
        path: The spec.
        assignments: ``dotted.path=value``, the value as YAML; a later one wins.

    Raises:
        SpecError: The file cannot be read, or what it says is wrong with these keys.
    """
    from smtune.spec.files import read_mapping, resolve_paths
    from smtune.spec.problems import without_secrets

    fields = read_mapping(path)
    try:
        for assignment in assignments:
            _assign(fields, assignment)
    except SpecError as error:
        raise SpecError(map(without_secrets, error.problems), source="--set") from None
    return TuningSpec.from_dict(resolve_paths(fields, path.resolve().parent), source=str(path))


def _assign(fields: dict[str, Any], assignment: str) -> None:
    path, separator, text = assignment.partition("=")
    *parents, last = path.strip().split(".")
    if not separator or not all([*parents, last]):
        shown = path + separator + ("..." if text else "")
        raise SpecError([Problem("", shown, "is no assignment", "write  --set limits.max_trials=10")])
    value = _value(path, text)
    place = fields
    for index, key in enumerate(parents):
        below = place.setdefault(key, {})
        if key == "strategy" and isinstance(below, str):
            below = {"type": below}
        if not isinstance(below, dict):
            field = ".".join(parents[: index + 1])
            raise SpecError([Problem(field, below, "holds no keys", f"set {field} as a whole")])
        place[key] = below
        place = below
    place[last] = value


def _value(path: str, text: str) -> Any:
    import yaml

    from smtune.spec.files import read_value

    try:
        return read_value(text)
    except yaml.YAMLError as error:
        rule = f"is no valid YAML: {getattr(error, 'problem', None) or error}"
        shown = HIDDEN if "environment" in text or speaks_of_secrets(text) else text
        raise SpecError([Problem(path, shown, rule, "put it in quotes: --set 'key=\"text\"'")]) from None
