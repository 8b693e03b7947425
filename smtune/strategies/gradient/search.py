"""Several descents side by side as a proposer of configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from smtune.space import Configuration, SearchSpace
from smtune.strategies.draws import Draws
from smtune.strategies.gradient.adam import ProjectedAdam
from smtune.strategies.gradient.coordinates import Coordinates, Vector
from smtune.strategies.gradient.descent import Descent, Evaluation
from smtune.strategies.gradient.lbfgs import ProjectedLbfgs
from smtune.strategies.gradient.start import Start
from smtune.strategies.proposer import Memory, Outcome, Proposal, Proposer

METHODS: Mapping[str, type[ProjectedLbfgs | ProjectedAdam]] = {"lbfgs": ProjectedLbfgs, "adam": ProjectedAdam}


class GradientSearch(Proposer):
    """Descends from several starts along derivatives that the trials report.

    The starts are a Latin hypercube (McKay, Beckman and Conover, 1979), but for the best configuration that is known
    from elsewhere, as from an earlier step of a chain, when a start begins. Each descent waits for its own trials only,
    and depends on no other: trials at a time make the search quicker, and change nothing else. One that comes to its
    end, or to a configuration that was suggested before, makes room for the next start.

    >>> from smtune import AskTell, ContinuousParameter
    >>> search = AskTell({"x": ContinuousParameter(0.0, 4.0)}, strategy={"type": "gradient", "starts": 1}, seed=7)
    >>> while not search.exhausted:
    ...     trial = search.ask()
    ...     x = trial.parameters["x"]
    ...     search.tell(trial, (x - 3) ** 2, hypergradient={"x": 2 * (x - 3)})
    >>> len(search.trials), round(search.best_trial.parameters["x"], 6)
    (4, 3.0)

    Args:
        space: What to search: continuous parameters without steps.
        seed: The same seed and outcomes give the same proposals.
        method: ``"lbfgs"`` or ``"adam"``.
        starts: How many descents there are.
        step: Largest coordinate of a descent's first move, as a share of the scaled range.
        tolerance: When a descent has come to its end; see :class:`ProjectedLbfgs` and :class:`ProjectedAdam`.
        check: Whether one trial compares the first derivatives with a finite difference; if they disagree, the search
            fails.

    Raises:
        SpecError: The space has other parameters.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        method: Literal["lbfgs", "adam"] = "lbfgs",
        starts: int = 3,
        step: float = 0.1,
        tolerance: float = 1e-4,
        check: bool = True,
    ) -> None:
        self._coordinates = Coordinates(space)
        self._method, self._step, self._tolerance = METHODS[method], step, tolerance
        self._starts = starts
        self._draws = Draws(seed, "gradient")
        self._strata = {name: self._draws.permutation(starts, "strata", name) for name in self._coordinates.names}
        self._begun = 0
        self._open: list[Start] = []
        self._awaited: dict[tuple[object, ...], Start] = {}
        self._best_known: Outcome | None = None
        self._begin_at_known = False
        self._check_wanted = check
        self._any_usable = False
        self._unusable: str | None = None
        self._failure: str | None = None

    def propose(self, number: int, memory: Memory) -> Proposal | None:  # noqa: ARG002
        """Return the next configuration of the first descent that waits for no outcome, or a new start's first one."""
        if self._failure is not None:
            return None
        for start in [one for one in self._open if not one.is_waiting]:
            if self._has_next(start, memory):
                return self._await(start)
            self._end(start)
        upcoming = self._upcoming(memory)
        if upcoming is None:
            return None
        self._begun = upcoming.place + 1
        self._begin_at_known = False
        self._check_wanted = self._check_wanted and not upcoming.checks
        self._open.append(upcoming)
        return self._await(upcoming)

    def learn(self, outcome: Outcome, memory: Memory) -> None:  # noqa: ARG002
        """Hand an outcome to the descent that waits for it; one from elsewhere may become a start."""
        evaluation = self._evaluation(outcome)
        start = self._awaited.pop(_key(outcome.parameters), None)
        if start is None:
            self._keep_known(outcome, evaluation)
            return
        if evaluation is None and outcome.loss is not None:
            self._note_unusable(outcome)
        self._any_usable |= evaluation is not None
        complaint = start.take(evaluation, outcome.number)
        if complaint is not None:
            self._failure = f"{complaint} (strategy.check: false goes on all the same)"
        if start.point is None:
            self._end(start)
        if self._begun == self._starts and not self._open and not self._any_usable:
            self._failure = self._failure or self._unusable

    def exhausted(self, memory: Memory) -> bool:
        """Return whether every start has come to its end, or the search failed."""
        if self._failure is not None:
            return True
        if any(start.is_waiting or self._has_next(start, memory) for start in self._open):
            return False
        return self._upcoming(memory) is None

    @property
    def failure(self) -> str | None:
        """Why the search cannot go on: there are no derivatives, or wrong ones."""
        return self._failure

    def _upcoming(self, memory: Memory) -> Start | None:
        """Return the next start that has something to propose; it is not begun by that."""
        known = self._best_known if self._begin_at_known else None
        for place in range(self._begun, self._starts):
            start = Start(place, self._first_point(place), self._descend, checks=self._check_wanted)
            if known is not None:
                start.take(self._evaluation(known), known.number)
                known = None
            if self._has_next(start, memory):
                return start
        return None

    def _first_point(self, place: int) -> Vector:
        draws = self._draws.within("start", place)
        return [(strata[place] + draws.uniform(name)) / self._starts for name, strata in self._strata.items()]

    def _descend(self, start: Evaluation) -> Descent:
        return self._method(start, step=self._step, tolerance=self._tolerance)

    def _has_next(self, start: Start, memory: Memory) -> bool:
        return start.point is not None and self._coordinates.configuration(start.point) not in memory

    def _await(self, start: Start) -> Proposal:
        configuration = self._coordinates.configuration(start.point or [])
        start.is_waiting = True
        self._awaited[_key(configuration)] = start
        return Proposal(configuration, start.origin)

    def _end(self, start: Start) -> None:
        self._open.remove(start)
        if start.checks and not start.is_checked:
            self._check_wanted = True

    def _evaluation(self, outcome: Outcome) -> Evaluation | None:
        """Return what is known at a configuration, or ``None`` if that is not enough to go on from there."""
        if outcome.loss is None or not outcome.gradient.keys() >= set(self._coordinates.names):
            return None
        gradient = self._coordinates.gradient(outcome.parameters, outcome.gradient)
        if not all(map(math.isfinite, gradient)):
            return None
        return Evaluation(self._coordinates.point(outcome.parameters), outcome.loss, gradient)

    def _keep_known(self, outcome: Outcome, evaluation: Evaluation | None) -> None:
        best = self._best_known
        if evaluation is None:
            return
        if best is None or best.loss is None or evaluation.loss < best.loss:
            self._best_known, self._begin_at_known = outcome, True

    def _note_unusable(self, outcome: Outcome) -> None:
        """Keep why a trial with an objective is of no use; before the first that is, missing derivatives are the end."""
        names = self._coordinates.names
        missing = [name for name in names if name not in outcome.gradient]
        if missing:
            reported = ", ".join(sorted(outcome.gradient))
            remark = f", only for {reported}" if reported else ""
            fix = f"call report({{...}}, hypergradient={{{missing[0]!r}: ...}}) with the objective, or use bayesian"
            text = f"trial {outcome.number} reported no hypergradient for {', '.join(missing)}{remark}; {fix}"
            if not self._any_usable:
                self._failure = text
        else:
            values = ", ".join(f"{name} = {outcome.gradient[name]}" for name in names)
            text = f"no start could go on: the hypergradient of trial {outcome.number} is {values}"
        self._unusable = text


def _key(configuration: Configuration) -> tuple[object, ...]:
    return tuple(configuration.values())
