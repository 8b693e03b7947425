"""What a new job takes over from its parents.

``IdenticalDataAndAlgorithm``: their results are results of the same search. The strategy learns from them as if they
were its own, and does not suggest their configurations again. Trials without a result are left out, and may be tried
again: why they failed may have been repaired since. So are those that hyperband or asha trained in part: their scores
are not those of whole trainings.

``TransferLearning``: data or algorithm differ, so their objectives are on another scale, and a strategy that mixed them
with its own would be misled. What carries over is where good configurations lie: the best of every parent are tried
first, in place of a part of the start design, and the search goes on from what they score here (Feurer, Springenberg
and Hutter, 2015, "Initializing Bayesian hyperparameter optimization via meta-learning").
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING

from smtune.errors import Problem, SpecError
from smtune.moments import mean
from smtune.progress.texts import left_out_text, trials_text
from smtune.results import WarmStartParent
from smtune.space import Configuration, ContinuousParameter, IntegerParameter, Parameter, SearchSpace
from smtune.spec import Goal, TuningSpec, WarmStartType
from smtune.store import WarmStarted
from smtune.trial import Trial, TrialStatus

if TYPE_CHECKING:
    from smtune.spec import StrategyConfig


@dataclass(frozen=True, slots=True)
class Parent:
    """An earlier job that has ended.

    Attributes:
        name: What to call it.
        metric: Its objective metric, or ``None`` if nothing says so.
        goal: Which way that is better, or ``None`` if nothing says so.
        trials: All of its trials, with all parameters that are known; those without a result have no objective.
    """

    name: str
    metric: str | None
    goal: Goal | None
    trials: Sequence[Trial]


BEST_PER_PARENT = 3
"""Configurations of a parent that are tried first, at most; a start design keeps at least half of its places."""


@dataclass(frozen=True, slots=True)
class _Result:
    """A trial of a parent, with the legal values of this job's parameters and a finite objective."""

    number: int
    parameters: Configuration
    objective: float
    training_job: str | None


@dataclass(frozen=True, slots=True)
class _Usable:
    """A parent as far as this job can use it.

    Attributes:
        name: What to call it.
        results: What can be used, the oldest first.
        left_out: Why other trials cannot, to how many.
    """

    name: str
    results: Sequence[_Result]
    left_out: Counter[str]


def take_over(spec: TuningSpec, parents: Sequence[tuple[str, Parent]], *, needed: bool = True) -> WarmStarted:
    """Return what a job with a warm start takes over from its parents.

    Args:
        spec: What the job tunes.
        parents: Earlier jobs, by what the spec calls them.
        needed: Whether something of every parent has to be of use; otherwise, those without are passed over.

    Raises:
        SpecError: A parent cannot be used; the fields are ``[0]``, ``[1]``, ... by their places.
    """
    usable, problems = [], []
    for place, (given, parent) in enumerate(parents):
        try:
            _check_objective(parent, spec, given)
            found = _usable(parent, spec.parameters)
            if found.results:
                usable.append(found)
            elif needed:
                raise _nothing(found, given)
        except SpecError as error:
            problems += [problem.under(f"[{place}]") for problem in error.problems]
    if problems or spec.warm_start is None:
        raise SpecError(problems)
    ranked = [_ranked(one.results, spec.objective.goal.sign) for one in usable]
    identical = spec.warm_start.type is WarmStartType.IdenticalDataAndAlgorithm
    return WarmStarted(
        type=spec.warm_start.type.value,
        parents=[_summary(one, best).to_dict() for one, (best, *_) in zip(usable, ranked, strict=True)],
        learned=[(result.parameters, result.objective) for one in usable for result in one.results]
        if identical
        else (),
        tried_first=() if identical else _tried_first(ranked, spec.strategy),
        at=time.time(),
    )


def warnings_of(event: WarmStarted, baseline: Configuration | None) -> Iterator[str]:
    """Yield how many trials of each parent are used where that is not all of them, and why; and what has no effect."""
    for parent in map(WarmStartParent.from_dict, event.parents):
        if parent.left_out and parent.used is not None:
            count = sum(parent.left_out.values())
            used = f"warm_start: {parent.used} of {trials_text(parent.used + count)} of {parent.name} are used"
            yield f"{used}; {left_out_text(parent.left_out)}"
    if baseline is not None and _identity(baseline) in {_identity(parameters) for parameters, _ in event.learned}:
        yield "baseline: a parent has trained it, so it is not trained again, and nothing is compared with it"


