"""What came of a tuning job, the same for every backend."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from smtune.errors import MissingExtraError
from smtune.honesty import Evaluation, Expectation, Pick, Scores, disagreement, evaluate, expect, pick
from smtune.honesty.evaluation import STANDARD_ERROR
from smtune.plain_values import evaluation_dict, finite_or_none, iso_time, table_row, trial_dict
from smtune.spec.objective import Goal
from smtune.spec.repeats import Repeats
from smtune.spec.selection import Selection
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

_ONCE = Repeats(max=1)
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
        used: How many of its trials have a result that the job can use, or ``None`` if that is not told.
        left_out: Why others have none, e.g. ``"eta outside 0.01 to 0.5"``, to how many trials.
        best: The best trial that is used, with what this job tunes of its parameters, or ``None`` if it is not told.
    """

    name: str
    used: int | None
    left_out: Mapping[str, int]
    best: Trial | None

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> WarmStartParent:
        """Return what :meth:`to_dict` wrote."""
        best = None if fields["best"] is None else Trial(status=TrialStatus.Completed, **fields["best"])
        return cls(fields["name"], fields["used"], fields["left_out"], best)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        best = self.best
        fields: dict[str, Any] | None = None
        if best is not None:
            fields = {"number": best.number, "objective": best.objective, "parameters": dict(best.parameters)}
            if best.training_job is not None:
                fields["training_job"] = best.training_job
        return {"name": self.name, "used": self.used, "left_out": dict(self.left_out), "best": fields}


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
        seed: The seed, or ``None`` if the job has none.
        trials: In the order of their numbers.
        max_parallel: How many trials may run at a time.
        planned_trials: How many there will be if nothing ends the job early, or ``None``; at most, where
            configurations race.
        failure_reason: Why the job is not ``Completed``, or what ended it early, or ``None``.
        started_at: Seconds since the epoch (UTC), or ``None``.
        ended_at: Seconds since the epoch (UTC), or ``None``.
        warm_start: What it took over from earlier jobs, or ``None``.
        repeats: How often each configuration is trained.
        selection: The rule by which a configuration is picked, or ``None`` for the best by its score.
        holdout_metric: The objective on data that take no part in any choice, if there can be one.
        usd_per_hour: What a trial costs per hour, if the spec says so.
        resumable: Whether the job can go on after it was stopped; SageMaker's cannot.
        isolation: What gives each trial its ``/opt/ml``, e.g. ``"namespace"``; ``None`` where nothing on this machine does.
    """

    name: str
    backend: str
    status: JobStatus
    metric: str
    goal: Goal
    strategy: str
    seed: int | None
    trials: Sequence[Trial]
    max_parallel: int = 1
    planned_trials: int | None = None
    failure_reason: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    warm_start: WarmStartResult | None = None
    repeats: Repeats = _ONCE
    selection: Selection | None = None
    holdout_metric: str | None = None
    usd_per_hour: float | None = None
    resumable: bool = True
    isolation: str | None = None

    def __repr__(self) -> str:
        best = "" if self.best is None else f", best {self.best.objective} in trial {self.best.number}"
        return f"<TuningResult {self.name!r}: {self.status}, {len(self.trials)} trials{best}>"

    @property
    def place(self) -> str:
        """Where the trials run, e.g. ``local-mode (namespace)``."""
        return self.backend if self.isolation is None else f"{self.backend} ({self.isolation})"

    @property
    def best(self) -> Trial | None:
        """The trial with the best objective, completed or stopped early by a rule; the earlier number wins a tie.

        Where configurations were trained several times, the one with the best mean among those that were trained most
        often: its first such trial, with the means of objective and metrics over all of them. Choosing single trials
        would choose lucky ones.
        """
        return None if self.best_evaluation is None else self.best_evaluation.trial

    @property
    def repeated(self) -> bool:
        """Whether configurations are trained more than once."""
        return self.repeats.max > 1

    @cached_property
    def evaluations(self) -> Sequence[Evaluation]:
        """What is known of every configuration that has a result, by its first such trial.

        One that is being trained again counts in a race only, where that takes nothing away from what is known of it.
        """
        groups: dict[str | int, list[Trial]] = {}
        for trial in self.trials:
            if not was_interrupted(trial):
                groups.setdefault(configuration_key(trial) if self.repeated else trial.number, []).append(trial)
        found = []
        for group in groups.values():
            results = [trial for trial in group if is_result(trial)]
            ended = sum(trial.status.ended for trial in group)
            if results and (ended == len(group) or self.repeats.race):
                found.append(evaluate(results, trainings=ended, metric=self.metric, sign=self.goal.sign))
        return found

    @cached_property
    def _candidates(self) -> Sequence[Evaluation]:
        """The configurations that were trained most often: none may win by having been tried less."""
        most = max((one.trainings for one in self.evaluations), default=0)
        return [one for one in self.evaluations if one.trainings == most]

    @cached_property
    def best_evaluation(self) -> Evaluation | None:
        """What is known of the best configuration."""
        return min(self._candidates, key=lambda one: one.loss, default=None)

    @cached_property
    def pick(self) -> Pick | None:
        """The configuration that the spec's rule of selection recommends, and why; ``None`` without such a rule."""
        best = self.best_evaluation
        if best is None or self.selection is None:
            return None
        return pick(self._candidates, best, prefer=self.selection.prefer, metric=self.metric)

    @cached_property
    def expectation(self) -> Expectation | str | None:
        """What the best is expected to score, or why that cannot be told; ``None`` if there is no best."""
        return None if self.best_evaluation is None else expect(self.evaluations, self.best_evaluation)

    @cached_property
    def warning(self) -> str | None:
        """Why the holdout makes the choice of the best doubtful, or ``None``."""
        if self.best_evaluation is None or self.holdout_metric is None:
            return None
        known = self.expectation
        return disagreement(
            self.evaluations,
            self.best_evaluation,
            default=next((one for one in self.evaluations if one.trial.origin == BASELINE), None),
            scores=Scores(self.metric, self.holdout_metric, self.goal.sign),
            optimism=known.optimism if isinstance(known, Expectation) else None,
        )

    @property
    def best_parent(self) -> WarmStartParent | None:
        """The parent of a warm start with the best trial; ``None`` where objectives may not be compared."""
        if self.warm_start is None or self.warm_start.type != WarmStartType.IdenticalDataAndAlgorithm:
            return None
        bests = [(parent, parent.best) for parent in self.warm_start.parents if parent.best is not None]
        return min(bests, key=lambda one: self.goal.sign * _objective(one[1]), default=(None, None))[0]

    @property
    def baseline(self) -> Trial | None:
        """The trial of the untuned configuration, if the spec named one; with the means over its trainings, if several.

        A trial without a result where none of them has one.
        """
        means = (one.trial for one in self.evaluations if one.trial.origin == BASELINE)
        return next(means, None) or next((trial for trial in self.trials if trial.origin == BASELINE), None)

    @property
    def trial_seconds(self) -> float:
        """What all trials took together, without their pauses; those that failed too."""
        return math.fsum(trial.seconds or 0.0 for trial in self.trials)

    @property
    def cost_usd(self) -> float | None:
        """What the trials cost, by what they are charged for, or ``None`` if the spec names no price."""
        if self.usd_per_hour is None:
            return None
        return math.fsum(trial.charged_seconds for trial in self.trials) / 3600 * self.usd_per_hour

    @property
    def counts(self) -> dict[str, int]:
        """Number of trials by status."""
        found = Counter(trial.status for trial in self.trials)
        order = (TrialStatus.Completed, TrialStatus.Failed, TrialStatus.Stopped, TrialStatus.InProgress)
        return {status.value: found[status] for status in order}

    def history(self) -> list[tuple[int, float]]:
        """Return the improvements: trial number and objective of every new best, in the order in which trials ended."""
        improvements: list[tuple[int, float]] = []
        ended = sorted((one.trial for one in self._candidates), key=lambda trial: trial.ended_at or 0.0)
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
        if chosen is None:
            return {}
        scores = {k: v for k, v in chosen.metrics.items() if k.startswith("test:") or k == self.holdout_metric}
        return {name: value for name, value in scores.items() if not name.endswith(STANDARD_ERROR)}

    def holdout_gap(self) -> float | None:
        """Return by how much the best trial's objective is better than the same metric on the holdout.

        Returns:
            Positive if the holdout is worse; ``None`` if the script does not report that metric.
        """
        best, name = self.best, self.holdout_metric
        if best is None or name is None or name not in best.metrics:
            return None
        return self.goal.sign * (best.metrics[name] - _objective(best))

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values; numbers that JSON does not know (nan, infinities) become ``None``."""
        best, chosen = self.best_evaluation, self.pick
        return {
            "name": self.name,
            "backend": self.backend,
            "isolation": self.isolation,
            "status": self.status.value,
            "seed": self.seed,
            "strategy": self.strategy,
            "objective": {"metric": self.metric, "goal": self.goal.value},
            "counts": self.counts,
            "planned_trials": self.planned_trials,
            "best": None if best is None else evaluation_dict(best),
            "picked": None if chosen is None else {**evaluation_dict(chosen.evaluation), "reason": chosen.reason},
            "expected": self._expectation_dict(),
            "holdout": self._holdout_dict(),
            "configurations": [evaluation_dict(one) for one in self.evaluations] if self.repeated else [],
            "warm_start": None if self.warm_start is None else self.warm_start.to_dict(),
            "trial_seconds": round(self.trial_seconds, 3),
            "cost_usd": self.cost_usd,
            "failure_reason": self.failure_reason,
            "started_at": iso_time(self.started_at),
            "ended_at": iso_time(self.ended_at),
            "trials": [trial_dict(trial) for trial in self.trials],
        }

    def _expectation_dict(self) -> dict[str, Any] | None:
        known = self.expectation
        if known is None:
            return None
        if isinstance(known, str):
            return {"objective": None, "optimism": None, "reason": known}
        return {
            "objective": finite_or_none(self.goal.sign * known.loss),
            "optimism": finite_or_none(known.optimism),
            "among": known.among,
        }

    def _holdout_dict(self) -> dict[str, Any] | None:
        best, name = self.best, self.holdout_metric
        if best is None or name is None or name not in best.metrics:
            return None
        return {"metric": name, "objective": finite_or_none(best.metrics[name]), "warning": self.warning}

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per trial: number, status, objective, parameters, ``metric.<name>`` columns, times, reason.

        With repeats, each row also has the ``mean`` objective of its configuration, its ``standard_error`` and the
        number of ``trainings``.

        A parameter whose name is that of another column stands under ``parameter.<name>``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError("TuningResult.to_dataframe", "pandas") from None
        known = {configuration_key(one.trial): one for one in self.evaluations} if self.repeated else {}
        return pd.DataFrame([table_row(trial, known.get(configuration_key(trial))) for trial in self.trials])


def stopped_early(trial: Trial) -> bool:
    """Return whether a rule gave up the trial, or paused it."""
    if trial.status is not TrialStatus.Stopped:
        return False
    return trial.paused or (trial.failure_reason or "").startswith(EARLY_STOPPING)


def was_interrupted(trial: Trial) -> bool:
    """Return whether a trial ended only because its job did: it starts afresh when the job goes on."""
    return trial.status is TrialStatus.Stopped and trial.failure_reason in (JOB_STOPPED, KILLED)


def is_result(trial: Trial) -> bool:
    """Return whether the trial has an objective that counts: it completed, or a rule gave it up."""
    return trial.objective is not None and (trial.status is TrialStatus.Completed or stopped_early(trial))


def configuration_key(trial: Trial) -> str:
    """Return a text that two trials share if they train the same configuration; it tells 1 and True apart."""
    return repr(sorted(trial.parameters.items()))


def _objective(trial: Trial) -> float:
    return math.nan if trial.objective is None else trial.objective
