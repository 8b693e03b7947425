"""The operators of an evolutionary search."""

from collections import Counter

import pytest

from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies.draws import Draws
from smtune.strategies.operators import BlendCrossover, Elite, GaussianMutation, Individual, Tournament

SPACE = SearchSpace(
    {
        "eta": ContinuousParameter(1e-4, 1.0, "Logarithmic"),
        "depth": IntegerParameter(1, 12),
        "batch": CategoricalParameter([16, 32, 64, 128], ordered=True),
        "booster": CategoricalParameter(["gbtree", "dart", "gblinear"]),
        "fixed": IntegerParameter(3, 3),
    }
)
FIRST = SPACE.validate({"eta": 0.01, "depth": 4, "batch": 32, "booster": "gbtree", "fixed": 3})
SECOND = SPACE.validate({"eta": 0.1, "depth": 8, "batch": 64, "booster": "dart", "fixed": 3})
SEEDS = range(500)


def population(size: int) -> list[Individual]:
    return [Individual(float(rank), rank, {}) for rank in range(size)]


class TestTournament:
    def test_more_candidates_press_harder_towards_the_best(self):
        chosen = {
            size: Counter(Tournament(size).select(population(10), Draws(seed)).number for seed in SEEDS)
            for size in (1, 3)
        }
        assert max(chosen[1].values()) < 2 * min(chosen[1].values())
        # The best of ten is among three candidates with probability 1 - 0.9 ** 3 = 0.27.
        assert chosen[3][0] / len(SEEDS) == pytest.approx(0.27, abs=0.05)
        assert chosen[3][9] < 10


class TestElite:
    def test_the_best_survive_whatever_the_order_in_which_they_came(self):
        members = population(6)
        for order in (members, members[::-1], members[3:] + members[:3]):
            elite = Elite(4)
            for individual in order:
                elite.add(individual)
            assert list(elite) == members[:4]

    def test_of_equals_the_older_one_is_better(self):
        elite = Elite(1)
        for number in (5, 2, 9):
            elite.add(Individual(1.0, number, {}))
        assert elite[0].number == 2


class TestBlendCrossover:
    children = tuple(BlendCrossover(SPACE).cross(FIRST, SECOND, Draws(seed)) for seed in SEEDS)

    def test_children_are_legal(self):
        assert all(SPACE.validate(child) == child for child in self.children)

    def test_numbers_lie_between_the_parents_or_a_little_beyond(self):
        places = [SPACE["eta"].to_unit(child["eta"]) for child in self.children]
        low, high = SPACE["eta"].to_unit(0.01), SPACE["eta"].to_unit(0.1)
        assert min(places) == pytest.approx(low - 0.3 * (high - low), abs=0.01)
        assert max(places) == pytest.approx(high + 0.3 * (high - low), abs=0.01)
        assert sum(low <= place <= high for place in places) / len(places) == pytest.approx(1 / 1.6, abs=0.05)

    def test_choices_come_from_either_parent(self):
        counts = Counter(child["booster"] for child in self.children)
        assert set(counts) == {"gbtree", "dart"}
        assert counts["dart"] / len(self.children) == pytest.approx(0.5, abs=0.07)

    def test_genes_that_the_parents_share_stay(self):
        assert BlendCrossover(SPACE).cross(FIRST, FIRST, Draws(1)) == FIRST

    def test_children_of_parents_at_the_bounds_stay_inside(self):
        ends = [SPACE.from_unit([position] * len(SPACE)) for position in (0.0, 1.0)]
        for seed in SEEDS:
            child = BlendCrossover(SPACE, extension=3.0).cross(ends[0], ends[1], Draws(seed))
            assert SPACE.validate(child) == child


class TestGaussianMutation:
    def mutants(self, **settings: float):
        mutation = GaussianMutation(SPACE, **settings)
        return [mutation.mutate(FIRST, Draws(seed)) for seed in SEEDS]

    def test_mutants_are_legal_and_differ(self):
        for mutant in self.mutants():
            assert SPACE.validate(mutant) == mutant
            assert mutant != FIRST
            assert mutant["fixed"] == 3

    @pytest.mark.parametrize(("probability", "mean"), [(1.0, 4.0), (0.5, 2.0), (None, 1.0)])
    def test_how_many_genes_mutate(self, probability, mean):
        mutants = self.mutants(probability=probability)
        changed = [sum(mutant[name] != FIRST[name] for name in SPACE) for mutant in mutants]
        assert min(changed) >= 1
        # At least one does, so a few more than probability times genes; by default one of four, 0.75 ** 4 extra.
        extra = (1 - (0.25 if probability is None else probability)) ** 4
        assert sum(changed) / len(changed) == pytest.approx(mean + extra, abs=0.15)

    def test_even_the_finest_step_leaves_its_level(self):
        mutants = self.mutants(probability=1.0, sigma=1e-9)
        assert {mutant["depth"] for mutant in mutants} == {3, 5}
        assert {mutant["batch"] for mutant in mutants} == {16, 64}
        assert {mutant["booster"] for mutant in mutants} == {"dart", "gblinear"}

    def test_steps_at_a_bound_are_reflected(self):
        mutation = GaussianMutation(SPACE, probability=1.0, sigma=1e-9)
        corner = SPACE.from_unit([0.0, 1.0, 0.0, 0.0, 0.0])
        for seed in SEEDS:
            mutant = mutation.mutate(corner, Draws(seed))
            assert (mutant["batch"], mutant["depth"]) == (32, 2)
            assert float(mutant["eta"]) >= float(corner["eta"])

    def test_most_steps_are_wide_and_some_are_fine(self):
        eta = SPACE["eta"]
        steps = [abs(eta.to_unit(m["eta"]) - eta.to_unit(0.01)) for m in self.mutants(probability=1.0, sigma=0.05)]
        # Half-normal distribution: 68 % within one standard deviation, of the wide or of the fine step.
        within = sum(step < 0.01 for step in steps) / len(steps)
        assert within == pytest.approx(0.7 * 0.159 + 0.3 * 0.683, abs=0.05)

    def test_wide_steps_are_folded_back_and_do_not_pile_up_at_the_bounds(self):
        places = []
        for mutant in self.mutants(probability=1.0, sigma=1.0):
            assert SPACE.validate(mutant) == mutant
            places.append(SPACE["eta"].to_unit(mutant["eta"]))
        assert 0 < min(places) < max(places) < 1

    def test_a_space_without_variety_has_no_mutants(self):
        space = SearchSpace({"fixed": IntegerParameter(3, 3)})
        assert GaussianMutation(space).mutate({"fixed": 3}, Draws(1)) == {"fixed": 3}
