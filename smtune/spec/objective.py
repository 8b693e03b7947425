"""What is optimised: one metric, and which way."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smtune.errors import Problem, SpecError


class Goal(StrEnum):
    """SageMaker's words; ``min``, ``max`` and other spellings are read as one of the two."""

    Maximize = "Maximize"
    Minimize = "Minimize"

    @classmethod
    def parse(cls, text: object) -> Goal:
        """Return the goal that ``text`` means.

        >>> Goal.parse("min")
        <Goal.Minimize: 'Minimize'>

        Raises:
            SpecError: It means neither.
        """
        word = str(text).strip().lower()
        if word in ("maximize", "maximise", "max"):
            return cls.Maximize
        if word in ("minimize", "minimise", "min"):
            return cls.Minimize
        raise SpecError([Problem("", text, "is no goal", "use Maximize or Minimize")])

    @property
    def sign(self) -> int:
        """Factor that turns the objective into a loss to be minimised."""
        return -1 if self is Goal.Maximize else 1


class Objective(BaseModel):
    """The metric that is optimised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Annotated[str, Field(min_length=1, max_length=255, description="Name of the metric, as it is reported.")]
    goal: Annotated[Goal, BeforeValidator(Goal.parse), Field(description="Maximize or Minimize.")]
    holdout: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=255,
            description="The same metric on data that take no part in any choice; by default test:NAME for validation:NAME.",
        ),
    ] = None

    @property
    def holdout_metric(self) -> str | None:
        """Name of the metric on the holdout, whether the script reports it or not; ``None`` if there cannot be one."""
        twin = self.holdout or "test:" + self.metric.split(":", 1)[-1]
        return None if twin == self.metric else twin

    @model_validator(mode="after")
    def _check(self) -> Objective:
        if self.holdout == self.metric:
            rule = "is the objective itself, so it takes part in the selection"
            raise SpecError(
                [Problem("holdout", self.holdout, rule, "name a metric on data of its own, or leave it out")]
            )
        return self
