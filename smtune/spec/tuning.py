"""The spec of a tuning job: one object that every backend reads."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from smtune.errors import Problem, SpecError
from smtune.space import CategoricalParameter, SearchSpace
from smtune.spec.definition import Definition
from smtune.spec.metrics import MetricsField
from smtune.spec.objective import Goal, Objective
from smtune.spec.parameters import SpaceField
from smtune.spec.parts import NAME_PATTERN, Limits, Training
from smtune.spec.problems import problems_of
from smtune.spec.repeats import Repeats, RepeatsField
from smtune.spec.resources import Resource, is_whole, repeats_refused, resource_missing, resource_of
from smtune.spec.sagemaker import SageMaker
from smtune.spec.selection import SECONDS, SelectionField
from smtune.spec.static import StaticField
from smtune.spec.stopping import Completion, EarlyStopping
from smtune.spec.strategies import (
    AshaConfig,
    ChainConfig,
    EvolutionaryConfig,
    GradientConfig,
    GridConfig,
    HyperbandConfig,
    ManualConfig,
    StrategyConfig,
)
from smtune.spec.warm_start import WarmStartField, WarmStartType


class TuningSpec(BaseModel):
    """A tuning job, described once for every backend.

    >>> spec = TuningSpec(
    ...     objective={"metric": "loss", "goal": "Minimize"},
    ...     parameters={"lr": {"type": "continuous", "min": 1e-4, "max": 1.0, "scaling": "Logarithmic"}},
    ...     strategy="random",
    ...     limits={"max_trials": 20},
    ... )
    >>> spec.strategy.type, spec.limits.max_parallel
    ('random', 1)

    Raises:
        SpecError: Everything that is wrong, at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: Annotated[
        str | None,
        Field(
            description="Name of the job: up to 32 letters, digits and inner hyphens. By default made from the time."
        ),
    ] = None
    objective: Objective
    parameters: Annotated[SearchSpace, SpaceField, Field(description="What may vary: names to ranges or choices.")]
    static: Annotated[StaticField, Field(description="Hyperparameters that do not vary.")] = {}
    strategy: Annotated[StrategyConfig, Field(description="Which configuration comes next.")] = EvolutionaryConfig()
    limits: Limits = Limits()
    early_stopping: Annotated[
        EarlyStopping,
        Field(description="Whether trials that do not look well are given up: Off, Auto (the median rule), or a rule."),
    ] = None
    completion: Annotated[
        Completion, Field(description="When the job is done before its limits are reached; by default never.")
    ] = Completion()
    warm_start: Annotated[
        WarmStartField, Field(description="Up to 5 earlier jobs that this one builds on; by default none.")
    ] = None
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="The same seed gives the same trials.")] = 0
    repeats: Annotated[
        RepeatsField,
        Field(description="How often each configuration is trained: a number, or {min: 1, max: 5} for a race."),
    ] = Repeats(max=1)
    selection: Annotated[
        SelectionField, Field(description="Which configuration is recommended; by default the best by its score.")
    ] = None
    baseline: Annotated[
        dict[str, Any] | None,
        Field(description="The untuned configuration; it is trained first, and the best is compared with it."),
    ] = None
    metrics: Annotated[
        MetricsField,
        Field(
            description="Metric to the regular expression that finds it in a log line; for reported metrics a list of "
            "their names, or nothing."
        ),
    ] = {}
    training: Annotated[Training | None, Field(description="What a trial runs, unless a Python function is given.")] = (
        None
    )
    sagemaker: Annotated[
        SageMaker | None, Field(description="How and where SageMaker trains; ignored by backend local.")
    ] = None
    definitions: Annotated[
        dict[str, Definition] | None,
        Field(description="Further algorithms that the same job tunes, by name. SageMaker only."),
    ] = None

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            problems = problems_of(error, type(self))
            wrong = {str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"]}
            if wrong and not isinstance(self, _Rest):
                problems += _problems_of_rest(fields, wrong)
            raise SpecError(problems) from None

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], *, source: str | None = None) -> TuningSpec:
        """Return the spec that a mapping describes.

        Args:
            fields: As read from a file.
            source: What to name in errors, e.g. the file.

        Raises:
            SpecError: Everything that is wrong, at once.
        """
        problems = [
            Problem("", str(key), "is no known key", "keys are text") for key in fields if not isinstance(key, str)
        ]
        if problems:
            raise SpecError(problems, source=source)
        try:
            return cls(**fields)
        except SpecError as error:
            raise SpecError(error.problems, source=source) from None

    @classmethod
    def from_file(cls, path: str | Path) -> TuningSpec:
        """Read a spec from a ``.yaml``, ``.yml``, ``.toml`` or ``.json`` file.

        Relative paths in it are taken from the file's own folder.

        Raises:
            SpecError: The file cannot be read, or what it says is wrong.
        """
        from smtune.spec.files import read_mapping, resolve_paths

        source = Path(path)
        return cls.from_dict(resolve_paths(read_mapping(source), source.resolve().parent), source=str(path))

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain JSON values; :meth:`from_dict` reads it back."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def planned_trials(self) -> int | None:
        """How many trials there will be if nothing stops the job early, or ``None`` if only time ends it.

        Where configurations race, there will be at most as many.
        """
        bounds = (self._strategy_trials(self.repeats.max), self.limits.max_trials)
        counts = [count for count in bounds if count is not None]
        return min(counts) if counts else None

    def _strategy_trials(self, repeats: int) -> int | None:
        """Return after how many trials the strategy ends by itself, if it does, with so many of each configuration."""
        if self.definitions is not None or not self.parameters:
            return None  # there is more than this space, or nobody knows it yet
        count = _configurations(self.strategy, self.parameters)
        size = self.parameters.size()
        if size != math.inf:
            count = int(size) if count is None else min(count, int(size))
        return None if count is None else (count + self._extra_configurations(count, size)) * repeats

    def _extra_configurations(self, count: int, size: float) -> int:
        """Return 1 if the baseline comes on top of what the strategy proposes."""
        if self.baseline is None or count >= size:
            return 0
        if isinstance(self.strategy, ManualConfig):
            return int(self.baseline not in [self.parameters.validate(one) for one in self.strategy.configurations])
        if isinstance(self.strategy, GridConfig):
            levels = self.parameters.grid_levels(self.strategy.levels)
            return int(any(self.baseline[name] not in values for name, values in levels.items()))
        return 1

    @model_validator(mode="after")
    def _check(self) -> TuningSpec:
        problems = [*self._name_problems(), *self._parameter_problems(), *self._selection_problems()]
        problems += self._definition_problems()
        if self.sagemaker is None and self.limits.price_problem is not None:  # on SageMaker, instances have prices
            problems.append(self.limits.price_problem)
        if isinstance(self.strategy, ManualConfig):
            problems += self._manual_problems(self.strategy)
        if isinstance(self.strategy, HyperbandConfig | AshaConfig):
            problems += self._resource_problems(self.strategy)
        problems += self._warm_start_problems()
        if not problems:
            problems += self._count_problems()
        if problems:
            raise SpecError(problems)
        return self

    def _resource_problems(self, strategy: HyperbandConfig | AshaConfig) -> list[Problem]:
        """Find the resource among the static hyperparameters if the strategy names none, as SageMaker does."""
        problems = []
        if strategy.resource is None:
            resource = resource_of(self.static)
            if resource is None:
                problems.append(resource_missing().under("strategy"))
            object.__setattr__(self, "strategy", strategy.model_copy(update={"resource": resource}))
        else:
            problems += self._length_problems(strategy.resource)
        if self.early_stopping is not None:
            rule = f"cannot be combined with {strategy.type}, which stops trials by itself"
            problems.append(Problem("early_stopping", self.early_stopping.type, rule, "leave it out, or use Off"))
        if self.repeats.max > 1:
            problems.append(repeats_refused(strategy.type, self.repeats.max))
        return problems

    def _length_problems(self, resource: Resource) -> list[Problem]:
        """Return how the hyperparameters contradict what a whole training spends."""
        unit = resource.unit
        if unit in self.parameters:
            rule = f"is tuned (parameters.{unit}), so trainings have no common length to count by"
            fix = f"tune other parameters and write static.{unit}: {resource.max}, or count another unit"
            return [Problem("strategy.resource.unit", unit, rule, fix)]
        length = self.static.get(unit)
        if is_whole(length) and length < resource.max:
            rule = f"is more than static.{unit} = {length}, so no trial would ever get there"
            fix = f"write resource: {{{unit}: {min(resource.min, max(length, 1))} to {max(length, 1)}}}, or raise static.{unit}"
            return [Problem("strategy.resource.max", resource.max, rule, fix)]
        return []

    def _name_problems(self) -> list[Problem]:
        if self.name is None or NAME_PATTERN.fullmatch(self.name):
            return []
        rule = "must be 1 to 32 letters, digits and inner hyphens"
        fix = re.sub(r"[^a-zA-Z0-9]+", "-", self.name).strip("-")[:32].rstrip("-") or "tuning-1"
        return [Problem("name", self.name, rule, f"use {fix}")]

    def _parameter_problems(self) -> list[Problem]:
        problems = [
            Problem(f"static.{name}", self.static[name], "is tuned as well", "keep it in one of the two places")
            for name in sorted(self.static.keys() & self.parameters.keys())
        ]
        if self.baseline is not None:
            try:
                object.__setattr__(self, "baseline", dict(self.parameters.validate(self.baseline)))
            except SpecError as error:
                problems += [problem.under("baseline") for problem in error.problems]
        return problems

    def _definition_problems(self) -> list[Problem]:
        """Complete the further definitions, and return what is wrong with them."""
        autotune = self.sagemaker is not None and self.sagemaker.autotune
        spaces = {"parameters": self.parameters}
        for name, one in (self.definitions or {}).items():
            spaces[f"definitions.{name}.parameters"] = one.parameters
        problems = [
            Problem(field, {}, "a search space needs at least one parameter", "name what may vary")
            for field, space in spaces.items()
            if not space and not autotune
        ]
        if self.definitions is not None:
            filled = {
                name: one.completed(
                    objective=self.objective,
                    training=self.training,
                    sagemaker=self.sagemaker,
                    max_trial_seconds=self.limits.max_trial_seconds,
                )
                for name, one in self.definitions.items()
            }
            object.__setattr__(self, "definitions", filled)
        return problems

    def _selection_problems(self) -> list[Problem]:
        """Return what is wrong with the cost that the selection prefers low."""
        if self.selection is None or self.selection.prefer == SECONDS:
            return []
        prefer = self.selection.prefer
        held_out = self.objective.holdout_metric
        if prefer in (self.objective.metric, held_out) or prefer.startswith("test:"):
            what = (
                "the objective" if prefer == self.objective.metric else "of the holdout, which takes no part in choices"
            )
            fix = f"use {SECONDS}, a parameter, or another metric"
            return [Problem("selection.prefer", prefer, f"is {what}", fix)]
        parameter = self.parameters.get(prefer)
        if isinstance(parameter, CategoricalParameter):
            fix = f"use {SECONDS}, or a numeric parameter"
            return [Problem("selection.prefer", prefer, "is a choice, which is neither small nor large", fix)]
        return []

    def _count_problems(self) -> list[Problem]:
        try:
            count = self._strategy_trials(self.repeats.min)
        except SpecError as error:
            return [_at_grid(problem) for problem in error.problems]
        limit = self.limits.max_trials
        unlimited = count is None and limit is None and self.limits.max_runtime_seconds is None
        unlimited &= self.sagemaker is None or not self.sagemaker.autotune
        unlimited &= self.definitions is None or not isinstance(self.strategy, GridConfig)
        if unlimited and not isinstance(self.strategy, GradientConfig):
            rule = f"is missing, and {self.strategy.type} search never ends by itself"
            return [Problem("limits.max_trials", None, rule, self._limit_fix())]
        if isinstance(self.strategy, GridConfig) and count is not None and limit is not None and count > limit:
            rule = f"is less than the {count} trials of this grid ({self._grid_formula()})"
            fix = f"set limits.max_trials: {count}, or make the grid coarser (fewer strategy.levels, larger steps)"
            numbers = [name for name, one in self.parameters.items() if not isinstance(one, CategoricalParameter)]
            if numbers and self.sagemaker is not None:
                fix = (
                    f"on SageMaker a grid has categorical parameters only: list the values of {', '.join(numbers)}; "
                    f"elsewhere {fix}"
                )
            return [Problem("limits.max_trials", limit, rule, fix)]
        return []

    def _limit_fix(self) -> str:
        fix = "set limits.max_trials or limits.max_runtime_seconds"
        if isinstance(self.strategy, HyperbandConfig) and self.strategy.resource is not None:
            return f"{fix}, e.g. to a multiple of the trials of one round of brackets"
        return fix

    def _manual_problems(self, strategy: ManualConfig) -> list[Problem]:
        problems = []
        for index, configuration in enumerate(strategy.configurations):
            try:
                self.parameters.validate(configuration)
            except SpecError as error:
                problems += [problem.under(f"strategy.configurations[{index}]") for problem in error.problems]
        return problems

    def _warm_start_problems(self) -> list[Problem]:
        transfers = self.warm_start is not None and self.warm_start.type is WarmStartType.TransferLearning
        if not transfers or not isinstance(self.strategy, ManualConfig | GridConfig):
            return []
        rule = f"means nothing to {self.strategy.type} search, which trains its own configurations whatever is known"
        fix = "use another strategy, or leave warm_start out"
        return [Problem("warm_start.type", WarmStartType.TransferLearning.value, rule, fix)]

    def _grid_formula(self) -> str:
        levels = self.parameters.grid_levels(self.strategy.levels if isinstance(self.strategy, GridConfig) else None)
        product = " x ".join(f"{len(values)} {name}" for name, values in levels.items())
        extras = [f"x {self.repeats.min} repeats"] if self.repeats.min > 1 else []
        return " ".join([product, *extras])


