"""Every combination of a few values per parameter."""

import pytest

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies import grid_size
from tests.unit.strategies.steps import build

SPACE = SearchSpace(
    {
        "eta": ContinuousParameter(0.01, 1.0, "Logarithmic"),
        "depth": IntegerParameter(1, 9),
        "booster": CategoricalParameter(["gbtree", "dart"]),
    }
)


def test_it_is_the_product_in_canonical_order():
    strategy = build({"type": "grid", "levels": 3}, SPACE)
    suggestions = strategy.ask(100)
    assert [suggestion.parameters for suggestion in suggestions] == list(SPACE.grid(3))
    assert {suggestion.origin for suggestion in suggestions} == {"grid"}
    assert strategy.exhausted


@pytest.mark.parametrize(("levels", "size"), [(3, 18), (1, 2), (100, 2 * 9 * 100), ({"eta": 2, "depth": 4}, 16)])
def test_its_size_is_known_beforehand(levels, size):
    assert grid_size(SPACE, levels=levels) == size
    assert len(build({"type": "grid", "levels": levels}, SPACE).ask(10_000)) == size


def test_the_size_of_a_huge_grid_is_known_without_making_it():
    space = SearchSpace({f"x{index}": IntegerParameter(1, 10) for index in range(100)})
    assert grid_size(space, levels=10) == 10**100
    assert len(build({"type": "grid", "levels": 10}, space).ask(3)) == 3


def test_wrong_levels_are_refused():
    with pytest.raises(SpecError, match=r"levels\.dept = 3: is no parameter of this space; known: booster, depth, eta"):
        build({"type": "grid", "levels": {"dept": 3, "eta": 3}}, SPACE)
