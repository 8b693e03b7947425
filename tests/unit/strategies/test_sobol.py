"""A low-discrepancy sequence."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats.qmc import Sobol

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies.draws import Draws
from tests.unit.strategies.steps import ask, build, number

CUBE = SearchSpace({"x": ContinuousParameter(0, 1), "y": ContinuousParameter(0, 1)})


@pytest.mark.parametrize("begin", [0, 64, 512, 960])
def test_every_block_covers_the_square_evenly(begin):
    block = build("sobol", CUBE).ask(1024)[begin : begin + 64]
    cells = Counter((int(8 * number(s, "x")), int(8 * number(s, "y"))) for s in block)
    assert set(cells.values()) == {1}
    assert len(cells) == 64


def test_it_is_scipys_sequence_across_blocks():
    points = Sobol(2, scramble=True, rng=np.random.default_rng(Draws(7, "sobol").bits())).random(256)
    assert [CUBE.to_unit(suggestion.parameters) for suggestion in build("sobol", CUBE).ask(256)] == points.tolist()


@pytest.mark.parametrize("side", [1, 2, 4])
def test_already_the_first_points_are_spread(side):
    first = build("sobol", CUBE).ask(side * side)
    assert len({(int(side * number(s, "x")), int(side * number(s, "y"))) for s in first}) == side * side


def test_an_enqueued_configuration_delays_the_sequence_and_loses_no_point():
    plain, with_queue = build("sobol", CUBE), build("sobol", CUBE)
    with_queue.ask(3)
    with_queue.enqueue({"x": 0.5, "y": 0.5})
    assert [s.parameters for s in plain.ask(10)][3:] == [s.parameters for s in with_queue.ask(8)][1:]


def test_points_that_meet_give_way_to_random_ones():
    space = SearchSpace({"depth": IntegerParameter(1, 5), "booster": CategoricalParameter(["gbtree", "dart"])})
    origins = [suggestion.origin for suggestion in build("sobol", space).ask(10)]
    assert set(origins) == {"sobol", "random"}
    assert origins[0] == "sobol"


def test_one_dimension_and_many():
    for dimensions in (1, 100):
        space = SearchSpace({f"x{index}": ContinuousParameter(0, 1) for index in range(dimensions)})
        assert len(build("sobol", space).ask(200)) == 200


def test_more_parameters_than_there_are_direction_numbers_are_refused_at_once():
    space = SearchSpace({f"x{index}": ContinuousParameter(0, 1) for index in range(Sobol.MAXDIM + 1)})
    with pytest.raises(SpecError) as caught:
        build("sobol", space)
    (problem,) = caught.value.problems
    assert (problem.field, problem.value, problem.fix) == ("type", "sobol", "use random")
    assert problem.rule == "covers at most 21201 parameters, and the space has 21202"


def test_as_many_parameters_as_there_are_direction_numbers_are_fine():
    space = SearchSpace({f"x{index}": ContinuousParameter(0, 1) for index in range(Sobol.MAXDIM)})
    suggestion = ask(build("sobol", space))
    assert suggestion.origin == "sobol"
    assert suggestion.parameters.keys() == set(space)
