"""What the service model of botocore says of a request: types, members, lengths, values and patterns.

Clients check types and members themselves, AWS checks all of it; so whoever stands behind this can rely on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from smtune.amt.shapes import compiled
from smtune.amt.times import read_time
from smtune.amt.violations import Path, dotted, wired
from smtune.emulator.service.errors import ServiceError, validation

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}
_UNITS: Final = {"string": "length", "list": "length", "map": "length"}


@cache
def service_model() -> Any:
    """Return botocore's model of SageMaker."""
    import botocore.session

    return botocore.session.Session().get_service_model("sagemaker")


def checked(operation: str, request: Mapping[str, Any], *, constraints: bool) -> dict[str, Any]:
    """Return a request without members that are null, and with times as seconds since the epoch.

    Args:
        operation: One of SageMaker's.
        request: What a client sent, as JSON was read.
        constraints: Whether lengths, values and patterns count as well.

    Raises:
        ServiceError: Something is of a wrong type, is missing, or breaks a constraint.
    """
    shape = service_model().operation_model(operation).input_shape
    if shape is None:
        return dict(request)
    try:
        read: dict[str, Any] = _read(request, shape, ())
        broken = list(_broken(read, shape, (), constraints=constraints))
    except RecursionError:
        raise ServiceError("SerializationException", "The request is nested too deeply.") from None
    if broken:
        errors = "validation error" if len(broken) == 1 else "validation errors"
        raise validation(f"{len(broken)} {errors} detected: {'; '.join(broken)}")
    return read


def _read(value: Any, shape: Any, path: Path) -> Any:
    """Return a value of a shape.

    Raises:
        ServiceError: It is of another type.
    """
    types = _TYPES.get(shape.type_name)
    if types is None:
        return value
    fits = isinstance(value, types) and (not isinstance(value, bool) or bool in types)
    if not fits:
        raise _mistyped(path, value, shape)
    match shape.type_name:
        case "structure":
            there = {name: inner for name, inner in value.items() if inner is not None}
            members = shape.members
            return {
                name: _read(inner, members[name], (*path, name)) if name in members else inner
                for name, inner in there.items()
            }
        case "list":
            return [_read(inner, shape.member, (*path, place)) for place, inner in enumerate(value)]
        case "map":
            return {
                _read(key, shape.key, (*path, key)): _read(inner, shape.value, (*path, key))
                for key, inner in value.items()
            }
        case "timestamp":
            return _time(value, shape, path)
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, str) and not _is_text(value)):
        raise _mistyped(path, value, shape)
    return value


def _time(value: float | str, shape: Any, path: Path) -> float:
    try:
        seconds = read_time(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise _mistyped(path, value, shape)
    return seconds


def _is_text(value: str) -> bool:
    """Return whether a text can be written down: JSON lets halves of characters through."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mistyped(path: Path, value: object, shape: Any) -> ServiceError:
    where = dotted(path) or "the request"
    text = f"{where!a} must be of the type {shape.type_name}, not {type(value).__name__} as it is"
    return ServiceError("SerializationException", text)


def _broken(value: Any, shape: Any, path: Path, *, constraints: bool) -> Iterator[str]:
    """Yield what is wrong with a value that has the type of its shape, in AWS's words."""
    if constraints:
        for constraint in _constraints(value, shape):
            shown = value if isinstance(value, str | int | float) else "{...}" if isinstance(value, dict) else "[...]"
            yield f"Value '{shown}' at '{wired(path)}' failed to satisfy constraint: {constraint}"
    match shape.type_name:
        case "structure":
            for name in shape.required_members:
                if name not in value:
                    where = wired((*path, name))
                    yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
            inner = [(name, value[name], member) for name, member in shape.members.items() if name in value]
        case "list":
            inner = [(place, one, shape.member) for place, one in enumerate(value)]
        case "map":
            inner = [(key, one, shape.value) for key, one in value.items()]
        case _:
            inner = []
    for part, one, member in inner:
        yield from _broken(one, member, (*path, part), constraints=constraints)


def _constraints(value: Any, shape: Any) -> Iterator[str]:
    """Yield the constraints that a value breaks."""
    rules = shape.metadata
    noun = _UNITS.get(shape.type_name, "value")
    size = len(value) if noun == "length" else value
    if "min" in rules and size < rules["min"]:
        yield f"Member must have {noun} greater than or equal to {rules['min']}"
    elif "max" in rules and size > rules["max"]:
        yield f"Member must have {noun} less than or equal to {rules['max']}"
    elif "pattern" in rules and not compiled(_translated(rules["pattern"])).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {rules['pattern']}"
    if "enum" in rules and value not in rules["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"


def _translated(pattern: str) -> str:
    """Return a pattern without the one class of Java's that tuning jobs do not have."""
    return pattern.replace(r"\p{Alnum}", "a-zA-Z0-9")
