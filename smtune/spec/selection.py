"""Which configuration a job recommends: ``selection: best``, or ``selection: one_standard_error``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from smtune.errors import Problem, SpecError
from smtune.spec.problems import closest, problems_of

SECONDS = "seconds"
"""What ``prefer`` calls the time of a training."""

_RULES = ("best", "one_standard_error")


class Selection(BaseModel):
    """Recommend the cheapest configuration that is as good as the best, but for noise (Breiman et al., 1984)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["one_standard_error"] = "one_standard_error"
    prefer: Annotated[
        str,
        Field(min_length=1, description="What is cheaper where it is smaller: seconds, a parameter, or a metric."),
    ] = SECONDS


def read_selection(given: Any) -> Selection | None:
    """Return the rule that a word or a mapping means; ``None`` for the best by score.

    >>> read_selection("one_standard_error").prefer
    'seconds'

    Raises:
        SpecError: Everything that is wrong, with paths relative to the selection.
    """
    if given is None or isinstance(given, Selection):
        return given
    if given == "best":
        return None
    if isinstance(given, str):
        if given == "one_standard_error":
            return Selection()
        raise SpecError([Problem("", given, "is no rule of selection", closest(given, _RULES, _ways()))])
    if not isinstance(given, Mapping):
        raise SpecError([Problem("", given, "is no rule of selection", _ways())])
    try:
        return Selection(**given)
    except ValidationError as error:
        raise SpecError(problems_of(error, Selection)) from None


def _ways() -> str:
    return f"use {' or '.join(_RULES)}, or {{rule: one_standard_error, prefer: max_depth}}"


SelectionField = Annotated[
    Selection | None,
    BeforeValidator(read_selection, json_schema_input_type=Literal["best", "one_standard_error"] | Selection | None),
]
"""A rule by which a configuration other than the best by score may be recommended, or ``None``."""
