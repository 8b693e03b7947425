"""The strategies for people who run their own loop."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, SupportsFloat, TypeGuard

from smtune.container.reporting import HYPERGRADIENT
from smtune.errors import Problem, SearchExhaustedError, SpecError
from smtune.space import SearchSpace
from smtune.strategies import build_strategy
from smtune.strategies.factory import parse_repeats
from smtune.trial import Trial, TrialStatus

if TYPE_CHECKING:
    from smtune.spec import Goal, Repeats, StrategyConfig

_LARGEST_SEED = 2**32 - 1
_PAIRS = 'use pairs such as [({"eta": 0.1}, 0.87)]'


class AskTell:
    """Ask for a configuration, train it in your own way, tell what came of it.

    >>> from smtune import ContinuousParameter
    >>> search = AskTell({"eta": ContinuousParameter(0.01, 1.0, "Logarithmic")}, goal="Maximize", seed=7)
    >>> trial = search.ask()
    >>> search.tell(trial, 0.91)
    >>> search.tell(search.ask(), failed="out of memory")
    >>> search.best_trial.number, search.best_trial.objective
    (0, 0.91)

    Several trials may be under way at a time: ask again before telling. Not for several threads at once.

    With ``hyperband`` and ``asha``, ``trial.resource`` says how far to train, from the beginning on; a trial that was
    told may be asked for again, under its number, to go on.

    Args:
        space: A search space, or a mapping of names to parameters.
        strategy: A type's name, a mapping with ``type`` and settings, or a config.
        goal: ``"Minimize"`` or ``"Maximize"``.
        seed: The same seed and the same tells, in the same order, give the same trials. From 0 to 2**32 - 1.
        max_trials: How many trials there will be at most; ``None`` for no limit.
        max_parallel: How many are under way at a time, for ``auto`` to choose by.
        warm_start: Configurations and objectives of earlier searches of the same thing, the oldest first. The strategy
            learns from them as if they were its own, and none of them is asked for again.
        repeats: How many times each configuration is trained: a number, or ``{"min": 1, "max": 5}`` for a race, in
            which only those that may still be the best are trained again. Strategies learn from the mean.

    Raises:
        SpecError: The space, the strategy, the goal, the seed, the numbers of trials, the repeats or the warm start are
            wrong.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, object],
        *,
        strategy: str | Mapping[str, object] | StrategyConfig = "evolutionary",
        goal: str | Goal = "Minimize",
        seed: int = 0,
        max_trials: int | None = None,
        max_parallel: int = 1,
        repeats: int | Mapping[str, Any] | Repeats = 1,
        warm_start: Sequence[tuple[Mapping[str, object], float]] = (),
    ) -> None:
        from smtune.progress.ranking import Ranking
        from smtune.spec import Goal, read_strategy

        self._goal = Goal.parse(goal)
        self._space = space if isinstance(space, SearchSpace) else SearchSpace(space)
        times = parse_repeats(repeats)
        self._strategy = build_strategy(
            read_strategy(strategy),
            self._space,
            goal=self._goal,
            seed=_seed(seed),
            repeats=times,
            max_trials=_max_trials(max_trials),
            max_parallel=_max_parallel(max_parallel),
        )
        self._ranking = Ranking(self._goal, repeats=times)
        self._strategy.warm_start(_results(warm_start, self._space))
        self._trials: list[Trial] = []

    def ask(self) -> Trial:
        """Return the next trial; its ``parameters`` map names to typed values.

        Raises:
            SearchExhaustedError: Nothing is left, or the strategy must first be told of trials under way.
        """
        suggestions = self._strategy.ask(1)
        if not suggestions:
            raise SearchExhaustedError(self._why_nothing())
        suggestion = suggestions[0]
        trial = Trial(
            suggestion.number,
            suggestion.parameters,
            origin=suggestion.origin,
            repeat=suggestion.repeat,
            resource=suggestion.resource,
            paused=suggestion.number < len(self._trials),
        )
        if trial.number == len(self._trials):  # one that goes on after a pause keeps its place until it is told again
            self._ranking.update(trial)
        self._trials[trial.number : trial.number + 1] = [trial]
        return replace(trial, parameters=dict(trial.parameters))  # whoever changes these does not change the search

    def tell(
        self,
        trial: Trial | int,
        value: float | None = None,
        *,
        failed: str | None = None,
        hypergradient: Mapping[str, float] | None = None,
    ) -> None:
        """Say what came of a trial: either its objective or why it failed.

        Args:
            trial: As it came from :meth:`ask`, or its number.
            value: The objective. ``nan`` and infinities mean that the trial failed.
            failed: Why there is no objective, in one line.
            hypergradient: Parameter name to the derivative of the objective with respect to that parameter in its own
                units, for strategies that follow derivatives.

        Raises:
            SpecError: ``trial`` is neither a trial nor a number.
            ValueError: The trial was never asked for here, was told before, or has other parameters; a derivative is
                with respect to something that is no parameter.
            TypeError: Neither or both of ``value`` and ``failed`` are given, a number is none, or there are derivatives
                of a failure.
        """
        asked = self._asked(trial)
        if (value is None) == (failed is None):
            raise TypeError(f"trial {asked.number}: tell either its value or why it failed")
        objective = None if value is None else _number(asked.number, value)
        metrics = self._derivatives(asked.number, hypergradient) if hypergradient is not None else {}
        if metrics and objective is None:
            raise TypeError(f"trial {asked.number}: a hypergradient belongs to a value, and the trial failed")
        if objective is not None and not math.isfinite(objective):
            failed = f"the objective is {objective}"
        if failed is None:
            paused = asked.resource is not None and asked.resource != self._strategy.max_resource
            status = TrialStatus.Stopped if paused else TrialStatus.Completed
            ended = replace(asked, status=status, objective=objective, metrics=metrics, paused=paused)
        else:
            ended = replace(asked, status=TrialStatus.Failed, failure_reason=failed, paused=False)
        self._strategy.tell(ended)
        self._trials[ended.number] = ended
        self._ranking.update(ended)

    def enqueue(self, configuration: Mapping[str, object]) -> None:
        """Put a configuration ahead of the strategy's own; it is skipped if it was asked for before.

        Raises:
            SpecError: It is not legal in the space.
        """
        if not isinstance(configuration, Mapping):
            raise SpecError([_no_configuration(configuration, self._space)])
        self._strategy.enqueue(configuration)

    @property
    def trials(self) -> Sequence[Trial]:
        """All trials so far, by number."""
        return tuple(self._trials)

    @property
    def best_trial(self) -> Trial | None:
        """The trial with the best objective, the oldest of equals; ``None`` before the first.

        With ``repeats``, a configuration counts once all of its trials were told, by the mean of those that succeeded,
        which is what strategies learn from: this is then the first of those, with that mean as its objective. In a
        race, it is the best of those that were trained most often.
        """
        return self._ranking.best()

    @property
    def exhausted(self) -> bool:
        """Whether :meth:`ask` has nothing now and never will, unless something is enqueued."""
        return self._strategy.exhausted

    def _asked(self, trial: Trial | int) -> Trial:
        number = trial.number if isinstance(trial, Trial) else _whole(trial)
        if number is None:
            fix = "tell the trial that ask() returned, or its number"
            raise SpecError([Problem("trial", trial, "must be a trial or its number", fix)])
        if not 0 <= number < len(self._trials):
            raise ValueError(f"trial {number} was never asked for here: {len(self._trials)} trials were")
        asked = self._trials[number]
        if isinstance(trial, Trial) and trial.parameters != asked.parameters:
            raise ValueError(
                f"the parameters of trial {number} are not those that were asked for here, {asked.parameters}: "
                "tell the trial as it came, or its number"
            )
        if asked.status.ended:
            raise ValueError(f"trial {number} was told before: it is {asked.status.value}")
        return asked

    def _derivatives(self, number: int, hypergradient: Mapping[str, float]) -> dict[str, float]:
        """Return derivatives as metrics, as trials of a job report them."""
        for name in hypergradient:
            if name not in self._space:
                known = ", ".join(self._space)
                raise ValueError(f"trial {number}: the hypergradient of {name!r} is of no parameter; known: {known}")
        return {
            f"{HYPERGRADIENT}{name}": _number(number, derivative, f"the hypergradient of {name}")
            for name, derivative in hypergradient.items()
        }

    def _why_nothing(self) -> str:
        if self._strategy.failure is not None:
            return self._strategy.failure
        if self._strategy.exhausted:
            return f"nothing is left to ask for after {len(self._trials)} trials: enqueue a configuration, or stop"
        waiting = [trial.number for trial in self._trials if not trial.status.ended]
        numbers = ", ".join(map(str, waiting))
        return f"the strategy waits for results: tell trial{'s' if len(waiting) > 1 else ''} {numbers} first"


