"""A further algorithm that a job tunes beside its own: SageMaker's training job definitions."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from smtune.errors import Problem, SpecError
from smtune.space import SearchSpace
from smtune.spec.metrics import MetricsField
from smtune.spec.objective import Objective
from smtune.spec.parameters import SpaceField
from smtune.spec.parts import Training
from smtune.spec.problems import problems_of
from smtune.spec.sagemaker import SageMaker
from smtune.spec.static import StaticField

_OF_THE_JOB = (
    "autotune",
    "bucket",
    "definition_name",
    "max_cost_usd",
    "prefix",
    "region",
    "request",
    "tags",
    "usd_per_hour",
)
"""Keys of the ``sagemaker`` block that a job has once."""


class Definition(BaseModel):
    """An algorithm with ranges and an objective of its own. What it leaves out is as for the job itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)

    objective: Objective | None = None
    parameters: Annotated[SearchSpace, SpaceField, Field(description="What may vary: names to ranges or choices.")]
    static: Annotated[StaticField, Field(description="Hyperparameters that do not vary.")] = {}
    metrics: Annotated[MetricsField, Field(description="Metric to the regular expression that finds it.")] = {}
    max_trial_seconds: Annotated[float | None, Field(gt=0, description="Wall-clock seconds of one trial.")] = None
    training: Training | None = None
    sagemaker: SageMaker | None = None

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise SpecError(problems_of(error, type(self))) from None

    @model_validator(mode="after")
    def _check(self) -> Definition:
        problems = [
            Problem(f"static.{name}", self.static[name], "is tuned as well", "keep it in one of the two places")
            for name in sorted(self.static.keys() & self.parameters.keys())
        ]
        own = self.sagemaker
        problems += [
            Problem(f"sagemaker.{key}", getattr(own, key), "is for the job as a whole", f"write it as sagemaker.{key}")
            for key in _OF_THE_JOB
            if own is not None
            and getattr(own, key) != SageMaker.model_fields[key].get_default(call_default_factory=True)
        ]
        if problems:
            raise SpecError(problems)
        return self

    def completed(
        self,
        *,
        objective: Objective,
        training: Training | None,
        sagemaker: SageMaker | None,
        max_trial_seconds: float | None,
    ) -> Self:
        """Return the definition with what it leaves out."""
        filled: dict[str, Any] = {
            "objective": self.objective or objective,
            "training": self.training or training,
            "max_trial_seconds": self.max_trial_seconds or max_trial_seconds,
        }
        if self.sagemaker is None and sagemaker is not None:
            filled["sagemaker"] = of_definition(sagemaker)
        return self.model_copy(update=filled)


def of_definition(sagemaker: SageMaker) -> SageMaker:
    """Return the block without what a job has once."""
    defaults = {key: SageMaker.model_fields[key].get_default(call_default_factory=True) for key in _OF_THE_JOB}
    return sagemaker.model_copy(update=defaults)
