"""How often each configuration is trained: ``repeats: 3``, or ``repeats: {min: 1, max: 5}`` for a race."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_serializer, model_validator

from smtune.errors import Problem, SpecError
from smtune.spec.problems import problems_of


class Repeats(BaseModel):
    """How often each configuration is trained.

    With ``min`` below ``max``, configurations race: each is trained ``min`` times, and those that may still be the best
    go on, up to ``max``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: Annotated[int, Field(ge=1, description="Trainings of every configuration.")] = 1
    max: Annotated[int, Field(ge=1, description="Trainings of a configuration that may still be the best.")]
    level: Annotated[
        float,
        Field(gt=0, lt=0.5, description="A configuration is dropped whose chance of seeming so bad is lower."),
    ] = 0.05

    @property
    def race(self) -> bool:
        """Whether the number of trainings depends on what comes of them."""
        return self.min < self.max

    @model_validator(mode="after")
    def _check(self) -> Repeats:
        if self.min > self.max:
            raise SpecError([Problem("max", self.max, f"is less than min = {self.min}", f"use max: {self.min}")])
        return self

    @model_serializer
    def _write(self) -> int | dict[str, int | float]:
        return {"min": self.min, "max": self.max, "level": self.level} if self.race else self.max


def read_repeats(given: Any) -> Repeats:
    """Return what a number or a mapping means.

    >>> read_repeats(3)
    Repeats(min=3, max=3, level=0.05)
    >>> read_repeats({"max": 5}).race
    True

    Raises:
        SpecError: Everything that is wrong, with paths relative to the repeats.
    """
    if isinstance(given, Repeats):
        return given
    if isinstance(given, bool) or not isinstance(given, int | Mapping):
        raise SpecError([Problem("", given, "is no number of trainings", "use 3, or {min: 1, max: 5}")])
    if isinstance(given, int):
        if given < 1:
            raise SpecError([Problem("", given, "must be at least 1", "use 1 to train every configuration once")])
        return Repeats(min=given, max=given)
    try:
        return Repeats(**given)
    except ValidationError as error:
        raise SpecError(problems_of(error, Repeats)) from None


RepeatsField = Annotated[Repeats, BeforeValidator(read_repeats, json_schema_input_type=int | Repeats)]
"""Repeats, as a number or a mapping."""
