"""One descent in the unit cube, told point by point."""

import numpy as np
import pytest

from smtune.strategies.gradient.adam import ProjectedAdam
from smtune.strategies.gradient.check import disagreement, probe
from smtune.strategies.gradient.descent import Descent, Evaluation, clipped, inward
from smtune.strategies.gradient.lbfgs import MOST_BACKTRACKS, ProjectedLbfgs

METHODS = pytest.mark.parametrize("method", [ProjectedLbfgs, ProjectedAdam])


def lbfgs(start: Evaluation, *, step: float = 0.1, tolerance: float = 1e-4) -> ProjectedLbfgs:
    return ProjectedLbfgs(start, step=step, tolerance=tolerance)


def walk(descent: Descent, function, most: int = 200) -> list[Evaluation]:
    """Follow a descent to its end and return what it saw."""
    seen: list[Evaluation] = []
    while descent.point is not None and len(seen) < most:
        seen.append(function(descent.point))
        descent.observe(seen[-1])
    return seen


class Bowl:
    """A quadratic whose axes lie askew in the box; its minimum may lie outside."""

    def __init__(self, seed: int, size: int) -> None:
        draws = np.random.default_rng(seed)
        rotation, _ = np.linalg.qr(draws.normal(size=(size, size)))
        self._hessian = rotation @ np.diag(np.geomspace(1, 300, size)) @ rotation.T
        self._centre = draws.uniform(-0.5, 1.5, size)
        self.start = self(draws.uniform(size=size).tolist())

    def __call__(self, point):
        away = np.array(point) - self._centre
        gradient = self._hessian @ away
        return Evaluation(list(point), float(away @ gradient / 2), gradient.tolist())


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_minima_of_bowls_in_the_box(size):
    for seed in range(25):
        bowl = Bowl(seed, size)
        best, evaluations = bowl.start, 0
        descent = lbfgs(bowl.start, tolerance=1e-7)
        while descent.point is not None:
            point = descent.point
            assert all(0 <= position <= 1 for position in point)
            # No trial is spent where the slope at the best point so far foretells no gain.
            assert np.dot(best.gradient, np.subtract(point, best.point)) < 0
            evaluation = bowl(point)
            best = min(best, evaluation, key=lambda one: one.loss)
            descent.observe(evaluation)
            evaluations += 1
        residual = max(map(abs, inward(best.point, best.gradient)))
        assert residual < 1e-3 * max(map(abs, bowl.start.gradient))
        assert evaluations < 12 * size


def test_a_step_too_far_is_shortened_to_the_minimum_of_a_parabola():
    def parabola(point):
        return Evaluation(point, (point[0] - 0.5) ** 2, [2 * (point[0] - 0.5)])

    descent = lbfgs(parabola([0.54]))
    first, second = walk(descent, parabola)[:2]
    assert [*first.point, *second.point] == pytest.approx([0.44, 0.5])


def test_a_line_along_which_nothing_is_gained_is_left_at_last():
    worse = walk(lbfgs(Evaluation([0.5], 0.0, [1.0])), lambda point: Evaluation(point, 1.0, [1.0]))
    assert len(worse) == 1 + MOST_BACKTRACKS
    moves = [0.5 - one.point[0] for one in worse]
    assert moves == sorted(moves, reverse=True)


def test_steps_double_while_the_slope_grows():
    descent = lbfgs(Evaluation([0.9], 0.0, [1.0]))
    places = [0.9]
    for loss, slope in ((-1.0, 2.0), (-2.0, 3.0), (-3.0, 4.0)):
        assert descent.point is not None
        places += descent.point
        descent.observe(Evaluation(descent.point, loss, [slope]))
    assert places == pytest.approx([0.9, 0.8, 0.6, 0.2])


def test_steps_no_longer_double_once_there_is_curvature():
    descent = lbfgs(Evaluation([0.9], 0.0, [1.0]))
    for loss, slope in ((-1.0, 2.0), (-2.0, 1.0)):
        assert descent.point is not None
        descent.observe(Evaluation(descent.point, loss, [slope]))
    # From 0.8 to 0.6 the slope fell from 2 to 1, so it is 0 at 0.4.
    assert descent.point == pytest.approx([0.4])


