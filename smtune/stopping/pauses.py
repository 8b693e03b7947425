"""Trials that get their training in parts: when one has used its part, and what it had reached by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from smtune.results import EARLY_STOPPING
from smtune.spec import AshaConfig, HyperbandConfig, TuningSpec
from smtune.stopping.resources import ResourceMeter
from smtune.trial import Trial, TrialStatus

FIRST_BLIND = 3
"""A job that gives trials resources is given up if the first so many that do not fail never say how they get on."""


@dataclass(frozen=True, slots=True)
class UsedUp:
    """A trial has used the resource that it was given.

    Attributes:
        objective: What it had reached then. What it reports afterwards depends on how soon it hears that it is to
            stop, and does not count.
        goes_on: Whether it pauses, and may go on with more.
        reason: What stops it, in one line.
    """

    objective: float
    goes_on: bool
    reason: str


class Pauses:
    """Keeps trials that are paused, and says when one is to be; a pure function of what it was told, in order.

    What a trial reaches with a resource is what it reports there, however far it runs until it is stopped, and
    whether it is killed and runs again.

    Args:
        spec: Whose strategy gives resources to trials; of any other, nothing is ever paused.
    """

    def __init__(self, spec: TuningSpec) -> None:
        strategy = spec.strategy
        resource = strategy.resource if isinstance(strategy, HyperbandConfig | AshaConfig) else None
        self._type = strategy.type
        self._metric = spec.objective.metric
        self._unit = "" if resource is None else resource.unit
        self._most = None if resource is None else resource.max
        self._meter = ResourceMeter()
        self._paused: dict[int, Trial] = {}
        self._ran_out: set[int] = set()
        self._ended = 0
        self._blind = 0

    def begin(self, trial: Trial) -> None:
        """Note that a trial starts, or goes on."""
        self._meter.begin(trial.number, goes_on=trial.paused)

    def measure(self, number: int, metrics: Mapping[str, float], step: int | None) -> None:
        """Take in a report."""
        value = metrics.get(self._metric)
        if value is not None and self._most is not None:
            self._meter.report(number, value, step)

    def used_up(self, trial: Trial) -> UsedUp | None:
        """Return whether a trial has used its resource; one that is about to go on may have, before its pause.

        One that may train to the end has, once it goes beyond: it may be about to end, and to save its model.
        """
        if trial.resource is None:
            return None
        objective = self._meter.reached(trial.number, trial.resource)
        whole = trial.resource == self._most
        if objective is None or (whole and self._meter.used(trial.number) <= trial.resource):
            return None
        return UsedUp(objective, not whole, self._reason(trial.resource, objective))

    def ran_out(self, trial: Trial) -> bool:
        """Whether a trial's code had ended by itself when it was to be paused: there is no more to come."""
        return trial.number in self._ran_out

    def end(self, trial: Trial, *, ran_out: bool) -> None:
        """Take in a trial that ended, or paused."""
        if trial.paused:
            self._paused[trial.number] = trial
            self._meter.pause(trial.number)
        if ran_out:
            self._ran_out.add(trial.number)
        if trial.status is TrialStatus.Failed:
            return
        self._ended += 1
        by_itself = ran_out or trial.status is TrialStatus.Completed
        self._blind += by_itself and self._meter.used(trial.number) <= 1

    def __contains__(self, number: int) -> bool:
        return number in self._paused

    def promote(self, number: int, resource: int) -> Trial:
        """Return a paused trial that goes on."""
        trial = self._paused.pop(number)
        return replace(
            trial,
            status=TrialStatus.InProgress,
            resource=resource,
            seconds_before=trial.seconds or 0.0,
            started_at=None,
            ended_at=None,
            failure_reason=None,
        )

    @property
    def verdict(self) -> str | None:
        """Why the job is given up, or ``None``."""
        if self._most is None or self._most == 1 or not self._blind == self._ended >= FIRST_BLIND:
            return None
        return (
            f"the first {self._blind} trials reported {self._metric!r} no more than once, so {self._type} has nothing "
            "to compare them by while they train; call report(..., step=step) after every step, or use another strategy"
        )

    def _reason(self, resource: int, objective: float) -> str:
        if resource == self._most:
            return f"{EARLY_STOPPING} {self._type} gives no more than {resource} {self._unit}"
        of_all = f"{resource} of {self._most} {self._unit}"
        return f"{EARLY_STOPPING} {self._type} paused it at {of_all} with {objective:.6g}"
