"""Reads specs from YAML, TOML and JSON files."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from smtune.errors import Problem, SpecError
from smtune.spec.problems import closest
from smtune.spec.warm_start import is_json_file


class _Yaml12Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2, and no duplicate keys.

    PyYAML follows version 1.1, where ``1e-4`` is text, ``off`` is a boolean and ``1:30`` is the number 90.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own protocol


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
):
    _Yaml12Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _construct_int(loader: _Yaml12Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _construct_mapping(loader: _Yaml12Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        name = loader.construct_object(key)
        if isinstance(name, str | int | float) and name in seen:
            line = key.start_mark.line + 1
            raise SpecError([Problem("", str(name), f"stands twice (line {line})", "keep one of them")])
        seen.add(name if isinstance(name, str | int | float) else repr(name))
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Yaml12Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Yaml12Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def read_mapping(path: Path) -> dict[str, Any]:
    """Return what a file says, by its ending.

    Raises:
        SpecError: The file is not there, has another ending, is no valid YAML, TOML or JSON, or holds no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        names = [found.name for found in path.parent.iterdir()] if path.parent.is_dir() else []
        fix = closest(path.name, names, "`smtune init` writes one to start from")
        raise SpecError([Problem("", str(path), "is not there", fix)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([Problem("", str(path), f"cannot be read: {error}", "check the file")]) from None
    try:
        content = _parse(text, path)
    except SpecError as error:
        raise SpecError(error.problems, source=str(path)) from None
    if not isinstance(content, Mapping):
        raise SpecError([Problem("", str(path), "holds no mapping", "start with  objective: {metric: ..., goal: ...}")])
    return dict(content)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise SpecError([Problem("", key, "stands twice", "keep one of them")])
        mapping[key] = value
    return mapping


def read_value(text: str) -> Any:
    """Return the value that a piece of YAML 1.2 means.

    >>> read_value("1e-4"), read_value("[a, off]")
    (0.0001, ['a', 'off'])

    Raises:
        yaml.YAMLError: It is no valid YAML.
        SpecError: A key stands twice.
    """
    return yaml.load(text, Loader=_Yaml12Loader)  # noqa: S506 - a SafeLoader


def _parse(text: str, path: Path) -> Any:
    ending = path.suffix.lower()
    try:
        if ending in (".yaml", ".yml"):
            return read_value(text)
        if ending == ".toml":
            return tomllib.loads(text)
        if ending == ".json":
            return json.loads(text, object_pairs_hook=_unique)
    except SpecError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        rule = f"is no valid YAML: {getattr(error, 'problem', None) or error}{where}"
        raise SpecError([Problem("", path.name, rule, "mind indentation, colons and quotes")]) from None
    except ValueError as error:
        raise SpecError(
            [Problem("", path.name, f"is no valid {ending[1:].upper()}: {error}", "correct it there")]
        ) from None
    raise SpecError([Problem("", path.name, f"has the ending {ending!r}", "use .yaml, .toml or .json")])


def resolve_paths(fields: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return ``fields`` with local paths made absolute, relative ones taken from ``folder``."""

    def absolute(given: Any) -> Any:
        if not isinstance(given, str) or "://" in given:
            return given
        return str(folder / Path(given).expanduser())

    resolved = dict(fields)
    if isinstance(fields.get("training"), dict):
        resolved["training"] = _resolved_training(fields["training"], absolute)
    if "warm_start" in fields:
        resolved["warm_start"] = _resolved_parents(fields["warm_start"], absolute)
    return resolved


def _resolved_training(training: dict[str, Any], absolute: Callable[[Any], Any]) -> dict[str, Any]:
    resolved = dict(training)
    if resolved.get("entry_point") is not None:
        resolved["source_dir"] = absolute(resolved.get("source_dir", "."))
    if "output" in resolved:
        resolved["output"] = absolute(resolved["output"])
    channels = resolved.get("channels")
    if isinstance(channels, dict):
        resolved["channels"] = {
            name: {**one, "source": absolute(one.get("source"))} if isinstance(one, dict) else absolute(one)
            for name, one in channels.items()
        }
    return resolved


def _resolved_parents(given: Any, absolute: Callable[[Any], Any]) -> Any:
    """Return a warm start, in any of its forms, whose files have absolute paths."""
    if isinstance(given, dict):
        return {**given, "parents": _resolved_parents(given["parents"], absolute)} if "parents" in given else given
    if isinstance(given, list):
        return [_resolved_parents(one, absolute) for one in given]
    return absolute(given) if isinstance(given, str) and is_json_file(given) else given
