"""What is optimised: one metric, and which way."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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