def _check_objective(parent: Parent, spec: TuningSpec, given: str) -> None:
    """Refuse a parent with another objective; SageMaker does so for both types."""
    metric, goal = parent.metric or spec.objective.metric, parent.goal or spec.objective.goal
    if (metric, goal) != (spec.objective.metric, spec.objective.goal):
        own = f"{spec.objective.goal} {spec.objective.metric}"
        fix = "name a parent with the same objective, or change the objective"
        raise SpecError([Problem("", given, f"has the objective {goal} {metric}, and this job {own}", fix)])


def _usable(parent: Parent, space: SearchSpace) -> _Usable:
    results: list[_Result] = []
    left_out: Counter[str] = Counter()
    for trial in parent.trials:
        misfit = _misfit(trial.parameters, space)
        if trial.objective is None:
            left_out["no result"] += 1
        elif trial.paused:  # what a part of a training scores says little of what the whole would
            left_out["trained in part"] += 1
        elif misfit is not None:
            left_out[misfit] += 1
        else:
            legal = space.validate({name: trial.parameters[name] for name in space})
            results.append(_Result(trial.number, legal, trial.objective, trial.training_job))
    return _Usable(parent.name, results, left_out)


def _nothing(parent: _Usable, given: str) -> SpecError:
    left_out = parent.left_out
    rule = f"has nothing that this job can use; {left_out_text(left_out)}" if left_out else "has no trials"
    return SpecError([Problem("", given, rule, "name another parent, or widen the ranges")])


def _misfit(parameters: Mapping[str, object], space: SearchSpace) -> str | None:
    """Return why values make no configuration of this space, or ``None`` if they do; others than its own are ignored."""
    for name, parameter in space.items():
        if name not in parameters:
            return f"no {name}"
        value = parameters[name]
        try:
            parameter.cast(value)
        except SpecError as error:
            return f"{name} {_outside(parameter, value) or error.problems[0].rule}"
    return None


def _outside(parameter: Parameter, value: object) -> str | None:
    if not isinstance(parameter, ContinuousParameter | IntegerParameter) or not isinstance(value, int | float):
        return None
    low, high = parameter.min_value, parameter.max_value
    return None if low <= value <= high else f"outside {low:g} to {high:g}"


def _ranked(results: Sequence[_Result], sign: int) -> list[_Result]:
    """Return one result per configuration, with the mean of its objectives, the best first and the oldest of equals."""
    groups: dict[str, list[_Result]] = {}
    for result in results:
        groups.setdefault(_identity(result.parameters), []).append(result)
    means = [replace(group[0], objective=mean([one.objective for one in group])) for group in groups.values()]
    return sorted(means, key=lambda result: sign * result.objective)


def _identity(configuration: Configuration) -> str:
    return repr(list(configuration.values()))


def _summary(usable: _Usable, best: _Result) -> WarmStartParent:
    trial = Trial(best.number, best.parameters, TrialStatus.Completed, best.objective, training_job=best.training_job)
    return WarmStartParent(usable.name, len(usable.results), dict(usable.left_out), trial)


def _tried_first(ranked: Sequence[Sequence[_Result]], strategy: StrategyConfig) -> list[Configuration]:
    """Return the best configurations of the parents in turns: every parent's best, then every parent's second."""
    turns = zip_longest(*(results[:BEST_PER_PARENT] for results in ranked))
    distinct = {_identity(one.parameters): one.parameters for one in chain.from_iterable(turns) if one is not None}
    startup = _startup(strategy)
    return list(islice(distinct.values(), None if startup is None else startup // 2))


def _startup(strategy: StrategyConfig) -> int | None:
    """Return how many configurations a strategy spreads over the space before it learns; ``None`` if it never does."""
    match strategy.type:
        case "bayesian":
            return strategy.startup
        case "evolutionary":
            return strategy.population
        case "chain":
            return _startup(strategy.steps[0].strategy)
        case _:
            return None