class _Rest(TuningSpec):
    """What is left of a wrong spec without its wrong keys, to find what else is wrong."""


def _problems_of_rest(fields: Mapping[str, Any], wrong: Collection[str]) -> list[Problem]:
    """Return the problems between the keys that are fine by themselves; wrong ones take a harmless value."""
    if "parameters" in wrong:
        return []
    harmless: dict[str, Any] = {
        "objective": Objective(metric="-", goal=Goal.Maximize),
        "limits": Limits(max_trials=10**9),
    }
    rest = {key: value for key, value in fields.items() if key not in wrong}
    try:
        _Rest(**rest, **{key: value for key, value in harmless.items() if key in wrong})
    except SpecError as error:
        return [problem for problem in error.problems if problem.field.partition(".")[0] not in wrong]
    return []


def _at_grid(problem: Problem) -> Problem:
    return problem.under("strategy") if problem.field.startswith("levels") else problem.under("parameters")


def _configurations(strategy: StrategyConfig, space: SearchSpace) -> int | None:
    """Return how many configurations a strategy proposes before it ends by itself, or ``None`` if it does not."""
    if isinstance(strategy, ManualConfig):
        return len({tuple(space.validate(one).items()) for one in strategy.configurations})
    if isinstance(strategy, GridConfig):
        return math.prod(len(values) for values in space.grid_levels(strategy.levels).values())
    if isinstance(strategy, EvolutionaryConfig) and strategy.max_generations is not None:
        return strategy.max_generations * strategy.population
    if isinstance(strategy, ChainConfig) and strategy.preset is None:
        counts = []
        for step in strategy.steps:
            own = _configurations(step.strategy, space)
            bounds = [count for count in (own, step.trials) if count is not None]
            counts.append(min(bounds) if bounds else None)
        return None if None in counts else sum(count for count in counts if count is not None)
    return None