def _no_configuration(value: object, space: SearchSpace) -> Problem:
    rule = "must map the name of every parameter to its value"
    return Problem("configuration", value, rule, f"use a dict with the keys {', '.join(space)}")


def _results(given: object, space: SearchSpace) -> list[tuple[Mapping[str, object], float]]:
    """Return results of earlier searches with legal configurations and finite objectives.

    Raises:
        SpecError: Everything that is wrong.
    """
    results: list[tuple[Mapping[str, object], float]] = []
    problems: list[Problem] = []
    if not isinstance(given, Iterable):
        raise SpecError([Problem("warm_start", given, "must be a list of earlier results", _PAIRS)])
    for place, result in enumerate(given):
        if not _is_pair(result):
            problems.append(
                Problem(f"warm_start[{place}]", result, "must be a configuration and its objective", _PAIRS)
            )
            continue
        configuration, value = result
        objective = float(value) if _is_number(value) else math.nan
        if not math.isfinite(objective):
            problems.append(Problem(f"warm_start[{place}]", value, "is no finite objective", "leave this result out"))
        try:
            results.append((space.validate(configuration), objective))
        except SpecError as error:
            problems += [problem.under(f"warm_start[{place}]") for problem in error.problems]
    if problems:
        raise SpecError(problems)
    return results


