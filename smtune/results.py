"""What came of a tuning job, the same for every backend."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any

from smtune.errors import MissingExtraError
from smtune.spec.objective import Goal
from smtune.spec.warm_start import WarmStartType
from smtune.trial import Trial, TrialStatus

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "baseline"
"""Origin of the trial that trains the untuned configuration."""

RAN_TOO_LONG = "ran longer than"
"""How the reason of a trial begins that was stopped because its own time was over."""

EARLY_STOPPING = "early stopping:"
"""How the reason of a trial begins that a rule gave up: its objective counts, though its training did not end."""

JOB_STOPPED = "the job was stopped"
"""Reason of a trial that starts afresh when its job goes on: it was asked to stop with it."""
KILLED = "killed"
"""Reason of a trial that starts afresh when its job goes on: it was ended with it by force."""

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|0x[0-9a-fA-F]+")


class JobStatus(StrEnum):
    """SageMaker's own words. A job whose process is gone counts as ``Stopped``: it can be resumed."""

    InProgress = "InProgress"
    Completed = "Completed"
    Failed = "Failed"
    Stopping = "Stopping"
    Stopped = "Stopped"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (JobStatus.InProgress, JobStatus.Stopping)


@dataclass(frozen=True, slots=True)
class WarmStartParent:
    """What a job found in one of its parents.

    Attributes:
        name: What it is called: the name of a job, or of a file.
        used: How many of its trials have a result that the job can use.
        left_out: Why others have none, e.g. ``"eta outside 0.01 to 0.5"``, to how many trials.
        best: The best trial that is used, with what this job tunes of its parameters.
    """

    name: str
    used: int
    left_out: Mapping[str, int]
    best: Trial

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> WarmStartParent:
        """Return what :meth:`to_dict` wrote."""
        best = Trial(status=TrialStatus.Completed, **fields["best"])
        return cls(fields["name"], fields["used"], fields["left_out"], best)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        best = {"number": self.best.number, "objective": self.best.objective, "parameters": dict(self.best.parameters)}
        return {"name": self.name, "used": self.used, "left_out": dict(self.left_out), "best": best}


@dataclass(frozen=True, slots=True)
class WarmStartResult:
    """What a job took over from earlier ones.

    Attributes:
        type: ``"IdenticalDataAndAlgorithm"`` or ``"TransferLearning"``; only of the former may objectives be compared
            with the job's own.
        parents: In the order of the spec.
    """

    type: str
    parents: Sequence[WarmStartParent]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"type": self.type, "parents": [parent.to_dict() for parent in self.parents]}


