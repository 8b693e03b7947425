"""When to give up a trial, or the whole job, as users write it: ``early_stopping: Auto``, ``completion: {target: 0.9}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from smtune.errors import Problem, SpecError
from smtune.spec.problems import closest, problems_of


class _StoppingConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MedianConfig(_StoppingConfig):
    """Stop a trial that is worse than the median of the earlier trials at the same step."""

    type: Literal["median"] = "median"
    min_trials: Annotated[
        int, Field(ge=1, description="Completed trials that reported at a step before any is stopped there.")
    ] = 5
    min_reports: Annotated[
        int, Field(ge=2, description="Reports of the objective from which on a trial can be stopped.")
    ] = 2


class PlateauConfig(_StoppingConfig):
    """Stop a trial whose own objective no longer improves."""

    type: Literal["plateau"] = "plateau"
    patience: Annotated[int, Field(ge=1, description="Reports in a row without an improvement.")]
    min_change: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description="An improvement is larger than this, in units of the objective."),
    ] = 0.0


class AshaRuleConfig(_StoppingConfig):
    """Stop a trial that is not among the best ``1 / eta`` at rungs that lie ever further apart."""

    type: Literal["asha"] = "asha"
    first: Annotated[int, Field(ge=1, description="Steps that every trial trains before the first rung.")] = 1
    eta: Annotated[
        int, Field(ge=2, description="One of so many trials goes on past a rung; the next is so many times as far.")
    ] = 3
    last: Annotated[
        int | None, Field(ge=1, description="Steps of a whole training; a trial that goes past them is stopped.")
    ] = None

    @model_validator(mode="after")
    def _check(self) -> AshaRuleConfig:
        if self.last is not None and self.last < self.first:
            raise SpecError([Problem("last", self.last, f"is less than first = {self.first}", "swap them")])
        return self


Rule = MedianConfig | PlateauConfig | AshaRuleConfig

_CONFIGS: dict[str, type[Rule]] = {"median": MedianConfig, "plateau": PlateauConfig, "asha": AshaRuleConfig}
_WAYS = "use Off, Auto, or a mapping such as {type: plateau, patience: 10}"


def read_early_stopping(given: Any) -> Any:
    """Return the rule that ``Auto``, a mapping with a ``type``, or a config means; ``None`` for ``Off``.

    >>> read_early_stopping("Auto").min_trials
    5

    Raises:
        SpecError: Everything that is wrong, with paths relative to the rule.
    """
    if given is None or isinstance(given, Rule):
        return given
    if isinstance(given, str) and given.lower() in ("off", "auto"):
        return MedianConfig() if given.lower() == "auto" else None
    if isinstance(given, str):
        raise SpecError([Problem("", given, "is no way to stop trials early", closest(given, ("Off", "Auto"), _WAYS))])
    if not isinstance(given, Mapping) or "type" not in given:
        raise SpecError([Problem("", given, "names no way to stop trials early", _WAYS)])
    config = _CONFIGS.get(str(given["type"]))
    if config is None:
        fix = closest(str(given["type"]), _CONFIGS, f"use one of {', '.join(_CONFIGS)}")
        raise SpecError([Problem("type", given["type"], "is no rule of early stopping", fix)])
    try:
        return config(**given)
    except ValidationError as error:
        raise SpecError(problems_of(error, config)) from None


EarlyStopping = Annotated[
    Rule | None,
    BeforeValidator(read_early_stopping, json_schema_input_type=Literal["Off", "Auto"] | Rule | None),
]
"""A rule that gives up trials, or ``None`` for none."""


class Completion(_StoppingConfig):
    """When a job is done before its limits are reached; any one of the criteria completes it."""

    target: Annotated[
        float | None, Field(allow_inf_nan=False, description="Objective at which a completed trial is good enough.")
    ] = None
    not_improving: Annotated[
        int | None, Field(ge=1, description="Ended trials in a row without an improvement. SageMaker takes 3 or more.")
    ] = None
    on_convergence: Annotated[
        bool, Field(description="Complete the job when the best of the last trials is hardly better than before them.")
    ] = False
    convergence_window: Annotated[
        int, Field(ge=1, description="How many ended trials are compared with those before them, at least as many.")
    ] = 20
    min_improvement: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="An improvement is larger than this share of the best objective; SageMaker's is 1 %.",
        ),
    ] = 0.01

    @model_validator(mode="after")
    def _check(self) -> Completion:
        problems = []
        if not self.on_convergence and self._differs("convergence_window"):
            rule = "says nothing without on_convergence"
            problems.append(Problem("convergence_window", self.convergence_window, rule, "add on_convergence: true"))
        if not self.on_convergence and self.not_improving is None and self._differs("min_improvement"):
            rule = "says nothing without not_improving or on_convergence"
            problems.append(Problem("min_improvement", self.min_improvement, rule, "add not_improving: 10"))
        if problems:
            raise SpecError(problems)
        return self

    def _differs(self, name: str) -> bool:
        """Whether a field was given a value of its own; one that was written out and read back was not."""
        return bool(getattr(self, name) != type(self).model_fields[name].default)
