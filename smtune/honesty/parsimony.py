"""The cheapest of those that are as good as the best, but for noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smtune.honesty.evaluation import STANDARD_ERROR, Evaluation
from smtune.spec.selection import SECONDS


@dataclass(frozen=True, slots=True)
class Pick:
    """The configuration that is recommended, and why."""

    evaluation: Evaluation
    reason: str


def pick(candidates: Sequence[Evaluation], best: Evaluation, *, prefer: str, metric: str) -> Pick:
    """Apply the one-standard-error rule (Breiman et al., 1984, section 3.4.3).

    Among the configurations whose mean loss is within one standard error of the best one's, take the cheapest; the
    best itself, if it is that, or if its standard error or its cost is unknown.

    Args:
        candidates: The configurations that were trained as often as the best.
        best: The one with the lowest mean loss.
        prefer: What is cheap where it is small: ``"seconds"`` of training, a numeric parameter, or a metric.
        metric: The objective.
    """
    error = best.standard_error
    if error is None:
        reason = f"its standard error is not known: set repeats: 3, or report {metric}{STANDARD_ERROR}"
        return Pick(best, reason)
    cost = _cost(best, prefer)
    if cost is None:
        return Pick(best, f"it has no {prefer} to compare: name a parameter, a metric, or {SECONDS}")
    near = [one for one in candidates if one.loss <= best.loss + error]
    costs = {one.trial.number: own for one in near if (own := _cost(one, prefer)) is not None}
    chosen = min(
        (one for one in near if one.trial.number in costs),
        key=lambda one: (costs[one.trial.number], one.loss, one.trial.number),
    )
    found = costs[chosen.trial.number]
    where = f"within one standard error, {error:.2g}, of the best"
    if found >= cost:
        return Pick(best, f"nothing {where} has less {prefer}")
    return Pick(chosen, f"{where}; {prefer} {found:.4g} instead of {cost:.4g}")


def _cost(evaluation: Evaluation, prefer: str) -> float | None:
    if prefer == SECONDS:
        return evaluation.seconds
    value = evaluation.trial.parameters.get(prefer, evaluation.trial.metrics.get(prefer))
    if isinstance(value, bool | str) or value is None or not math.isfinite(value):
        return None
    return float(value)