@dataclass(frozen=True)
class TuningResult:
    """A tuning job as it stands: during the run, or at its end.

    Attributes:
        name: Name of the job.
        backend: Where it lives, e.g. ``"local"``.
        status: Where it stands.
        metric: The objective metric.
        goal: Which way it is optimised.
        strategy: Type of the strategy, e.g. ``"evolutionary"``.
        seed: The seed.
        trials: In the order of their numbers.
        max_parallel: How many trials may run at a time.
        planned_trials: How many there will be if nothing ends the job early, or ``None``.
        failure_reason: Why the job is not ``Completed``, or what ended it early, or ``None``.
        started_at: Seconds since the epoch (UTC), or ``None``.
        ended_at: Seconds since the epoch (UTC), or ``None``.
        warm_start: What it took over from earlier jobs, or ``None``.
    """

    name: str
    backend: str
    status: JobStatus
    metric: str
    goal: Goal
    strategy: str
    seed: int
    trials: Sequence[Trial]
    max_parallel: int = 1
    planned_trials: int | None = None
    failure_reason: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    warm_start: WarmStartResult | None = None

    def __repr__(self) -> str:
        best = "" if self.best is None else f", best {self.best.objective} in trial {self.best.number}"
        return f"<TuningResult {self.name!r}: {self.status}, {len(self.trials)} trials{best}>"

    @cached_property
    def best(self) -> Trial | None:
        """The trial with the best objective, completed or stopped early by a rule; the earlier number wins a tie.

        Where configurations were trained several times, the one with the best mean: its first such trial, with
        the means of objective and metrics over all of them. Choosing single trials would choose lucky ones.
        """
        return min(self._outcomes(), key=lambda trial: self.goal.sign * _objective(trial), default=None)

    def _outcomes(self) -> list[Trial]:
        """Return one trial per configuration that has a result, with the means over its repeats."""
        scored = [trial for trial in self.trials if is_result(trial)]
        if not any(trial.repeat for trial in self.trials):
            return scored
        under_way = {configuration_key(trial) for trial in self.trials if not trial.status.ended}
        repeats: dict[str, list[Trial]] = {}
        for trial in scored:
            if configuration_key(trial) not in under_way:
                repeats.setdefault(configuration_key(trial), []).append(trial)
        return [_mean(group) for group in repeats.values()]

    @property
    def best_parent(self) -> WarmStartParent | None:
        """The parent of a warm start with the best trial; ``None`` where objectives may not be compared."""
        if self.warm_start is None or self.warm_start.type != WarmStartType.IdenticalDataAndAlgorithm:
            return None
        return min(self.warm_start.parents, key=lambda parent: self.goal.sign * _objective(parent.best))

    @property
    def baseline(self) -> Trial | None:
        """The trial of the untuned configuration, if the spec named one."""
        return next((trial for trial in self.trials if trial.origin == BASELINE), None)

    @property
    def counts(self) -> dict[str, int]:
        """Number of trials by status."""
        found = Counter(trial.status for trial in self.trials)
        order = (TrialStatus.Completed, TrialStatus.Failed, TrialStatus.Stopped, TrialStatus.InProgress)
        return {status.value: found[status] for status in order}

    def history(self) -> list[tuple[int, float]]:
        """Return the improvements: trial number and objective of every new best, in the order in which trials ended."""
        improvements: list[tuple[int, float]] = []
        ended = sorted(self._outcomes(), key=lambda trial: trial.ended_at or 0.0)
        for trial in ended:
            value = _objective(trial)
            if not improvements or self.goal.sign * value < self.goal.sign * improvements[-1][1]:
                improvements.append((trial.number, value))
        return improvements

    def failures(self) -> dict[str, tuple[int, ...]]:
        """Return the failed trials, and those that ran out of time, by cause; most frequent first.

        Reasons that differ only in their numbers are one cause, shown by its first example.
        """
        causes: dict[str, list[Trial]] = {}
        for trial in self.trials:
            late = trial.status is TrialStatus.Stopped and (trial.failure_reason or "").startswith(RAN_TOO_LONG)
            if trial.status is TrialStatus.Failed or late:
                causes.setdefault(_NUMBER.sub("#", trial.failure_reason or "unknown"), []).append(trial)
        grouped = sorted(causes.values(), key=len, reverse=True)
        return {group[0].failure_reason or "unknown": tuple(trial.number for trial in group) for group in grouped}

    def holdout(self, trial: Trial | None = None) -> dict[str, float]:
        """Return what a trial scored on data that took no part in the selection: its ``test:`` metrics.

        Args:
            trial: By default the best.
        """
        chosen = trial or self.best
        return {} if chosen is None else {k: v for k, v in chosen.metrics.items() if k.startswith("test:")}

    def selection_optimism(self) -> float | None:
        """Return by how much the best trial's objective flatters it.

        Choosing the best of many scores chooses lucky ones too, so the objective of the winner is better than what
        unseen data show.

        Returns:
            The objective's advantage over the same metric on the holdout, positive if it flatters; ``None`` if the
            script reports no ``test:`` twin of the objective.
        """
        twin = "test:" + self.metric.split(":", 1)[-1]
        if self.best is None or twin == self.metric or twin not in self.best.metrics:
            return None
        return self.goal.sign * (self.best.metrics[twin] - _objective(self.best))

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values; numbers that JSON does not know (nan, infinities) become ``None``."""
        best = self.best
        return {
            "name": self.name,
            "backend": self.backend,
            "status": self.status.value,
            "seed": self.seed,
            "strategy": self.strategy,
            "objective": {"metric": self.metric, "goal": self.goal.value},
            "counts": self.counts,
            "best": None
            if best is None
            else {
                "number": best.number,
                "objective": _strict(best.objective),
                "parameters": dict(best.parameters),
                "metrics": _finite(best.metrics),
            },
            "warm_start": None if self.warm_start is None else self.warm_start.to_dict(),
            "failure_reason": self.failure_reason,
            "started_at": _time(self.started_at),
            "ended_at": _time(self.ended_at),
            "trials": [_trial_dict(trial) for trial in self.trials],
        }

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per trial: number, status, objective, parameters, ``metric.<name>`` columns, times, reason.

        A parameter whose name is that of another column stands under ``parameter.<name>``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError("TuningResult.to_dataframe", "pandas") from None
        return pd.DataFrame([_row(trial) for trial in self.trials])


def stopped_early(trial: Trial) -> bool:
    """Return whether a rule gave up the trial."""
    return trial.status is TrialStatus.Stopped and (trial.failure_reason or "").startswith(EARLY_STOPPING)


def is_result(trial: Trial) -> bool:
    """Return whether the trial has an objective that counts: it completed, or a rule gave it up."""
    return trial.objective is not None and (trial.status is TrialStatus.Completed or stopped_early(trial))


def configuration_key(trial: Trial) -> str:
    """Return a text that two trials share if they train the same configuration; it tells 1 and True apart."""
    return repr(sorted(trial.parameters.items()))


def _objective(trial: Trial) -> float:
    return math.nan if trial.objective is None else trial.objective


def _mean(repeats: Sequence[Trial]) -> Trial:
    """Return the first of several completed trials of a configuration, with the means of what they scored."""
    shared = set.intersection(*(set(trial.metrics) for trial in repeats))
    return replace(
        repeats[0],
        objective=fmean(_objective(trial) for trial in repeats),
        metrics={name: fmean(trial.metrics[name] for trial in repeats) for name in sorted(shared)},
        ended_at=max(trial.ended_at or 0.0 for trial in repeats),
    )


def _row(trial: Trial) -> dict[str, Any]:
    ours = {
        "number": trial.number,
        "status": trial.status.value,
        "objective": trial.objective,
    }
    rest = {
        **{f"metric.{name}": value for name, value in trial.metrics.items()},
        "seconds": trial.seconds,
        "started_at": _moment(trial.started_at),
        "ended_at": _moment(trial.ended_at),
        "origin": trial.origin,
        "repeat": trial.repeat,
        "failure_reason": trial.failure_reason,
    }
    taken = {*ours, *rest}
    tuned = {f"parameter.{name}" if name in taken else name: value for name, value in trial.parameters.items()}
    return {**ours, **tuned, **rest}


def _trial_dict(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "status": trial.status.value,
        "parameters": dict(trial.parameters),
        "objective": _strict(trial.objective),
        "metrics": _finite(trial.metrics),
        "origin": trial.origin,
        "repeat": trial.repeat,
        "started_at": _time(trial.started_at),
        "ended_at": _time(trial.ended_at),
        "failure_reason": trial.failure_reason,
    }


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _strict(value) for name, value in metrics.items()}


def _strict(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _time(seconds: float | None) -> str | None:
    moment = _moment(seconds)
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
