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
class Decision:
    """A trial is to stop, for a while or for good.

    Attributes:
        objective: What it had reached when that was decided. What it reports afterwards, and how it ends, depends on
            how soon it hears of it, and does not count.
        metrics: All that it had reported by then.
        reason: What stops it, in one line.
        goes_on: Whether it only pauses, and may go on.
    """

    objective: float
    metrics: Mapping[str, float]
    reason: str
    goes_on: bool = False


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
        self._ran_out: dict[int, Mapping[str, float]] = {}
        self._ended = 0
        self._blind = 0

    def begin(self, trial: Trial) -> None:
        """Note that a trial starts, or goes on."""
        self._meter.begin(trial.number, goes_on=trial.paused)

    def measure(self, trial: Trial, reported: Mapping[str, float], step: int | None) -> None:
        """Take in a report.

        Args:
            trial: With all metrics so far.
            reported: The metrics of this report.
            step: The script's own count, or ``None``.
        """
        value = reported.get(self._metric)
        if value is not None and self._most is not None:
            self._meter.report(trial.number, value, step, trial.metrics)

    def used_up(self, trial: Trial) -> Decision | None:
        """Return whether a trial has used its resource; one that is about to go on may have, before its pause.

        One that may train to the end has, once it goes beyond: it may be about to end, and to save its model.
        """
        if trial.resource is None:
            return None
        objective = self._meter.reached(trial.number, trial.resource)
        whole = trial.resource == self._most
        if objective is None or (whole and self._meter.used(trial.number) <= trial.resource):
            return None
        metrics = self._meter.metrics_at(trial.number, trial.resource)
        return Decision(objective, metrics, self._reason(trial.resource, objective), goes_on=not whole)

    def ran_out(self, trial: Trial) -> bool:
        """Whether a trial's code had ended by itself when it was to be paused: there is no more to come."""
        return trial.number in self._ran_out

    def end(self, trial: Trial, *, ran_out: bool, last: Mapping[str, float]) -> None:
        """Take in a trial that ended, or paused.

        Args:
            trial: With the metrics on which it was judged.
            ran_out: Whether its code had ended by itself when it was to be paused.
            last: Its metrics at its very end.
        """
        if trial.paused:
            self._paused[trial.number] = trial
            self._meter.pause(trial.number)
        if ran_out:
            self._ran_out[trial.number] = last
        if trial.status is TrialStatus.Failed:
            return
        self._ended += 1
        self._blind += self._is_blind(trial, by_itself=ran_out or trial.status is TrialStatus.Completed)

    def _is_blind(self, trial: Trial, *, by_itself: bool) -> bool:
        """Whether a trial had no report by which it could be compared while it trained."""
        first = self._meter.first(trial.number)
        beyond = first is not None and self._most is not None and first >= self._most
        return beyond or (by_itself and self._meter.used(trial.number) <= 1)

    def __contains__(self, number: int) -> bool:
        return number in self._paused

    def promote(self, number: int, resource: int) -> Trial:
        """Return a paused trial that goes on."""
        trial = self._paused.pop(number)
        return replace(
            trial,
            status=TrialStatus.InProgress,
            metrics=self._ran_out.get(number, trial.metrics),
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
            f"the first {self._blind} trials reported {self._metric!r} no more than once before the end of {self._most} "
            f"{self._unit}, so {self._type} has nothing to compare them by while they train; call report(..., step=step) "
            "with the steps 0, 1, 2, ..., or state the resource in the unit of the steps, or use another strategy"
        )

    def _reason(self, resource: int, objective: float) -> str:
        if resource == self._most:
            return f"{EARLY_STOPPING} {self._type} gives no more than {resource} {self._unit}"
        of_all = f"{resource} of {self._most} {self._unit}"
        return f"{EARLY_STOPPING} {self._type} paused it at {of_all} with {objective:.6g}"