def test_a_near_bound_holds_nothing_up():
    def bowl(point):
        away = [point[0] + 0.5, point[1] - 0.9]
        return Evaluation(point, away[0] ** 2 + away[1] ** 2, [2 * away[0], 2 * away[1]])

    seen = walk(lbfgs(bowl([0.105, 0.4])), bowl)
    assert seen[0].point == pytest.approx([0.005, 0.4 + 0.1 * 0.5 / 0.605])
    assert seen[1].point == pytest.approx([0.0, 0.9])
    assert seen[1].point[0] == 0


def test_what_rounding_keeps_from_a_bound_is_at_it():
    assert clipped([1e-13, 1 - 1e-13, -0.5, 1.5, 0.5, 1e-11]) == [0.0, 1.0, 0.0, 1.0, 0.5, 1e-11]


def test_two_small_decreases_in_a_row_are_the_end():
    descent = lbfgs(Evaluation([0.9], 100.0, [10.0]))
    ends = []
    for loss, slope in ((50.0, 1.0), (49.999, 0.5), (49.9, 0.25), (49.899, 0.12), (49.898, 0.06)):
        assert descent.point is not None
        descent.observe(Evaluation(descent.point, loss, [slope]))
        ends.append(descent.point is None)
    assert ends == [False, False, False, False, True]


@METHODS
def test_nothing_is_tried_at_a_stationary_point(method):
    for point, gradient in (([0.5, 0.5], [0.0, 0.0]), ([0.0, 1.0], [3.0, -1.0]), ([], [])):
        assert method(Evaluation(point, 1.0, gradient), step=0.1, tolerance=1e-4).point is None


@METHODS
def test_the_gradient_of_a_share_of_the_first_is_the_end(method):
    for slope, ends in ((0.011, False), (0.009, True)):
        descent = method(Evaluation([0.5], 1.0, [1.0]), step=0.1, tolerance=0.01)
        descent.observe(Evaluation(descent.point, 0.9, [slope]))
        assert (descent.point is None) is ends


@METHODS
def test_failures_are_counted_in_a_row(method):
    descent = method(Evaluation([0.5], 1.0, [1.0]), step=0.1, tolerance=1e-4)
    for _ in range(3):
        descent.fail()
    descent.observe(Evaluation(descent.point, 0.9, [0.9]))
    for _ in range(3):
        descent.fail()
    assert descent.point is not None
    descent.fail()
    assert descent.point is None


def test_adam_by_hand():
    # With a constant gradient the ratio of the moments is 1, whatever its size, and the rate falls as 1 / sqrt(t).
    descent = ProjectedAdam(Evaluation([0.5, 0.5], 0.0, [1e3, -1e-3]), step=0.1, tolerance=1e-4)
    steps = [0.1, 0.1 / 2**0.5, 0.1 / 3**0.5]
    seen = walk(descent, lambda point: Evaluation(point, point[0] - point[1], [1e3, -1e-3]), most=3)
    assert [one.point[0] for one in seen] == pytest.approx(0.5 - np.cumsum(steps))
    assert [one.point[1] for one in seen] == pytest.approx(0.5 + np.cumsum(steps), abs=1e-5)


def test_adam_ends_after_ten_steps_in_vain():
    descent = ProjectedAdam(Evaluation([0.5], 0.0, [1.0]), step=0.01, tolerance=1e-4)
    seen = walk(descent, lambda point: Evaluation(point, 1.0, [1.0]))
    assert len(seen) == 10


def test_the_probe_descends_where_there_is_room():
    base = Evaluation([0.5, 0.5, 0.0, 0.999], 1.0, [2.0, -1e-9, 1.0, -1.0])
    assert probe(base) == pytest.approx([0.49, 0.51, 0.0, 0.999])
    corner = Evaluation([0.0, 1.0], 1.0, [2.0, -1.0])
    assert probe(corner) == pytest.approx([0.01, 0.99])


@pytest.mark.parametrize(
    ("loss", "gradient", "agrees"),
    [
        (1 + 5e-7, 1e-9, True),  # less than training resolves
        (1.011, 1.0, True),
        (1.0115, 1.0, False),
        (1.009, 1.0, True),
        (1.0085, 1.0, False),
        (0.99, 1.0, False),
    ],
)
def test_a_tenth_is_how_far_change_and_derivatives_may_differ(loss, gradient, agrees):
    base = Evaluation([0.5], 1.0, [gradient])
    assert (disagreement(base, Evaluation([0.51], loss, [gradient])) is None) is agrees
