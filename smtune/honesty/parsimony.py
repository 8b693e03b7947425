"""The cheapest of those that are as good as the best, but for noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from smtune.honesty.evaluation import STANDARD_ERROR, Evaluation
from smtune.spec.selection import SECONDS

SAVING = 0.1
"""Share by which seconds of training must differ to count: the same training takes a little longer now and then."""


@dataclass(frozen=True, slots=True)
class Pick:
    """The configuration that is recommended, and why."""

    evaluation: Evaluation
    reason: str


def pick(candidates: Sequence[Evaluation], best: Evaluation, *, prefer: str, metric: str) -> Pick:
    """Apply the one-standard-error rule (Breiman et al., 1984, section 3.4.3).

    Among the configurations whose mean loss is within one standard error of the best one's, take the cheapest, and of
    equally cheap ones that with the lowest loss; the best itself, if nothing is cheaper, or if its standard error or
    its cost is unknown. Seconds are measured: one is cheaper if it saves at least 10 % of the best one's, and as cheap
    as the cheapest if it takes at most 10 % more. Of a parameter or a metric, any difference counts.

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
    share = SAVING if prefer == SECONDS else 0.0
    cheaper = {number: own for number, own in costs.items() if own < cost and own <= (1 - share) * cost}
    where = f"within one standard error, {error:.2g}, of the best"
    if not cheaper:
        saves = f"takes {SAVING:.0%} less {SECONDS}" if prefer == SECONDS else f"has less {prefer}"
        return Pick(best, f"nothing {where} {saves}")
    enough = (1 + share) * min(cheaper.values())
    chosen = min(
        (one for one in near if cheaper.get(one.trial.number, math.inf) <= enough),
        key=lambda one: (one.loss, cheaper[one.trial.number], one.trial.number),
    )
    return Pick(chosen, f"{where}; {prefer} {cheaper[chosen.trial.number]:.4g} instead of {cost:.4g}")


def _cost(evaluation: Evaluation, prefer: str) -> float | None:
    if prefer == SECONDS:
        return evaluation.seconds
    value = evaluation.trial.parameters.get(prefer, evaluation.trial.metrics.get(prefer))
    if isinstance(value, bool | str) or value is None or not math.isfinite(value):
        return None
    return float(value)
