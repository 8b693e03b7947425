"""What is known of a configuration: the mean over its trainings, and how far that can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from smtune.moments import mean, standard_error
from smtune.trial import Trial

STANDARD_ERROR = ":se"
"""What a script appends to a metric's name to report its standard error, e.g. ``validation:auc:se``."""

FOLD = ":fold-"
"""What comes between a metric's name and the number of a fold of cross-validation, e.g. ``validation:auc:fold-0``."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A configuration with a result.

    Attributes:
        trial: Its first trial with a result, with the means of objective and metrics over all of them.
        losses: Repeat to loss, of the trainings with a result; at least one.
        folds: Fold to loss, of a single training that reported them.
        trainings: How many trainings have ended, with or without a result.
        standard_error: Of the mean; ``None`` if unknown.
        seconds: Mean time of a training with a result, or ``None``.
    """

    trial: Trial
    losses: Mapping[int, float]
    folds: Mapping[int, float]
    trainings: int
    standard_error: float | None
    seconds: float | None

    @property
    def loss(self) -> float:
        """Mean loss."""
        return mean(self.losses.values())

    @property
    def parts(self) -> Mapping[int, float]:
        """The losses whose mean is the loss: of several repeats, or else of folds, or else the one there is."""
        return self.losses if len(self.losses) > 1 or not self.folds else self.folds


def evaluate(results: Sequence[Trial], *, trainings: int, metric: str, sign: int) -> Evaluation:
    """Return what the trials of one configuration say together.

    The standard error is that of the mean over repeats, ``s / sqrt(n)`` with the sample's standard deviation ``s``; of
    a single training, that of the mean over its folds, or what the script reported as ``METRIC:se``.

    Args:
        results: The trials that have a result, at least one, by number.
        trainings: How many have ended in all.
        metric: The objective.
        sign: 1 if lower objectives are better, -1 if higher ones are.
    """
    objectives = {trial.repeat: trial.objective for trial in results if trial.objective is not None}
    times = [trial.seconds for trial in results if trial.seconds is not None]
    first = results[0]
    if len(results) > 1:
        shared = set.intersection(*(set(trial.metrics) for trial in results))
        first = replace(
            first,
            objective=mean(objectives.values()),
            metrics={name: mean(trial.metrics[name] for trial in results) for name in sorted(shared)},
            ended_at=max(trial.ended_at or 0.0 for trial in results),
        )
    folds = _folds(first, metric, sign) if len(results) == 1 else {}
    parts = [*folds.values()] if len(results) == 1 else [*objectives.values()]
    return Evaluation(
        trial=first,
        losses={repeat: sign * objective for repeat, objective in objectives.items()},
        folds=folds,
        trainings=trainings,
        standard_error=error_of(parts, first.metrics.get(metric + STANDARD_ERROR)),
        seconds=mean(times) if times else None,
    )


def _folds(trial: Trial, metric: str, sign: int) -> dict[int, float]:
    """Return what the script reported of each fold, as losses."""
    prefix = metric + FOLD
    found = {name.removeprefix(prefix): value for name, value in trial.metrics.items() if name.startswith(prefix)}
    return {int(fold): sign * value for fold, value in found.items() if fold.isdecimal() and math.isfinite(value)}


def error_of(values: Sequence[float], reported: float | None) -> float | None:
    """Return the standard error of a mean: from its values if there are several, else as it was reported.

    >>> error_of([0.5, 0.7, 0.9], None) == 0.2 / 3**0.5, error_of([0.5], 0.1), error_of([0.5], None)
    (True, 0.1, None)
    """
    if len(values) > 1:
        return standard_error(values)
    return reported if reported is not None and math.isfinite(reported) and reported >= 0 else None
