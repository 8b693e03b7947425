"""What a training spends, in the user's unit: ``resource: {epochs: 1 to 27}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeGuard

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smtune.errors import Problem, SpecError

TRAINING_LENGTHS = (
    "epochs",
    "numepochs",
    "n-epochs",
    "n_epochs",
    "num_epochs",
    "num_round",
    "n_estimators",
    "max_iter",
)
"""Static hyperparameters that say how long a whole training is.

SageMaker's Hyperband takes the first five for its ``MaxResource``; the others are those of XGBoost and scikit-learn.
"""

_RANGE = re.compile(r"\s*(\d+)\s*(?:to|-|\.\.)\s*(\d+)\s*")
_FIX = "write e.g. {epochs: 1 to 27}"


class Resource(BaseModel):
    """How much a training may spend, counted in steps of its reports: epochs, boosting rounds.

    As of SageMaker's ``HyperbandStrategyConfig``: no trial is stopped before it has used ``min``, and none gets more
    than ``max``.

    >>> Resource.model_validate(read_resource({"epochs": "1 to 27"}))
    Resource(unit='epochs', min=1, max=27)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Annotated[str, Field(min_length=1, description="What is counted, e.g. epochs.")]
    min: Annotated[int, Field(ge=1, description="The least that says something about a configuration.")] = 1
    max: Annotated[int, Field(ge=1, le=10**9, description="A whole training.")]

    @model_validator(mode="after")
    def _check(self) -> Resource:
        if self.max < self.min:
            raise SpecError([Problem("max", self.max, f"is less than min = {self.min}", "swap them")])
        return self


def read_resource(given: Any) -> Any:
    """Return the fields of the resource that ``{epochs: 1 to 27}`` or ``{epochs: [1, 27]}`` means.

    Raises:
        SpecError: It means none.
    """
    if not isinstance(given, Mapping) or len(given) != 1 or "max" in given:
        return given
    ((unit, bounds),) = given.items()
    found = _RANGE.fullmatch(bounds) if isinstance(bounds, str) else None
    if found is not None:
        bounds = [int(found[1]), int(found[2])]
    if is_whole(bounds):
        bounds = [1, bounds]
    if not isinstance(bounds, list | tuple) or len(bounds) != 2 or not all(map(is_whole, bounds)):
        raise SpecError([Problem(str(unit), bounds, "is no range of a resource", _FIX)])
    return {"unit": str(unit), "min": bounds[0], "max": bounds[1]}


ResourceField = Annotated[
    Resource,
    BeforeValidator(
        read_resource,
        json_schema_input_type=Resource
        | Annotated[
            dict[str, str | int | list[int]],
            Field(min_length=1, max_length=1, description="A unit and its range, e.g. {epochs: 1 to 27}."),
        ],
    ),
]
"""A resource, as users write it."""


def resource_of(static: Mapping[str, Any]) -> Resource | None:
    """Return the resource that the static hyperparameters tell, or ``None``.

    >>> resource_of({"epochs": 27, "optimizer": "adam"})
    Resource(unit='epochs', min=1, max=27)
    """
    for name in TRAINING_LENGTHS:
        length = static.get(name)
        if is_whole(length) and length >= 1:
            return Resource(unit=name, max=length)
    return None


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number, which ``True`` is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def resource_missing() -> Problem:
    """Return what is wrong if nothing says how long a training is; its path is relative to the strategy."""
    rule = "is missing, and no static hyperparameter such as epochs says how long a training is"
    return Problem("resource", None, rule, "write e.g. resource: {epochs: 1 to 27}")


def repeats_refused(strategy: str, repeats: int) -> Problem:
    """Return what is wrong with repeats beside a strategy that trains in parts."""
    rule = f"cannot be more than 1 with {strategy}: trials are compared while they train"
    return Problem("repeats", repeats, rule, "use repeats: 1")
