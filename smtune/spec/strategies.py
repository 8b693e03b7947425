"""The choice of a strategy, as users write it: ``strategy: evolutionary`` or ``{type: evolutionary, population: 12}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from smtune.errors import Problem, SpecError
from smtune.spec.problems import closest, problems_of
from smtune.spec.resources import ResourceField

Configurations = Annotated[
    list[dict[str, Any]], Field(description="Configurations, one mapping of names to values each.")
]


class _StrategyConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_strategy(given: Any) -> Any:
    """Return the strategy that a name, a mapping with a ``type``, or a config means.

    >>> read_strategy("grid").levels
    5

    Raises:
        SpecError: Everything that is wrong, with paths relative to the strategy.
    """
    return _read(given, list(STRATEGY_CONFIGS))


def _read_sampler(given: Any) -> Any:
    return _read(given, _types(_Sampler), unfit="cannot choose for hyperband or asha")


def _read_step(given: Any) -> Any:
    return _read(given, _types(SingleStrategy), unfit="cannot be a step of a chain")


def _types(union: Any) -> list[str]:
    return [_type(config) for config in get_args(union)]


def _type(config: type[_StrategyConfig]) -> str:
    return str(config.model_fields["type"].default)


def _read(given: Any, allowed: Sequence[str], *, unfit: str = "") -> Any:
    """Return the strategy that is meant, if its type is allowed here; ``unfit`` is the rule against the others."""
    fix = f"use {', '.join(allowed[:-1])} or {allowed[-1]}"
    if isinstance(given, str):
        given = {"type": given}
    if isinstance(given, _StrategyConfig):
        type_ = _type(type(given))
    elif isinstance(given, Mapping) and "type" in given:
        type_ = str(given["type"])
    else:
        raise SpecError([Problem("", given, "names no strategy", fix)])
    config = STRATEGY_CONFIGS.get(type_)
    if config is None:
        raise SpecError([Problem("", type_, "is no strategy", closest(type_, allowed, fix))])
    if type_ not in allowed:
        raise SpecError([Problem("", type_, unfit, fix)])
    if isinstance(given, _StrategyConfig):
        return given
    try:
        return config(**given)
    except ValidationError as error:
        raise SpecError(problems_of(error, config)) from None


class ManualConfig(_StrategyConfig):
    """The listed configurations in their order, and whatever is enqueued while the job runs."""

    type: Literal["manual"] = "manual"
    configurations: Configurations = []


class GridConfig(_StrategyConfig):
    """Every combination of the values of each parameter: its steps, its choices, or levels along its scaling."""

    type: Literal["grid"] = "grid"
    levels: Annotated[
        int | dict[str, int],
        Field(
            description="Values per parameter without a step: one number for all, or by name (which also thins steps)."
        ),
    ] = 5


class RandomConfig(_StrategyConfig):
    """Independent draws, uniform on the scaled space."""

    type: Literal["random"] = "random"


class SobolConfig(_StrategyConfig):
    """A scrambled Sobol sequence: random draws that cover the scaled space evenly."""

    type: Literal["sobol"] = "sobol"


class EvolutionaryConfig(_StrategyConfig):
    """A steady-state genetic algorithm: every ended trial may enter the population at once; nobody waits."""

    type: Literal["evolutionary"] = "evolutionary"
    population: Annotated[int, Field(ge=2, description="Configurations that survive and breed.")] = 10
    tournament: Annotated[int, Field(ge=1, description="Candidates per parent; the best of them is chosen.")] = 3
    crossover: Annotated[float, Field(ge=0, le=1, description="Probability of a second parent.")] = 0.5
    mutation: Annotated[
        float | None,
        Field(gt=0, le=1, description="Probability that a parameter mutates; by default 1 / parameters, at least 0.1."),
    ] = None
    sigma: Annotated[float, Field(gt=0, le=1, description="Width of a mutation, as a share of the scaled range.")] = (
        0.15
    )
    preselection: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="Children per trial, of which the one with the best neighbours is run; 1 runs any child.",
        ),
    ] = 8
    max_generations: Annotated[
        int | None, Field(ge=1, description="Stop after this many times `population` configurations.")
    ] = None
    patience: Annotated[
        int | None, Field(ge=1, description="Stop after this many results in a row without a new best.")
    ] = None


class BayesianConfig(_StrategyConfig):
    """A Gaussian process learns from all trials; the configuration with the largest expected improvement comes next."""

    type: Literal["bayesian"] = "bayesian"
    startup: Annotated[
        int,
        Field(ge=2, description="Results that the model needs; until then, configurations are spread over the space."),
    ] = 10


class GradientConfig(_StrategyConfig):
    """Descends along the derivatives of the objective that trials report, from several starts; continuous parameters."""

    type: Literal["gradient"] = "gradient"
    method: Annotated[
        Literal["lbfgs", "adam"],
        Field(
            description="lbfgs learns the curvature and searches along lines; adam bears noise, and needs more trials."
        ),
    ] = "lbfgs"
    starts: Annotated[
        int, Field(ge=1, description="Descents, each from its own start; as many trials at a time are of use.")
    ] = 3
    step: Annotated[
        float, Field(gt=0, le=0.5, description="First move of a descent, as a share of the scaled ranges.")
    ] = 0.1
    tolerance: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            description="A descent ends at this share of its first gradient, or when steps add no more to its decrease.",
        ),
    ] = 1e-4
    check: Annotated[
        bool, Field(description="Compare the first derivatives with a finite difference, which costs one trial.")
    ] = True


SingleStrategy = (
    ManualConfig | GridConfig | RandomConfig | SobolConfig | EvolutionaryConfig | BayesianConfig | GradientConfig
)


_Sampler = RandomConfig | SobolConfig | EvolutionaryConfig | BayesianConfig

Sampler = Annotated[_Sampler, BeforeValidator(_read_sampler), Field(discriminator="type")]
"""A strategy that says which configurations a multi-fidelity search begins with."""


class _MultiFidelityConfig(_StrategyConfig):
    resource: Annotated[
        ResourceField | None,
        Field(
            description="What is counted and its range, e.g. {epochs: 1 to 27}; by default the whole of a static "
            "hyperparameter such as epochs or num_round."
        ),
    ] = None
    eta: Annotated[
        int, Field(ge=2, le=100, description="One of so many trials goes on, with so many times the resource.")
    ] = 3
    sampler: Annotated[Sampler, Field(description="Which configurations are tried.")] = EvolutionaryConfig()


class HyperbandConfig(_MultiFidelityConfig):
    """Brackets of successive halving: many trials train a little, and the best of them go on."""

    type: Literal["hyperband"] = "hyperband"
    brackets: Annotated[
        int | None,
        Field(ge=1, description="Use the first brackets of a round only; 1 is successive halving. By default all."),
    ] = None


class AshaConfig(_MultiFidelityConfig):
    """Asynchronous successive halving: a trial goes on as soon as it is among the best of its rung so far."""

    type: Literal["asha"] = "asha"


class ChainStep(_StrategyConfig):
    """One strategy of a chain, the space it searches, and for how long."""

    strategy: Annotated[SingleStrategy, BeforeValidator(_read_step), Field(discriminator="type")]
    trials: Annotated[
        int | None, Field(ge=1, description="Trials of this step; by default until its strategy is exhausted.")
    ] = None
    narrow: Annotated[
        float | None,
        Field(gt=0, le=1, description="Search only this share of every range, around the best configuration so far."),
    ] = None


Preset = Literal["random-grid", "sobol-bayesian", "bayesian-local"]


class ChainConfig(_StrategyConfig):
    """Strategies one after the other, e.g. random, then a grid around the best."""

    type: Literal["chain"] = "chain"
    steps: list[ChainStep] = []
    preset: Annotated[
        Preset | None,
        Field(
            description="Ready-made steps that share limits.max_trials. random-grid: half of them random, then a grid "
            "around the best. sobol-bayesian: a quarter spread evenly, then a model. bayesian-local: two thirds by a "
            "model of the whole space, then one of the surroundings of the best."
        ),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> ChainConfig:
        if bool(self.steps) == (self.preset is not None):
            rule = "needs either steps or a preset"
            fix = f"write preset: {' | '.join(get_args(Preset))}, or a list of steps"
            raise SpecError([Problem("steps", [step.strategy.type for step in self.steps], rule, fix)])
        return self


class AutoConfig(_StrategyConfig):
    """The strategy that suits the space, the number of trials and how many of them run at a time."""

    type: Literal["auto"] = "auto"


StrategyConfig = Annotated[
    SingleStrategy | HyperbandConfig | AshaConfig | ChainConfig | AutoConfig,
    BeforeValidator(read_strategy),
    Field(discriminator="type"),
]
"""Any strategy; ``type`` says which."""

STRATEGY_CONFIGS: dict[str, type[_StrategyConfig]] = {
    "manual": ManualConfig,
    "grid": GridConfig,
    "random": RandomConfig,
    "sobol": SobolConfig,
    "evolutionary": EvolutionaryConfig,
    "bayesian": BayesianConfig,
    "gradient": GradientConfig,
    "hyperband": HyperbandConfig,
    "asha": AshaConfig,
    "chain": ChainConfig,
    "auto": AutoConfig,
}
"""Every type that a spec can name."""
