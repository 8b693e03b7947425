"""Whether data that took no part in the choice tell another story."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

from smtune.honesty.evaluation import STANDARD_ERROR, Evaluation

LEVEL = 0.05
"""Of the test whether two rankings are opposite."""
LEAST_OTHERS = 5
TIE = 0.01
"""Scores tie if they differ by at most this share of the range from the best to the worst but a tenth."""
_TOP, _LEAST_RANKED = 10, 8
_WHAT_TO_DO = "more repeats, cross-validation, a larger validation set or fewer trials would make the choice safer"


@dataclass(frozen=True, slots=True)
class Scores:
    """The two metrics, and which way they are better.

    Attributes:
        metric: The objective.
        holdout: The same metric on the holdout.
        sign: 1 if lower is better, -1 if higher is.
    """

    metric: str
    holdout: str
    sign: int

    def held_out(self, evaluation: Evaluation) -> float | None:
        """Return the loss on the holdout, if it is known."""
        value = evaluation.trial.metrics.get(self.holdout)
        return None if value is None or not math.isfinite(value) else self.sign * value

    def gap(self, evaluation: Evaluation) -> float | None:
        """Return by how much a configuration is worse on the holdout."""
        held_out = self.held_out(evaluation)
        return None if held_out is None else held_out - evaluation.loss


def disagreement(
    evaluations: Sequence[Evaluation],
    best: Evaluation,
    *,
    default: Evaluation | None,
    scores: Scores,
    optimism: float | None,
) -> str | None:
    """Return why the choice is doubtful, with numbers, or ``None``.

    The first of these that applies:

    - The best is worse on the holdout than its score by more than its optimism and two standard errors of the
      difference; the holdout's own is taken for that of the score unless it is reported too. A reported standard
      error tells how the score varies with the rows. One from repeats does not: then the gap counts
      only as far as it is wider than the median of at least five other configurations, since the holdout's rows may be
      harder.
    - The best is better than the untuned default by its score, and worse on the holdout.
    - The ten best configurations, at least eight, are ranked oppositely by the two: Kendall's tau is negative at the
      level of 5 % (normal approximation, Kendall, 1938). Pairs whose losses differ by at most 1 % of the range of nine
      tenths of all configurations, the worst left out, tie and count neither way: where a search has converged, the
      order of the last digits says nothing.
    """
    if scores.held_out(best) is None:
        return None
    return (
        _too_wide(evaluations, best, scores, optimism)
        or _no_gain(best, default, scores)
        or _opposite(evaluations, scores)
    )


def _too_wide(
    evaluations: Sequence[Evaluation], best: Evaluation, scores: Scores, optimism: float | None
) -> str | None:
    gap, error = scores.gap(best), best.standard_error
    if gap is None or error is None:
        return None
    usual = 0.0
    if len(best.losses) > 1:
        others = [own for one in evaluations if one is not best and (own := scores.gap(one)) is not None]
        if len(others) < LEAST_OTHERS:
            return None
        usual = median(others)
    error = math.hypot(error, best.trial.metrics.get(scores.holdout + STANDARD_ERROR, error))
    allowed = (optimism or 0.0) + 2 * error
    if not gap - usual > allowed:  # neither is a difference of infinities
        return None
    parts = f"two standard errors, {2 * error:.2g}"
    if optimism is not None:
        parts += f", and the optimism, {optimism:.2g}"
    wider = f" ({usual:.2g} is usual for the others)" if len(best.losses) > 1 else ""
    return (
        f"{_score(scores, best)} is worse than {scores.metric} {scores.sign * best.loss:.6g} by {gap:.2g}{wider}, "
        f"which is more than {parts}, explain; {_WHAT_TO_DO}"
    )


def _no_gain(best: Evaluation, default: Evaluation | None, scores: Scores) -> str | None:
    if default is None or default is best or default.loss <= best.loss:
        return None
    before, after = scores.held_out(default), scores.held_out(best)
    if before is None or after is None or after <= before:
        return None
    return (
        f"{_score(scores, best)} is worse than the untuned default's {scores.sign * before:.6g}, though "
        f"{scores.metric} improved from {scores.sign * default.loss:.6g} to {scores.sign * best.loss:.6g}; {_WHAT_TO_DO}"
    )


def _opposite(evaluations: Sequence[Evaluation], scores: Scores) -> str | None:
    pairs = sorted((one.loss, held_out) for one in evaluations if (held_out := scores.held_out(one)) is not None)
    top = pairs[:_TOP]
    if len(top) < _LEAST_RANKED:
        return None
    usual = pairs[(9 * len(pairs) - 1) // 10][0] - top[0][0]
    tau = kendall_tau(top, tie=TIE * usual)
    count = len(top)
    spread = math.sqrt(2 * (2 * count + 5) / (9 * count * (count - 1)))
    if NormalDist().cdf(tau / spread) >= LEVEL:
        return None
    return (
        f"{scores.holdout} and {scores.metric} rank the {count} best configurations oppositely (Kendall's tau {tau:.2f}); "
        f"{_WHAT_TO_DO}"
    )


def kendall_tau(pairs: Sequence[tuple[float, float]], *, tie: float = 0.0) -> float:
    """Return the share of concordant less that of discordant pairs of pairs; those that tie are neither.

    >>> kendall_tau([(1, 1), (2, 3), (3, 2)])
    0.3333333333333333

    Args:
        pairs: At least two.
        tie: First numbers that differ by at most this tie.
    """
    total = 0.0
    for place, (a, b) in enumerate(pairs):
        for other_a, other_b in pairs[:place]:
            total += ((a - other_a > tie) - (other_a - a > tie)) * ((b > other_b) - (b < other_b))
    return total / (len(pairs) * (len(pairs) - 1) / 2)


def _score(scores: Scores, best: Evaluation) -> str:
    return f"{scores.holdout} {best.trial.metrics[scores.holdout]:.6g}"
