"""How far the score of the best configuration flatters it because it was chosen for it.

The lowest of many noisy losses is lower than what its configuration is worth. Each mean loss is taken for
``y_i ~ N(theta_i, s_i^2)``, and the true losses for draws from an unknown distribution. That distribution is estimated
by maximum likelihood without assuming its form (Kiefer and Wolfowitz, 1956; by expectation maximisation on a grid as
in Laird, 1978; Koenker and Mizera, 2014), and the best configuration's expected loss is its posterior mean under it:
empirical Bayes, which the choice does not bias (Efron, 2011).

In simulations this errs less than shrinking towards the mean (James and Stein, 1961), which a few hopeless
configurations render useless, and less than the bias correction of Tibshirani and Tibshirani (2009), which corrects
for the choice by a single repeat, and so too much where the choice was by the mean of several.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from smtune.honesty.evaluation import Evaluation
from smtune.moments import mean, standard_error

LEAST = 5
"""From fewer configurations, no distribution is estimated."""

_REACH = 6.0
"""Losses further from the best, in its standard errors, say nothing about it: a likelihood of exp(-18)."""
_POINTS = 48
_ITERATIONS = 60
_SMALLEST = 0.1
"""Least standard error in steps of the grid: a smaller one as well leaves all of a likelihood at a single point."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the best configuration is expected to score.

    Attributes:
        loss: Expected loss.
        optimism: By how much its mean loss is lower than that; at least 0.
        among: How many configurations it was the best of.
    """

    loss: float
    optimism: float
    among: int


def expect(evaluations: Sequence[Evaluation], best: Evaluation) -> Expectation | str:
    """Return what the best is expected to score, or why that cannot be told.

    Args:
        evaluations: All configurations, the best among them.
        best: The one with the lowest loss of those that count.
    """
    if len(evaluations) < LEAST:
        return f"it takes {LEAST} configurations"
    if len(best.parts) > 1 and all(one.parts.keys() <= best.parts.keys() for one in evaluations):
        error = _spread(evaluations, best)
        if error == 0:
            return "all repeats scored the same: does the script heed smtune.container.repeat()?"
        known = [(one.loss, error / math.sqrt(len(one.parts))) for one in evaluations]
        own = error / math.sqrt(len(best.parts))
    else:
        known = [(one.loss, one.standard_error) for one in evaluations if one.standard_error]
        if len(known) < len(evaluations) or not best.standard_error:
            return "it takes repeats, or scores of folds or standard errors that are reported beside the objective"
        own = best.standard_error
    if not (_REACH * own / _POINTS > 0 and math.isfinite(best.loss + _REACH * own)):
        return "the losses are too large, or their standard errors too small, to compute with"
    loss = posterior_mean(best.loss, own, known)
    return Expectation(loss, loss - best.loss, len(evaluations))


def posterior_mean(best: float, error: float, known: Sequence[tuple[float, float]]) -> float:
    """Return the expected true loss behind the lowest of many.

    Args:
        best: The lowest mean loss.
        error: Its standard error, more than 0.
        known: Mean loss and standard error of every configuration, the best included.
    """
    step = _REACH * error / _POINTS
    # Losses that differ by less than a step count as the same, so that thousands of them cost no more than hundreds.
    counts = Counter(
        (round((loss - best) / step), float(f"{max(own / step, _SMALLEST):.2g}"))
        for loss, own in known
        if abs(loss - best) <= _REACH * error
    )
    weights = [1 / (_POINTS + 1)] * (_POINTS + 1)
    likelihoods = [
        (count, likelihood)
        for (place, own), count in sorted(counts.items())
        if any(likelihood := [math.exp(-(((place - point) / own) ** 2) / 2) / own for point in range(_POINTS + 1)])
    ]
    for _ in range(_ITERATIONS):
        shares = [0.0] * len(weights)
        for count, likelihood in likelihoods:
            joint = [weight * density for weight, density in zip(weights, likelihood, strict=True)]
            total = math.fsum(joint)
            shares = [share + count * part / total for share, part in zip(shares, joint, strict=True)]
        weights = [share / len(known) for share in shares]
    own = error / step
    posterior = [weight * math.exp(-((point / own) ** 2) / 2) for point, weight in enumerate(weights)]
    return best + step * math.fsum(point * part for point, part in enumerate(posterior)) / math.fsum(posterior)


def _spread(evaluations: Sequence[Evaluation], best: Evaluation) -> float:
    """Return the standard deviation of the loss in a single repeat or fold.

    What all configurations share there, such as rows that are hard for all, does not make one of them the best. It is
    left out where several have the same repeats or folds: the residual variance of a two-way table without replication
    (Scheffe, 1959, chapter 4). The better half of these counts, at least five: hopeless configurations often vary more.
    """
    alike = sorted((one for one in evaluations if one.parts.keys() == best.parts.keys()), key=lambda one: one.loss)
    block = [one.parts for one in alike[: max(LEAST, len(alike) // 2)]]
    repeats = sorted(best.parts)
    if len(block) == 1:
        return standard_error([*best.parts.values()]) * math.sqrt(len(repeats))
    rows = [mean(row.values()) for row in block]
    columns = {k: mean(row[k] for row in block) for k in repeats}
    grand = mean(rows)
    residuals = (row[k] - own - columns[k] + grand for row, own in zip(block, rows, strict=True) for k in repeats)
    return math.hypot(*residuals) / math.sqrt((len(block) - 1) * (len(repeats) - 1))
