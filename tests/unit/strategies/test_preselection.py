"""Pre-selection by nearest neighbours."""

import math
from collections.abc import Callable, Iterable

import pytest

from smtune.space import CategoricalParameter, Configuration, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies.draws import Draws
from smtune.strategies.preselection import NearestNeighbours, explained_by_group, explained_by_line_and_parabola
from smtune.strategies.proposer import Outcome

LINE = SearchSpace({"x": ContinuousParameter(0.0, 1.0)})
SQUARE = SearchSpace({"x": ContinuousParameter(0.0, 1.0), "z": ContinuousParameter(0.0, 1.0)})


def taught(space: SearchSpace, outcomes: Iterable[tuple[Configuration, float | None]], size: int = 200):
    neighbours = NearestNeighbours(space, size=size)
    for number, (parameters, loss) in enumerate(outcomes):
        neighbours.learn(Outcome(number, parameters, loss))
    return neighbours


def drawn(loss: Callable[[float, float], float | None], count: int = 60) -> list[tuple[Configuration, float | None]]:
    """Return random points of the square and what comes of them."""
    places = [(Draws(1, number).uniform("x"), Draws(1, number).uniform("z")) for number in range(count)]
    return [({"x": x, "z": z}, loss(x, z)) for x, z in places]


def bonus(distance: float) -> float:
    return 3 * (1 - math.exp(-8 * distance))


class TestScores:
    def test_they_are_means_by_inverse_distance_less_a_bonus(self):
        neighbours = taught(LINE, [({"x": 0.0}, 5.0), ({"x": 1.0}, 7.0)])
        # Distances 0.25 and 0.75, each 0.02 more; log ranks 0 and log 2; the diagonal of the space is 1.
        expected = math.log(2) * (1 / 0.77) / (1 / 0.27 + 1 / 0.77)
        assert neighbours.scores([{"x": 0.25}]) == pytest.approx([expected - bonus(0.25)])

    def test_only_the_nearest_count(self):
        places = [0.0, 0.1, 0.2, 0.3, 0.4, 0.9]
        neighbours = taught(LINE, [({"x": x}, -x) for x in places])
        neighbours_of_five = taught(LINE, [({"x": x}, -x) for x in places[:5]])
        # The best of all, at 0.9, is no neighbour; but the ranks of the others are one worse.
        weights = [1 / (abs(x - 0.1) + 0.02) for x in places[:5]]
        ranks = [math.log(6), math.log(5), math.log(4), math.log(3), math.log(2)]
        expected = sum(map(math.prod, zip(weights, ranks, strict=True))) / sum(weights)
        assert neighbours.scores([{"x": 0.1}]) == pytest.approx([expected], rel=1e-6)
        assert neighbours_of_five.scores([{"x": 0.1}])[0] < expected

    def test_unordered_choices_are_half_a_range_apart(self):
        space = SearchSpace({"x": ContinuousParameter(0.0, 1.0), "kind": CategoricalParameter(["a", "b", "c"])})
        neighbours = taught(space, [({"x": 0.0, "kind": "a"}, 1.0), ({"x": 0.0, "kind": "b"}, 2.0)])
        softening, diagonal = 0.02 * math.sqrt(2), math.hypot(1.0, 0.5)
        near, far = 0.3, math.hypot(0.3, 0.5)
        shares = [1 / (near + softening), 1 / (far + softening)]
        expected = [math.log(2) * shares[1] / sum(shares) - bonus(near / diagonal)]
        assert neighbours.scores([{"x": 0.3, "kind": "a"}]) == pytest.approx(expected)

    def test_equal_losses_have_equal_ranks(self):
        neighbours = taught(LINE, [({"x": 0.0}, 1.0), ({"x": 1.0}, 1.0)])
        assert neighbours.scores([{"x": 0.1}]) == pytest.approx([-bonus(0.1)])

    def test_nothing_is_known_at_first(self):
        assert NearestNeighbours(LINE).scores([{"x": 0.1}, {"x": 0.9}]) == [0.0, 0.0]

    def test_a_space_without_variety_has_no_distances(self):
        space = SearchSpace({"fixed": IntegerParameter(3, 3)})
        assert taught(space, [({"fixed": 3}, 1.0)]).scores([{"fixed": 3}]) == [0.0]

    def test_the_order_in_which_results_came_does_not_matter(self):
        outcomes = [
            Outcome(number, parameters, loss)
            for number, (parameters, loss) in enumerate(drawn(lambda x, z: None if x < 0.3 else x + z, 150))
        ]
        scores = []
        for order in (outcomes, outcomes[::-1]):
            neighbours = NearestNeighbours(SQUARE, size=40)
            for outcome in order:
                neighbours.learn(outcome)
            scores.append(neighbours.scores([parameters for parameters, _ in drawn(lambda x, z: x * z)]))
        assert scores[0] == scores[1]


