"""Hyperparameters that do not vary, as users write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from smtune.container import encode_value
from smtune.errors import Problem, SpecError


def _static(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    problems = []
    for name, value in given.items():
        try:
            encode_value(value)
        except (TypeError, ValueError) as error:
            problems.append(Problem(str(name), value, f"cannot be a hyperparameter: {error}", "write it as text"))
    if problems:
        raise SpecError(problems)
    return {str(name): value for name, value in given.items()}


StaticField = Annotated[dict[str, Any], BeforeValidator(_static)]
"""Name to a value that can be written as text, and read back with its type."""
