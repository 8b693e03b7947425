import math
import random
from statistics import fmean

import pytest

from smtune.honesty import Expectation, evaluate, expect
from smtune.honesty.optimism import posterior_mean
from smtune.trial import Trial, TrialStatus


def configuration(number, losses, **reported):
    trials = [
        Trial(number, {"x": number}, TrialStatus.Completed, loss, reported, repeat=k) for k, loss in enumerate(losses)
    ]
    return evaluate(trials, trainings=len(trials), metric="loss", sign=1)


def expected(configurations):
    return expect(configurations, min(configurations, key=lambda one: one.loss))


def test_where_all_differ_by_less_than_chance_the_best_is_worth_their_mean():
    # The likeliest distribution is a single point if the variance is not above s^2 (Lindsay, 1983): here 2 / 3 of it.
    assert posterior_mean(-1.0, 1.0, [(-1.0, 1.0), (0.0, 1.0), (1.0, 1.0)]) == pytest.approx(0.0, abs=0.15)


def test_one_that_is_far_ahead_was_not_chosen_by_chance():
    assert posterior_mean(0.0, 0.1, [(0.0, 0.1), *[(5.0 + k, 0.1) for k in range(40)]]) == pytest.approx(0.0, abs=0.02)


def test_hopeless_ones_make_no_difference():
    near = [(k / 10, 0.5) for k in range(12)]
    without = posterior_mean(0.0, 0.5, near)
    assert without == pytest.approx(0.55, abs=0.2)
    assert posterior_mean(0.0, 0.5, [*near, *[(100.0 + k, 0.5) for k in range(50)]]) == pytest.approx(without)


def test_it_has_the_unit_of_the_metric():
    near = [(k / 10, 0.5) for k in range(12)]
    scaled = [(3 + 100 * loss, 100 * error) for loss, error in near]
    assert posterior_mean(3.0, 50.0, scaled) == pytest.approx(3 + 100 * posterior_mean(0.0, 0.5, near))


def test_what_all_share_in_a_repeat_is_no_noise():
    noise = [(0.1, -0.1, 0.0), (0.0, 0.1, 0.1), (-0.1, 0.0, 0.1), (0.1, 0.1, -0.1), (0.0, -0.1, 0.0), (0.1, 0.0, 0.0)]
    luck = (0.0, 10.0, -10.0)
    plain = expected([configuration(k, [k / 50 + e for e in own]) for k, own in enumerate(noise)])
    shared = expected(
        [
            configuration(k, [k / 50 + e + common for e, common in zip(own, luck, strict=True)])
            for k, own in enumerate(noise)
        ]
    )
    assert isinstance(plain, Expectation)
    assert isinstance(shared, Expectation)
    assert plain.optimism > 0.01
    assert shared.optimism == pytest.approx(plain.optimism)


def test_repeats_reported_errors_and_folds_tell_how_noisy_losses_are():
    noise = [(0.1, -0.1), (-0.1, 0.1), (0.05, 0.0), (-0.1, -0.1), (0.1, 0.1), (0.0, 0.0)]
    repeated = expected([configuration(k, [k / 100 + e for e in pair]) for k, pair in enumerate(noise)])
    folded = expected(
        [
            configuration(k, [k / 100 + fmean(pair)], **{f"loss:fold-{i}": k / 100 + e for i, e in enumerate(pair)})
            for k, pair in enumerate(noise)
        ]
    )
    reported = expected([configuration(k, [k / 100], **{"loss:se": 0.05}) for k in range(6)])
    assert isinstance(repeated, Expectation)
    assert repeated.among == 6
    assert repeated.optimism > 0.03
    assert folded == repeated
    assert isinstance(reported, Expectation)
    assert reported.loss == pytest.approx(0.025, abs=0.01)


@pytest.mark.parametrize(
    ("configurations", "reason"),
    [
        ([configuration(k, [k, k + 1.0]) for k in range(4)], "it takes 5 configurations"),
        ([configuration(k, [k, k]) for k in range(9)], "all repeats scored the same"),
        ([configuration(k, [k]) for k in range(9)], "it takes repeats, or scores of folds or standard errors"),
        ([configuration(k, [k], **({"loss:se": 0.1} if k else {})) for k in range(9)], "it takes repeats"),
    ],
)
def test_why_it_cannot_be_told(configurations, reason):
    assert str(expected(configurations)).startswith(reason)


TRUTHS = {
    "all alike": lambda draw: 0.0,
    "normal": lambda draw: draw.gauss(0, 1),
    "many near the best": lambda draw: draw.expovariate(1),
    "a third hopeless": lambda draw: draw.expovariate(1) + (30 if draw.random() < 0.3 else 0),
}


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("truth", TRUTHS)
def test_the_expected_score_is_closer_to_the_truth_than_the_best_one(truth, repeats):
    """Forty configurations, an error of one in each training, and luck that all of them share."""
    draw = random.Random(f"{truth} {repeats}")
    raw, corrected = [], []
    for _ in range(30):
        luck = [draw.gauss(0, 0.5) for _ in range(repeats)]
        worth = [TRUTHS[truth](draw) + fmean(luck) for _ in range(40)]
        found = [
            configuration(k, [own - fmean(luck) + common + draw.gauss(0, 1) for common in luck], **{"loss:se": 1.0})
            for k, own in enumerate(worth)
        ]
        best = min(found, key=lambda one: one.loss)
        known = expect(found, best)
        assert isinstance(known, Expectation)
        assert known.optimism >= 0
        raw.append(best.loss - worth[best.trial.number])
        corrected.append(known.loss - worth[best.trial.number])
    assert fmean(raw) < -0.25
    assert abs(fmean(corrected)) < 0.6 * abs(fmean(raw))
    assert math.fsum(x * x for x in corrected) < math.fsum(x * x for x in raw)


def test_losses_far_below_that_of_the_best_count_for_nothing():
    # Such as that of a configuration with fewer trainings, which may not win.
    near = [(k / 10, 0.5) for k in range(12)]
    assert posterior_mean(0.0, 0.5, [*near, (-1e9, 0.5)]) == pytest.approx(posterior_mean(0.0, 0.5, near))


@pytest.mark.parametrize("error", [1e-300, 5e-324])
def test_standard_errors_that_are_next_to_nothing(error):
    near = [(k / 10, 0.5) for k in range(12)]
    assert 0 < posterior_mean(0.0, 0.5, [*near, (0.3, error), (-0.3, error)]) < 1
