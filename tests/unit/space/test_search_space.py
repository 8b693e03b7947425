"""A search space: canonical order, the unit cube both ways, grids and narrowing."""

import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, Configuration, ContinuousParameter, IntegerParameter, SearchSpace
from tests.unit.space.ranges_strategies import finite_parameters, legal_values, parameters, positions

SPACE = SearchSpace(
    {
        "max_depth": IntegerParameter(2, 5),
        "eta": ContinuousParameter(0.01, 1.0, "Logarithmic"),
        "booster": CategoricalParameter(["gbtree", "dart"]),
    }
)
names = st.text(min_size=1, max_size=8).filter(lambda name: name.strip() and not name.startswith("sagemaker_"))
spaces = st.dictionaries(names, parameters, min_size=1, max_size=5).map(SearchSpace)
finite_spaces = st.dictionaries(names, finite_parameters, min_size=1, max_size=5).map(SearchSpace)


class TestMapping:
    def test_names_are_sorted_whatever_their_order_was(self):
        assert list(SPACE) == ["booster", "eta", "max_depth"]
        assert SearchSpace(dict(reversed(list(SPACE.items())))) == SPACE

    def test_it_is_a_mapping(self):
        assert len(SPACE) == 3
        assert SPACE["max_depth"] == IntegerParameter(2, 5)
        assert "nothing" not in SPACE
        assert SearchSpace({**SPACE}) == SPACE
        assert SearchSpace(SPACE) == SPACE

    @given(spaces)
    def test_copies_are_equal(self, space):
        twin = pickle.loads(pickle.dumps(space))
        assert twin == space
        assert hash(twin) == hash(space)

    def test_another_space_is_different(self):
        assert SearchSpace({**SPACE, "max_depth": IntegerParameter(2, 6)}) != SPACE
        assert dict(SPACE) != SPACE

    @pytest.mark.parametrize(
        ("given_parameters", "field", "rule"),
        [
            ({}, "", "at least one parameter"),
            ([IntegerParameter(1, 2)], "", "must map names"),
            ({"a": 3}, "a", "is no parameter"),
            ({"": IntegerParameter(1, 2)}, "", "must be text"),
            ({3: IntegerParameter(1, 2)}, "3", "must be text"),
            ({"sagemaker_program": IntegerParameter(1, 2)}, "sagemaker_program", "reserved by SageMaker"),
            ({"_tuning_objective_metric": IntegerParameter(1, 2)}, "_tuning_objective_metric", "reserved"),
            ({"x" * 257: IntegerParameter(1, 2)}, "x" * 257, "longer than 256"),
        ],
    )
    def test_what_is_no_space_is_refused(self, given_parameters, field, rule):
        with pytest.raises(SpecError) as caught:
            SearchSpace(given_parameters)
        (problem,) = caught.value.problems
        assert problem.field == field
        assert rule in problem.rule
        assert problem.fix

    def test_all_problems_are_named_at_once(self):
        with pytest.raises(SpecError) as caught:
            SearchSpace({"a": 3, "sagemaker_b": None})
        assert [problem.field for problem in caught.value.problems] == ["a", "sagemaker_b", "sagemaker_b"]


class TestUnitCube:
    @given(finite_spaces, st.data())
    def test_configurations_survive_the_way_there_and_back(self, space, data):
        configuration = {name: data.draw(legal_values(parameter)) for name, parameter in space.items()}
        assert repr(space.from_unit(space.to_unit(configuration))) == repr(configuration)

    @given(spaces, st.data())
    def test_every_point_is_a_legal_configuration_in_canonical_order(self, space, data):
        configuration = space.from_unit([data.draw(positions) for _ in space])
        assert list(configuration) == list(space)
        assert repr(space.validate(configuration)) == repr(configuration)

    def test_a_point_of_numpy_will_do(self):
        point: Any = np.array([0.75, 0.5, 0.0])
        assert SPACE.from_unit(point) == {"booster": "dart", "eta": 0.1, "max_depth": 2}

    def test_the_order_of_a_configuration_does_not_matter(self):
        configuration: Configuration = {"max_depth": 2, "eta": 0.1, "booster": "dart"}
        assert SPACE.to_unit(configuration) == [0.75, 0.5, 0.125]

    @pytest.mark.parametrize("point", [[0.5, 0.5], [0.5, 0.5, 0.5, 0.5]])
    def test_a_point_of_another_length_is_refused(self, point):
        with pytest.raises(SpecError, match=r"one coordinate per parameter; this space has 3: booster, eta, max_depth"):
            SPACE.from_unit(point)

    @pytest.mark.parametrize("position", [-0.1, 1.1, math.nan])
    def test_a_point_outside_is_refused(self, position):
        with pytest.raises(SpecError, match=r"eta = .*must lie in \[0, 1\]; clip it"):
            SPACE.from_unit([0.5, position, 0.5])