class TestWeights:
    def test_parameters_that_do_not_matter_hardly_part_configurations(self):
        neighbours = taught(SQUARE, drawn(lambda x, z: (x - 0.5) ** 2))
        near = taught(SQUARE, drawn(lambda x, z: (z - 0.5) ** 2))
        along, across = {"x": 0.5, "z": 0.05}, {"x": 0.05, "z": 0.5}
        assert neighbours.choose([across, along]) == 1
        assert near.choose([across, along]) == 0

    def test_a_line_and_a_parabola_explain_themselves(self):
        values = [0.0, 0.25, 0.5, 0.75, 1.0]
        line = [(value - 0.5) / math.sqrt(0.125) for value in values]
        # Squares about the middle are 4, 1, 0, 1, 4 sixteenths: mean 2, variance 2.8.
        parabola = [(square - 2) / math.sqrt(2.8) for square in (4, 1, 0, 1, 4)]
        cubic = [-math.sqrt(0.5), math.sqrt(2.0), 0.0, -math.sqrt(2.0), math.sqrt(0.5)]
        for scores, share in ((line, 1.0), (parabola, 1.0), (cubic, 0.0)):
            assert explained_by_line_and_parabola(values, scores) == pytest.approx(share)
        assert explained_by_line_and_parabola([0.5] * 5, line) == 0.0

    def test_groups_explain_what_lies_between_them(self):
        assert explained_by_group([0, 0, 1, 1], [1.0, 1.0, -1.0, -1.0]) == 1.0
        assert explained_by_group([0, 1, 0, 1], [1.0, 1.0, -1.0, -1.0]) == 0.0


class TestMemory:
    def test_the_best_and_the_latest_of_the_others_stay(self):
        places = [0.5, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8]
        losses = [0.0, 5.0, 6.0, 1.0, 4.0, 3.0, 2.0, 9.0]
        outcomes = [Outcome(number, {"x": places[number]}, losses[number]) for number in range(8)]
        bounded, kept = NearestNeighbours(LINE, size=4), NearestNeighbours(LINE)
        for outcome in outcomes[-4:]:
            bounded.learn(outcome)
        for outcome in outcomes[:4]:
            bounded.learn(outcome)
        for number in (0, 3, 6, 7):
            kept.learn(outcomes[number])
        candidates = [{"x": place / 20} for place in range(21)]
        assert bounded.scores(candidates) == kept.scores(candidates)


class TestFailures:
    candidates = tuple({"x": place / 20, "z": 0.5} for place in range(21))

    def test_their_region_is_avoided(self):
        # The lower the better, but what is too low fails.
        neighbours = taught(SQUARE, drawn(lambda x, z: None if x < 0.4 else x + 0.1 * z))
        ignorant = taught(SQUARE, [one for one in drawn(lambda x, z: x + 0.1 * z) if float(one[0]["x"]) >= 0.4])
        inside, outside = {"x": 0.1, "z": 0.5}, {"x": 0.45, "z": 0.5}
        assert neighbours.choose([inside, outside]) == 1
        assert ignorant.choose([inside, outside]) == 0

    def test_those_that_lie_anywhere_are_left_out(self):
        every = drawn(lambda x, z: x + z)
        failing = [(parameters, None if number % 5 == 4 else loss) for number, (parameters, loss) in enumerate(every)]
        without = [one for one in failing if one[1] is not None]
        scores = [taught(SQUARE, outcomes).scores(self.candidates) for outcomes in (failing, without)]
        assert scores[0] == scores[1]

    def test_one_or_two_are_bad_neighbours(self):
        neighbours = taught(LINE, [({"x": 0.0}, 1.0), ({"x": 1.0}, None)])
        expected = math.log(2) * (1 / 0.27) / (1 / 0.27 + 1 / 0.77)
        assert neighbours.scores([{"x": 0.75}]) == pytest.approx([expected - bonus(0.25)])
