"""What the service model alone says of a request: members, types, lengths, ranges, patterns and enumerations.

``service_model.json`` holds the shapes that a ``CreateHyperParameterTuningJob`` request can reach, as botocore
describes them. Botocore itself checks only members, types and least values before it sends a request; the service
checks the rest, and so does this module. Messages have the form of the service's own::

    Value 'a_b' at 'hyperParameterTuningJobName' failed to satisfy constraint: Member must satisfy regular
    expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}

Maps are not spelled out in them, for they may hold secrets. A text of the wrong length is not matched
against its pattern as well.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from smtune.amt.violations import API_REFERENCE, Path, Severity, Violation, dotted, shareable, wired

# Characters of the Unicode category Z (separators).
_SEPARATORS = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# AWS matches with Java's patterns, where a dot matches no line terminator of any kind.
_DOT = r"[^\n\r\u0085\u2028\u2029]"
_UNCLASSED_DOT = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\.", re.DOTALL)
# What a pattern means, and an example, by the pattern or the name of the shape.
_PATTERN_WORDS: Mapping[str, tuple[str, str]] = {
    ".*": ("must not hold line breaks", "take them out"),
    ".+": ("must not hold line breaks", "take them out"),
    "HyperParameterTuningJobName": ("must hold only letters, digits, and hyphens between them", "e.g. my-job-1"),
    "HyperParameterTrainingJobDefinitionName": (
        "must hold only letters, digits, and hyphens between them",
        "e.g. my-definition-1",
    ),
    "ChannelName": ("must hold only letters, digits, dots, hyphens and underscores", "e.g. train"),
    "RoleArn": ("must be the ARN of an IAM role", "e.g. arn:aws:iam::111122223333:role/SageMakerRole"),
    "S3Uri": ("must be an address in S3", "e.g. s3://bucket/prefix"),
    "HyperParameterTrainingJobEnvironmentKey": (
        "must be named by letters, digits and underscores, and not start with a digit",
        "e.g. LOG_LEVEL",
    ),
    r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)": (
        "must hold only letters, digits, spaces and _ . : / = + - @",
        "take the rest out",
    ),
    "FileSystemId": ("must be the id of a file system", "e.g. fs-0123456789abcdef0"),
}
_PREFIX = "ml."
_INT32 = 2**31
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Shape:
    """A type of the service model, with its constraints.

    Attributes:
        name: As in the model.
        type: ``structure``, ``list``, ``map``, ``string``, ``integer``, ``long``, ``float`` or ``boolean``.
        members: Of a structure: names to the names of their shapes.
        required: Of a structure: the members that must be there.
        min: Least length or value.
        max: Greatest length or value.
        pattern: Of a string, in Java's syntax; matches the whole.
        enum: Of a string: all values.
        member: Of a list: the shape of its entries.
        key: Of a map: the shape of its keys.
        value: Of a map: the shape of its values.
    """

    name: str
    type: str
    members: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    min: int | None = None
    max: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    member: str = ""
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """The recorded part of the service model.

    Attributes:
        botocore: Version of botocore that it was taken from.
        api_version: Version of SageMaker's API.
        root: Name of the shape of a request.
        shapes: By name.
    """

    botocore: str
    api_version: str
    root: str
    shapes: Mapping[str, Shape]


@cache
def service_model() -> ServiceModel:
    """Return the recorded service model, read once."""
    raw = json.loads(files("smtune.amt").joinpath("service_model.json").read_text(encoding="utf-8"))
    shapes = {name: _shape(name, written) for name, written in raw.pop("shapes").items()}
    return ServiceModel(**raw, shapes=shapes)


def _shape(name: str, written: Mapping[str, Any]) -> Shape:
    parts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in written.items()}
    return Shape(name, **parts)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    r"""Return a pattern of the service model, which is Java's, as Python's; to be used with ``fullmatch``.

    Letters and numbers of all scripts occur only side by side with the underscore, where they equal Python's ``\w``.
    """
    everywhere = pattern.replace(r"\p{L}\p{Z}\p{N}_", rf"\w{_SEPARATORS}")
    translated = _UNCLASSED_DOT.sub(lambda match: _DOT if match[0] == "." else match[0], everywhere)
    # Java's \d and \w know ASCII only.
    return re.compile(translated, re.ASCII if everywhere == pattern else re.NOFLAG)


def check_shapes(request: object) -> list[Violation]:
    """Return all that contradicts the service model, outermost first."""
    root = service_model().shapes[service_model().root]
    return list(_check(request, root, (), f"{API_REFERENCE}CreateHyperParameterTuningJob.html"))


def _check(value: Any, shape: Shape, path: Path, source: str) -> Iterator[Violation]:
    """Yield what is wrong with a value; ``source`` is the page of the structure that holds it."""
    expected, fits = _TYPES[shape.type]
    if not fits(value):
        shown = shareable(path, value)
        yield Violation(
            path,
            shown,
            f"must be {expected}",
            _conversion(shown, shape.type),
            source,
            Severity.error,
            f"{dotted(path)} must be {expected}, not {type(value).__name__}",
        )
        return
    for found in _constraints(value, shape):
        yield _constraint(found, value, path, source)
    match shape.type:
        case "structure":
            yield from _structure(value, shape, path)
        case "list":
            yield from _list(value, shape, path, source)
        case "map":
            yield from _map(value, shape, path, source)


def _structure(value: Mapping[Any, object], shape: Shape, path: Path) -> Iterator[Violation]:
    model = service_model()
    page = shape.name.removesuffix("Request")
    source = f"{API_REFERENCE}{page}.html"
    for name in shape.required:
        if name not in value:
            where = (*path, name)
            message = _failed(where, "null", "Member must not be null")
            yield Violation(where, None, "is required", "add it", source, Severity.error, message)
    for name, inner in value.items():
        where = (*path, str(name))
        if name in shape.members:
            yield from _check(inner, model.shapes[shape.members[name]], where, source)
            continue
        rule = f"is no member of {page} in botocore {model.botocore}"
        close = get_close_matches(str(name), shape.members, 1)
        fix = f"did you mean {close[0]}?" if close else "take it out, unless the service is newer than that"
        yield Violation(where, shareable(where, inner), rule, fix, source, Severity.unknown, f"{where[-1]} {rule}")


def _list(value: list[object], shape: Shape, path: Path, source: str) -> Iterator[Violation]:
    member = service_model().shapes[shape.member]
    for place, inner in enumerate(value):
        for violation in _check(inner, member, (*path, place), source):
            if member.type != "string" or not isinstance(inner, str):
                yield violation
                continue
            # AWS names the list, not the entry, and all that holds of entries.
            whole = f"Member must satisfy constraint: [{', '.join(_all_constraints(member))}]"
            texts = ", ".join(one for one in value if isinstance(one, str))
            yield replace(violation, message=_failed(path, f"'[{texts}]'", whole))


def _map(value: Mapping[object, object], shape: Shape, path: Path, source: str) -> Iterator[Violation]:
    key_shape, value_shape = service_model().shapes[shape.key], service_model().shapes[shape.value]
    for key, inner in value.items():
        where = (*path, str(key))
        for part, part_shape, words in ((key, key_shape, "keys"), (inner, value_shape, "value")):
            for violation in _check(part, part_shape, where, source):
                if not isinstance(part, str):
                    yield violation
                    continue
                whole = f"Map {words} must satisfy constraint: [{', '.join(_all_constraints(part_shape))}]"
                yield replace(violation, message=_failed(path, "'{...}'", whole))


def _constraints(value: Any, shape: Shape) -> Iterator[tuple[str, str, str]]:
    """Yield the constraints that a value breaks: what must hold in smtune's words, the fix, and AWS's words."""
    if shape.type in ("string", "list", "map"):
        one, several = ("character", "characters") if shape.type == "string" else ("entry", "entries")
        size = len(value)
        if shape.min is not None and size < shape.min:
            rule = f"must have at least {shape.min} {one if shape.min == 1 else several}"
            meaning, fix = _PATTERN_WORDS.get(shape.name, ("", f"it has {size}"))
            # What is far too short has not the form either, and that says more.
            yield (
                meaning if meaning and shape.min > 1 else rule,
                fix,
                f"Member must have length greater than or equal to {shape.min}",
            )
        elif shape.max is not None and size > shape.max:
            rule = f"must have at most {shape.max} {one if shape.max == 1 else several}"
            yield rule, f"it has {size}", f"Member must have length less than or equal to {shape.max}"
        elif shape.pattern is not None and not compiled(shape.pattern).fullmatch(value):
            aws = f"Member must satisfy regular expression pattern: {shape.pattern}"
            words = _PATTERN_WORDS.get(shape.pattern) or _PATTERN_WORDS.get(shape.name)
            yield *(words or (f"must match {shape.pattern}", "write it in that form")), aws
        if shape.enum and value not in shape.enum:
            yield _enumeration(value, shape)
    elif shape.type in ("integer", "long", "float"):
        if shape.min is not None and value < shape.min:
            aws = f"Member must have value greater than or equal to {shape.min}"
            yield f"must be at least {shape.min}", f"use {shape.min} or more", aws
        if shape.max is not None and value > shape.max:
            aws = f"Member must have value less than or equal to {shape.max}"
            yield f"must be at most {shape.max}", f"use {shape.max} or less", aws


def _enumeration(value: str, shape: Shape) -> tuple[str, str, str]:
    aws = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    prefixed = f"{_PREFIX}{value}"  # SageMaker's name of what EC2 calls m5.xlarge
    close = [prefixed] if prefixed in shape.enum else get_close_matches(value, shape.enum, 1)
    suggestion = f"did you mean {close[0]}?" if close else f"e.g. {shape.enum[0]}"
    if len(shape.enum) <= 10:
        return f"must be one of {', '.join(shape.enum)}", suggestion, aws
    return f"is none of the {len(shape.enum)} values in botocore {service_model().botocore}", suggestion, aws


def _all_constraints(shape: Shape) -> tuple[str, ...]:
    """Return all that AWS lists when an entry of a list or a map breaks any of it."""
    texts = []
    if shape.max is not None:
        texts.append(f"Member must have length less than or equal to {shape.max}")
    if shape.min is not None:
        texts.append(f"Member must have length greater than or equal to {shape.min}")
    if shape.pattern is not None:
        texts.append(f"Member must satisfy regular expression pattern: {shape.pattern}")
    return tuple(texts)


def _constraint(found: tuple[str, str, str], value: object, path: Path, source: str) -> Violation:
    rule, fix, aws = found
    shown = shareable(path, value)
    return Violation(path, shown, rule, fix, source, Severity.error, _failed(path, f"'{shown}'", aws))


def _failed(path: Path, shown: str, constraint: str) -> str:
    return f"Value {shown} at '{wired(path)}' failed to satisfy constraint: {constraint}"


def _conversion(shown: object, wanted: str) -> str:
    """Return how to turn a value of the wrong type into one that fits."""
    if wanted == "string" and isinstance(shown, bool):
        return f'write it as text: "{str(shown).lower()}"'
    if wanted == "string" and isinstance(shown, int | float):
        return f'write it as text: "{_digits(shown)}"'
    return "take it out" if shown is None else f"write {_TYPES[wanted][0]}"


def _digits(value: float) -> str:
    try:
        return repr(value)
    except ValueError:  # Python spells no integer of more than 4300 digits
        return "..."


def _is_integer(value: object, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit


def _is_float(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_integer(value, _INT64)


_TYPES: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "structure": ("a mapping", lambda value: isinstance(value, Mapping)),
    "map": ("a mapping", lambda value: isinstance(value, Mapping)),
    "list": ("a list", lambda value: isinstance(value, list | tuple)),
    "string": ("text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("an integer of 32 bits", lambda value: _is_integer(value, _INT32)),
    "long": ("an integer of 64 bits", lambda value: _is_integer(value, _INT64)),
    "float": ("a finite number", _is_float),
}