class TestValidate:
    def test_values_are_typed_and_put_in_canonical_order(self):
        legal = SPACE.validate({"max_depth": 3.0, "booster": "dart", "eta": 1})
        assert repr(legal) == "{'booster': 'dart', 'eta': 1.0, 'max_depth': 3}"

    def test_everything_wrong_is_said_at_once(self):
        with pytest.raises(SpecError) as caught:
            SPACE.validate({"max_depth": 99, "bosoter": "dart", "eta": "fast"})
        assert {(problem.field, problem.rule) for problem in caught.value.problems} == {
            ("bosoter", "is no parameter of this space"),
            ("booster", "is missing"),
            ("eta", "is no finite number"),
            ("max_depth", "lies outside the range"),
        }
        assert all(problem.fix for problem in caught.value.problems)


class TestSize:
    def test_it_is_the_product_of_what_is_finite(self):
        assert SearchSpace({"a": IntegerParameter(1, 4), "b": CategoricalParameter("xyz")}).size() == 4
        assert SearchSpace({"a": IntegerParameter(1, 4), "b": ContinuousParameter(0, 1, step=0.25)}).size() == 20

    def test_a_continuum_makes_it_infinite_unless_it_is_a_point(self):
        assert SPACE.size() == math.inf
        assert SearchSpace({"a": ContinuousParameter(0.5, 0.5)}).size() == 1


class TestGrid:
    space = SearchSpace(
        {
            "eta": ContinuousParameter(0.01, 1, "Logarithmic"),
            "rate": ContinuousParameter(0.5, 1.0, step=0.1),
            "depth": IntegerParameter(1, 9),
            "rounds": IntegerParameter(10, 40, step=10),
            "booster": CategoricalParameter(["gbtree", "dart"]),
        }
    )

    def test_one_number_is_for_parameters_without_a_step(self):
        assert self.space.grid_levels(3) == {
            "booster": ("gbtree", "dart"),
            "depth": (1, 5, 9),
            "eta": (0.01, 0.1, 1.0),
            "rate": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
            "rounds": (10, 20, 30, 40),
        }

    def test_a_number_by_name_wins_over_steps(self):
        levels = self.space.grid_levels({"eta": 2, "rate": 2, "rounds": 3})
        assert levels["eta"] == (0.01, 1.0)
        assert levels["rate"] == (0.5, 1.0)
        assert levels["rounds"] == (10, 30, 40)
        assert levels["depth"] == tuple(range(1, 10))

    def test_a_grid_is_the_product_the_last_name_fastest(self):
        grid = list(self.space.grid({"eta": 2, "rate": 1, "rounds": 1, "depth": 1}))
        assert grid == [
            {"booster": booster, "depth": 5, "eta": eta, "rate": 0.8, "rounds": 30}
            for booster, eta in itertools.product(["gbtree", "dart"], [0.01, 1.0])
        ]

    def test_a_grid_is_lazy(self):
        space = SearchSpace({f"x{index}": IntegerParameter(1, 100) for index in range(50)})
        assert next(space.grid(10))["x49"] == 1

    @pytest.mark.parametrize(
        ("levels", "field", "rule"),
        [
            (0, "levels", "at least 1"),
            ({"depth": 0, "eta": 2}, "levels.depth", "at least 1"),
            ({"dept": 3, "eta": 2}, "levels.dept", "is no parameter of this space"),
            ({"depth": 3}, "eta.step", "no end of values"),
            (None, "eta.step", "no end of values"),
        ],
    )
    def test_wrong_levels_are_refused_at_once(self, levels, field, rule):
        with pytest.raises(SpecError) as caught:
            self.space.grid(levels)
        (problem,) = caught.value.problems
        assert problem.field == field
        assert rule in problem.rule
        assert problem.fix


class TestNarrowed:
    @given(spaces, st.data(), st.floats(0.01, 1))
    def test_it_is_a_part_of_the_space_that_holds_the_centre(self, space, data, factor):
        around = {name: data.draw(legal_values(parameter)) for name, parameter in space.items()}
        narrowed = space.narrowed(around, factor)
        assert repr(narrowed.validate(around)) == repr(around)
        inside = narrowed.from_unit([data.draw(positions) for _ in space])
        assert repr(space.validate(inside)) == repr(inside)

    @pytest.mark.parametrize("factor", [0, -1, 1.5, math.nan])
    def test_a_wrong_factor_is_refused(self, factor):
        with pytest.raises(SpecError, match=r"factor = .*must lie in \(0, 1\]; use 0.25"):
            SPACE.narrowed({"booster": "dart", "eta": 0.1, "max_depth": 2}, factor)

    def test_an_illegal_centre_is_refused(self):
        with pytest.raises(SpecError, match="max_depth = 99: lies outside the range"):
            SPACE.narrowed({"booster": "dart", "eta": 0.1, "max_depth": 99}, 0.5)
