import math
from itertools import product

import pytest

from smtune.honesty import Scores, disagreement, evaluate, expect, pick
from smtune.moments import mean, standard_error
from smtune.trial import Trial, TrialStatus

HUGE = 1.7e308


@pytest.mark.parametrize(
    ("values", "expected"),
    [([HUGE, HUGE, HUGE], HUGE), ([HUGE, HUGE, -HUGE, -HUGE], 0.0), ([math.inf, 1.0], math.inf), ([1.0, 2.0], 1.5)],
)
def test_means_do_not_overflow(values, expected):
    assert mean(values) == pytest.approx(expected)


def test_infinities_that_cancel_have_no_mean():
    assert math.isnan(mean([math.inf, -math.inf]))


@pytest.mark.parametrize(
    ("values", "expected"), [([HUGE, -HUGE], HUGE), ([HUGE, HUGE], 0.0), ([0.5, 0.7, 0.9], 0.2 / math.sqrt(3))]
)
def test_standard_errors_do_not_overflow(values, expected):
    assert standard_error(values) == pytest.approx(expected)


def test_infinite_values_have_no_standard_error():
    assert math.isnan(standard_error([math.inf, 1.0]))


def configuration(number, losses):
    metrics = {"loss:se": 1e308, "test:loss": -losses[0], "depth": 1.0}
    trials = [
        Trial(number, {"x": number}, TrialStatus.Completed, loss, metrics, repeat=repeat)
        for repeat, loss in enumerate(losses)
    ]
    return evaluate(trials, trainings=len(trials), metric="loss", sign=1)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_nothing_is_raised_for_huge_scores(times):
    rows = [*product([HUGE, -HUGE, 0.5], repeat=times)] * 9
    configurations = [configuration(number, row) for number, row in enumerate(rows[:12])]
    best = min(configurations, key=lambda one: one.loss)
    assert math.isfinite(best.loss)
    assert isinstance(expect(configurations, best), str)
    assert pick(configurations, best, prefer="depth", metric="loss").evaluation in configurations
    scores = Scores("loss", "test:loss", 1)
    warned = disagreement(configurations, best, default=configurations[0], scores=scores, optimism=None)
    assert warned is None or "nan" not in warned