def _seed(value: object) -> int:
    seed = _whole(value)
    if seed is None or not 0 <= seed <= _LARGEST_SEED:
        raise SpecError([Problem("seed", value, f"must be a whole number from 0 to {_LARGEST_SEED}", "use 0")])
    return seed


def _max_trials(value: object) -> int | None:
    most = _whole(value)
    if value is not None and (most is None or most < 1):
        raise SpecError([Problem("max_trials", value, "must be a whole number from 1", "leave it out for no limit")])
    return most


def _max_parallel(value: object) -> int:
    most = _whole(value)
    if most is None or most < 1:
        raise SpecError([Problem("max_parallel", value, "must be a whole number from 1", "leave it out for 1")])
    return most


def _is_pair(value: object) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return False
    return len(value) == 2 and isinstance(value[0], Mapping)


def _whole(value: Any) -> int | None:
    """Return a whole number, numpy's as well, as an ``int``; ``None`` for anything else."""
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        return None
    return operator.index(value)


def _number(number: int, value: object, what: str = "the value") -> float:
    """Return what was told for a trial as a float; numpy's numbers are read as well."""
    if not _is_number(value):
        raise TypeError(f"trial {number}: {what} must be a number, not {value!r}")
    return float(value)


def _is_number(value: object) -> TypeGuard[SupportsFloat]:
    return hasattr(value, "__float__") and not isinstance(value, bool | str | bytes)
