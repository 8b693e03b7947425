"""A parameter's legal values, and their place on the unit interval."""

import copy
import math
import pickle
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, Parameter, Scaling
from tests.unit.space.ranges_strategies import (
    continua,
    finite_parameters,
    integer_ranges,
    lattices,
    legal_values,
    numeric_ranges,
    parameters,
    positions,
)


def same(one: object, other: object) -> bool:
    """Equality that tells 1, 1.0 and True apart."""
    return type(one) is type(other) and one == other


class TestUnitInterval:
    @given(st.data(), finite_parameters)
    def test_levels_survive_the_way_to_the_unit_interval_and_back(self, data, parameter):
        value = data.draw(legal_values(parameter))
        assert same(parameter.from_unit(parameter.to_unit(value)), value)

    @given(st.data(), continua())
    def test_floats_survive_it_up_to_rounding(self, data, parameter):
        value = data.draw(legal_values(parameter))
        scale = parameter.resolved_scaling
        back = parameter.from_unit(parameter.to_unit(value))
        width = scale.forward(parameter.max_value) - scale.forward(parameter.min_value)
        largest = max(abs(scale.forward(parameter.min_value)), abs(scale.forward(parameter.max_value)))
        assert scale.forward(back) == pytest.approx(scale.forward(value), rel=0, abs=4e-16 * (width + 2 * largest))

    @given(parameters, positions)
    def test_every_position_is_a_legal_value(self, parameter, position):
        value = parameter.from_unit(position)
        assert same(parameter.cast(value), value)

    @given(numeric_ranges, positions, positions)
    def test_it_is_monotone(self, parameter, one, other):
        low, high = sorted([one, other])
        assert parameter.from_unit(low) <= parameter.from_unit(high)

    @given(parameters)
    def test_its_ends_are_the_ends(self, parameter):
        values = (parameter.from_unit(0.0), parameter.from_unit(1.0))
        if parameter.cardinality is None:
            assert values == (parameter.min_value, parameter.max_value)
        else:
            assert [parameter.index(value) for value in values] == [0, parameter.cardinality - 1]

    @pytest.mark.parametrize(
        "parameter",
        [
            ContinuousParameter(-2, 3),
            ContinuousParameter(1e-6, 10, "Logarithmic"),
            ContinuousParameter(0.1, 0.999, "ReverseLogarithmic"),
            ContinuousParameter(0.001, 1),
        ],
    )
    @given(st.floats(0.01, 0.99))
    def test_its_slope_is_its_derivative(self, parameter, position):
        above, below = parameter.from_unit(position + 1e-5), parameter.from_unit(position - 1e-5)
        assert parameter.slope(parameter.from_unit(position)) == pytest.approx((above - below) / 2e-5, rel=1e-5)

    @given(finite_parameters, st.data())
    def test_positions_lie_inside(self, parameter, data):
        assert 0 < parameter.to_unit(data.draw(legal_values(parameter))) < 1


class TestShares:
    """Equal lengths of the unit interval are equally likely, and levels own equal shares of their scaled axis."""

    @given(integer_ranges() | lattices(), st.data())
    def test_levels_own_equal_lengths_of_the_scaled_axis(self, parameter, data):
        assume(4 <= parameter.cardinality <= 10_000)
        scale, step = parameter.resolved_scaling, parameter.step or 1
        one, other = (
            data.draw(st.integers(1, parameter.cardinality - 2)),
            data.draw(st.integers(1, parameter.cardinality - 2)),
        )

        def owned(index: int) -> float:
            return _begin_of(parameter, index + 1) - _begin_of(parameter, index)

        def expected(index: int) -> float:
            value = parameter.level(index)
            return float(scale.forward(value + step / 2) - scale.forward(value - step / 2))

        assert owned(one) * expected(other) == pytest.approx(owned(other) * expected(one), rel=1e-4)

    @given(integer_ranges() | lattices())
    def test_linear_levels_are_equally_likely_the_outermost_included(self, parameter):
        assume(parameter.resolved_scaling is Scaling.Linear)
        assume(parameter.cardinality <= 10_000)
        count = parameter.cardinality
        for index in {0, 1, count // 2, count - 1} & set(range(count)):
            assert _begin_of(parameter, index) == pytest.approx(index / count, abs=1e-12)

    @given(continua(), positions, positions, st.floats(0, 0.5))
    def test_a_continuum_is_uniform_on_the_scaled_axis(self, parameter, one, other, length):
        assume(parameter.cardinality is None)
        scale = parameter.resolved_scaling
        start, end = scale.forward(parameter.min_value), scale.forward(parameter.max_value)

        def covered(begin: float) -> float:
            begin /= 2
            end = parameter.from_unit(begin + length)
            return float(scale.forward(end) - scale.forward(parameter.from_unit(begin)))

        tolerance = 1e-9 * (end - start) + 1e-15 * max(abs(start), abs(end))
        if scale is Scaling.ReverseLogarithmic:  # floats are coarse there, compared with their distance to 1
            tolerance += 1e-15 / (1 - parameter.max_value)
        assert covered(one) == pytest.approx(covered(other), abs=tolerance)

    def test_the_end_levels_of_a_logarithmic_range_are_not_starved(self):
        parameter = IntegerParameter(1, 1000, "Logarithmic")
        assert _begin_of(parameter, 1) == pytest.approx(math.log(1.5 / 0.5) / math.log(1000.5 / 0.5))

    def test_half_a_step_beyond_a_pole_is_half_of_the_way_to_it(self):
        logarithmic = ContinuousParameter(0.1, 10.1, "Logarithmic", step=1)
        assert _begin_of(logarithmic, 1) == pytest.approx(math.log(0.6 / 0.05) / math.log(10.6 / 0.05))
        reverse = ContinuousParameter(0, 0.99, "ReverseLogarithmic", step=0.33)
        start, begin, end = -math.log(1.165), -math.log(1 - 0.825), -math.log(0.005)
        assert _begin_of(reverse, 3) == pytest.approx((begin - start) / (end - start))

    @given(st.lists(st.integers(), min_size=1, max_size=20, unique=True), positions)
    def test_choices_are_equally_likely(self, values, position):
        assert (
            CategoricalParameter(values).from_unit(position)
            == values[min(int(position * len(values)), len(values) - 1)]
        )


def _begin_of(parameter: Parameter, index: int) -> float:
    """The position at which a level's share begins, by bisection."""
    if index == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if parameter.index(parameter.from_unit(middle)) >= index else (middle, high)
    return high


class TestLevels:
    @given(finite_parameters, st.data())
    def test_levels_and_places_are_inverse(self, parameter, data):
        index = data.draw(st.integers(0, parameter.cardinality - 1))
        assert parameter.index(parameter.level(index)) == index

    @given(lattices())
    def test_steps_land_exactly_on_the_decimals_that_were_written(self, parameter):
        count = parameter.cardinality
        low, high, step = (Fraction(repr(x)) for x in (parameter.min_value, parameter.max_value, parameter.step))
        assert count == (high - low) // step + 1
        for index in {0, count // 2, count - 1}:
            assert parameter.level(index) == float(low + index * step)

    def test_the_upper_bound_is_not_lost_to_binary_fractions(self):
        assert ContinuousParameter(0.5, 1.0, step=0.1).levels(None) == (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
        assert ContinuousParameter(0.1, 0.3, step=0.2).levels(None) == (0.1, 0.3)

    def test_the_upper_bound_is_no_level_if_the_step_passes_it(self):
        assert IntegerParameter(1, 10, step=4).levels(None) == (1, 5, 9)
        assert ContinuousParameter(0.0, 1.0, step=0.3).levels(None) == (0.0, 0.3, 0.6, 0.9)

    @given(finite_parameters)
    def test_all_of_them(self, parameter):
        assume(parameter.cardinality <= 2000)
        assert parameter.levels(None) == tuple(parameter.level(index) for index in range(parameter.cardinality))

    @given(numeric_ranges, st.integers(2, 30))
    def test_a_few_are_spread_evenly_and_hold_both_ends(self, parameter, count):
        levels = parameter.levels(count)
        assert len(levels) <= count
        assert all(low < high for low, high in pairwise(levels))
        assert levels[0] == parameter.min_value
        assert levels[-1] == parameter.from_unit(1.0)
        assert all(same(parameter.cast(level), level) for level in levels)

    @given(numeric_ranges)
    def test_one_alone_is_in_the_middle(self, parameter):
        (level,) = parameter.levels(1)
        assert same(parameter.cast(level), level)

    def test_they_follow_the_scaling(self):
        assert ContinuousParameter(0.001, 1.0, "Logarithmic").levels(4) == (0.001, 0.01, 0.1, 1.0)
        assert ContinuousParameter(0.0, 0.999, "ReverseLogarithmic").levels(4) == pytest.approx((0.0, 0.9, 0.99, 0.999))
        assert CategoricalParameter([8, 16, 32, 64, 128], ordered=True).levels(3) == (8, 32, 128)
        assert CategoricalParameter([8, 16, 32, 64, 128]).levels(3) == (8, 16, 32, 64, 128)

    def test_a_continuum_has_none_without_a_count(self):
        with pytest.raises(SpecError, match="give a step, or levels"):
            ContinuousParameter(0, 1).levels(None)

    def test_too_many_are_refused_before_they_fill_the_memory(self):
        with pytest.raises(SpecError, match=r"there are 1000000000 values.*give levels"):
            IntegerParameter(1, 10**9).levels(None)


class TestCast:
    @given(parameters, st.data())
    def test_legal_values_stay_as_they_are(self, parameter, data):
        value = data.draw(legal_values(parameter))
        assert same(parameter.cast(value), value)

    @pytest.mark.parametrize(
        ("parameter", "given_value", "legal"),
        [
            (IntegerParameter(1, 9), 3.0, 3),
            (IntegerParameter(1, 9), np.int64(3), 3),
            (ContinuousParameter(0, 1), 1, 1.0),
            (ContinuousParameter(0, 1), np.float32(0.5), 0.5),
            (ContinuousParameter(-1, 1), -0.0, 0.0),
            (ContinuousParameter(0.5, 1, step=0.1), 0.5 + 0.1 + 0.1, 0.7),
            (CategoricalParameter([16, 32]), "16", 16),
            (CategoricalParameter(["16", "32"]), 16, "16"),
            (CategoricalParameter([16, "16"]), "16", "16"),
            (CategoricalParameter([True, False]), "true", True),
            (CategoricalParameter([1, True, 1.0]), True, True),
            (CategoricalParameter([16, 32]), np.int64(32), 32),
        ],
    )
    def test_what_means_a_legal_value_becomes_it(self, parameter, given_value, legal):
        cast = parameter.cast(given_value)
        assert same(cast, legal)
        assert repr(cast) == repr(legal)

    @pytest.mark.parametrize(
        ("parameter", "wrong", "rule", "fix"),
        [
            (IntegerParameter(1, 9), 0, "lies outside the range", "from 1 to 9"),
            (IntegerParameter(1, 9), 2.5, "is no whole number", "whole number"),
            (IntegerParameter(1, 9), True, "is no whole number", "whole number"),
            (IntegerParameter(1, 9), "3", "is no whole number", "whole number"),
            (IntegerParameter(1, 9, step=4), 4, "is off the step of 4", "the nearest is 5"),
            (ContinuousParameter(0, 1), 1.5, "lies outside the range", "from 0.0 to 1.0"),
            (ContinuousParameter(0, 1), math.nan, "is no finite number", "from 0.0 to 1.0"),
            (ContinuousParameter(0, 1), None, "is no finite number", "from 0.0 to 1.0"),
            (ContinuousParameter(0.5, 1, step=0.1), 0.66, "is off the step of 0.1", "the nearest is 0.7"),
            (CategoricalParameter(["a", "b"]), "c", "is none of the choices", "a, b"),
            (CategoricalParameter(["a", "b"]), ["a"], "is none of the choices", "a, b"),
            (CategoricalParameter([1, 2]), True, "is none of the choices", "1, 2"),
        ],
    )
    def test_anything_else_is_an_error_that_says_what_is_legal(self, parameter, wrong, rule, fix):
        with pytest.raises(SpecError) as caught:
            parameter.cast(wrong)
        (problem,) = caught.value.problems
        assert problem.field == ""
        assert problem.value is wrong
        assert rule in problem.rule
        assert fix in problem.fix


class TestNarrowed:
    @given(parameters, st.data(), st.floats(0.001, 1) | st.floats(1e-17, 1e-12))
    def test_the_centre_and_everything_else_stay_legal(self, parameter, data, factor):
        around = data.draw(legal_values(parameter))
        narrowed = parameter.narrowed(around, factor)
        assert same(narrowed.cast(around), around)
        value = narrowed.from_unit(data.draw(positions))
        assert same(parameter.cast(value), value)

    def test_rounding_does_not_lose_the_centre_of_the_narrowest_range(self):
        parameter = ContinuousParameter(1e-4, 1.0, "Logarithmic")
        for value in [1e-4 * 1.07**power for power in range(130)]:
            narrowed = parameter.narrowed(value, 1e-16)
            assert narrowed.min_value <= value <= narrowed.max_value

    @given(continua(), st.data(), st.floats(0.001, 1))
    def test_the_width_of_a_continuum_shrinks_by_the_factor(self, parameter, data, factor):
        scale = parameter.resolved_scaling
        narrowed = parameter.narrowed(data.draw(legal_values(parameter)), factor)
        start, end = scale.forward(parameter.min_value), scale.forward(parameter.max_value)
        width = scale.forward(narrowed.max_value) - scale.forward(narrowed.min_value)
        rounding = 1e-14 * max(abs(start), abs(end), 1e-300)
        if scale is Scaling.ReverseLogarithmic:  # floats are coarse there, compared with their distance to 1
            rounding += 1e-15 / (1 - parameter.max_value)
        assert width == pytest.approx((end - start) * factor, rel=1e-9, abs=rounding)

    @given(integer_ranges() | lattices(), st.data(), st.floats(0.001, 1))
    def test_the_width_of_levels_shrinks_to_the_nearest_ones(self, parameter, data, factor):
        narrowed = parameter.narrowed(data.draw(legal_values(parameter)), factor)
        assume(parameter.resolved_scaling is Scaling.Linear)
        assert narrowed.cardinality - 1 <= parameter.cardinality * factor * (1 + 1e-9) + 1

    @given(numeric_ranges, st.data())
    def test_a_factor_of_one_changes_nothing_but_names_the_scaling(self, parameter, data):
        narrowed = parameter.narrowed(data.draw(legal_values(parameter)), 1.0)
        assert narrowed.scaling_type is parameter.resolved_scaling
        assert narrowed.cardinality == parameter.cardinality
        assert narrowed.from_unit(0.0) == parameter.from_unit(0.0)
        assert narrowed.from_unit(1.0) == parameter.from_unit(1.0)

    @pytest.mark.parametrize(
        ("parameter", "around", "factor", "expected"),
        [
            (ContinuousParameter(0, 10), 5, 0.2, ContinuousParameter(4, 6, "Linear")),
            (ContinuousParameter(0, 10), 10, 0.2, ContinuousParameter(8, 10, "Linear")),
            (ContinuousParameter(0, 8), 6.5, 0.25, ContinuousParameter(5.5, 7.5, "Linear")),
            (ContinuousParameter(0, 8), 1.5, 0.25, ContinuousParameter(0.5, 2.5, "Linear")),
            (ContinuousParameter(0, 8), 0.5, 0.25, ContinuousParameter(0, 2, "Linear")),
            (ContinuousParameter(0.5, 1.0, step=0.1), 0.7, 0.4, ContinuousParameter(0.6, 0.8, "Linear", step=0.1)),
            (ContinuousParameter(0.5, 1.0, step=0.1), 0.7, 0.01, ContinuousParameter(0.7, 0.7, "Linear")),
            (IntegerParameter(0, 100), 50, 0.1, IntegerParameter(45, 55, "Linear")),
            (CategoricalParameter(["a", "b", "c"]), "b", 0.9, CategoricalParameter(["b"])),
            (
                CategoricalParameter([1, 2, 4, 8, 16], ordered=True),
                16,
                0.6,
                CategoricalParameter([4, 8, 16], ordered=True),
            ),
        ],
    )
    def test_examples(self, parameter, around, factor, expected):
        assert parameter.narrowed(around, factor) == expected


class TestEdges:
    def test_both_bounds_of_a_range_are_drawn(self):
        parameter = IntegerParameter(1, 3)
        assert [parameter.from_unit(u) for u in (0.0, 0.34, 0.67, 0.999)] == [1, 2, 3, 3]

    @pytest.mark.parametrize(
        "parameter",
        [
            IntegerParameter(3, 3),
            IntegerParameter(3, 3, "Logarithmic", step=2),
            ContinuousParameter(0.3, 0.3),
            ContinuousParameter(0.3, 0.3, step=0.1),
            ContinuousParameter(0.3, 0.3, "ReverseLogarithmic"),
            CategoricalParameter("alone"),
        ],
    )
    def test_a_parameter_of_one_value(self, parameter):
        assert parameter.cardinality == 1
        value = parameter.level(0)
        assert [parameter.from_unit(u) for u in (0.0, 0.5, 1.0)] == [value] * 3
        assert parameter.from_unit(parameter.to_unit(value)) == value
        assert parameter.levels(None) == parameter.levels(5) == (value,)
        assert parameter.narrowed(value, 0.1).levels(None) == (value,)

    def test_negative_ranges(self):
        parameter = IntegerParameter(-5, -1)
        assert parameter.levels(None) == (-5, -4, -3, -2, -1)
        assert parameter.from_unit(0.5) == -3

    def test_reverse_logarithmic_ranges_close_to_one(self):
        parameter = ContinuousParameter(0.9, 1 - 1e-15, "ReverseLogarithmic")
        # Half-way on this scale is the geometric mean of the distances to 1.
        assert 1 - parameter.from_unit(0.5) == pytest.approx(math.sqrt(0.1 * 1e-15), rel=0.01)

    def test_auto_is_logarithmic_from_three_orders_of_magnitude_on(self):
        assert ContinuousParameter(0.001, 1).resolved_scaling is Scaling.Logarithmic
        assert ContinuousParameter(1e-5, 1e-2).resolved_scaling is Scaling.Logarithmic  # 1e-2 / 1e-5 < 1000 in binary
        assert ContinuousParameter(0.0011, 1).resolved_scaling is Scaling.Linear
        assert ContinuousParameter(0, 1000).resolved_scaling is Scaling.Linear
        assert ContinuousParameter(0.001, 1).scaling_type is Scaling.Auto

    @pytest.mark.parametrize("spelling", ["Logarithmic", "logarithmic", " LOGARITHMIC ", Scaling.Logarithmic])
    def test_scalings_are_read_whatever_their_case(self, spelling):
        assert ContinuousParameter(1, 10, spelling).scaling_type is Scaling.Logarithmic

    def test_numbers_of_numpy_become_numbers_of_python(self):
        numbers: list[Any] = [np.float32(0.5), np.int64(2), np.float64(0.25)]
        parameter = ContinuousParameter(numbers[0], numbers[1], step=numbers[2])
        assert [type(x) for x in (parameter.min_value, parameter.max_value, parameter.step)] == [float, float, float]
        numbers = [np.int64(1), np.float64(9)]
        assert type(IntegerParameter(*numbers).max_value) is int
        assert CategoricalParameter(np.array([1, 2])).values == (1, 2)
        choices: list[Any] = [np.str_("a"), np.float64(0.5), np.bool_(True)]
        assert [type(value) for value in CategoricalParameter(choices).values] == [str, float, bool]

    @given(parameters)
    def test_copies_are_equal(self, parameter):
        for twin in (pickle.loads(pickle.dumps(parameter)), copy.deepcopy(parameter)):
            assert twin == parameter
            assert hash(twin) == hash(parameter)
            assert twin.from_unit(0.3) == parameter.from_unit(0.3)

    def test_parameters_are_frozen(self):
        with pytest.raises(AttributeError):
            ContinuousParameter(0, 1).min_value = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("build", "field", "rule", "fix"),
    [
        (lambda: ContinuousParameter("0.1", 1), "min", "finite number", "1e-4"),  # type: ignore[arg-type]
        (lambda: ContinuousParameter(0, math.inf), "max", "finite number", "1e-4"),
        (lambda: ContinuousParameter(0, True), "max", "finite number", "1e-4"),
        (lambda: ContinuousParameter(0, 10**400), "max", "finite number", "1e-4"),
        (lambda: ContinuousParameter(3, 1), "min", "must not be above max = 1.0", "swap"),
        (lambda: ContinuousParameter(-1e308, 0), "min", "within ±1e+300", "logarithm"),
        (lambda: ContinuousParameter(0, 1, "Log"), "scaling", "is no scaling", "Logarithmic"),
        (lambda: ContinuousParameter(0, 1, None), "scaling", "is no scaling", "Logarithmic"),  # type: ignore[arg-type]
        (lambda: ContinuousParameter(0, 1, "Logarithmic"), "min", "needs min > 0", "1e-4"),
        (lambda: IntegerParameter(0, 9, "Logarithmic"), "min", "needs min > 0", "use 1, or"),
        (lambda: ContinuousParameter(0.5, 1, "ReverseLogarithmic"), "max", "max < 1", "0.999"),
        (lambda: ContinuousParameter(-0.5, 0.5, "ReverseLogarithmic"), "min", "0 <= min", "Linear"),
        (lambda: ContinuousParameter(0, 1, step=0), "step", "above 0", "positive"),
        (lambda: ContinuousParameter(0, 1, step=-0.1), "step", "above 0", "positive"),
        (lambda: ContinuousParameter(0, 1, step=1.5), "step", "larger than the range, 1.0", "at most 1.0"),
        (lambda: ContinuousParameter(0, 1, step=1e-13), "step", "too fine", "larger step"),
        (lambda: IntegerParameter(1, 9, step=9), "step", "larger than the range, 8", "at most 8"),
        (lambda: IntegerParameter(1, 9, step=1.5), "step", "whole number", "continuous"),  # type: ignore[arg-type]
        (lambda: IntegerParameter(1, 2.5), "max", "whole number", "continuous"),  # type: ignore[arg-type]
        (lambda: IntegerParameter(1, 10**13), "max", "within ±1e+12", "logarithm"),
        (lambda: IntegerParameter(1, 9, "ReverseLogarithmic"), "scaling", "continuous parameters only", "Linear"),
        (lambda: CategoricalParameter([]), "values", "at least one", "list"),
        (lambda: CategoricalParameter(["a", "a"]), "values", "stands twice", "once"),
        (lambda: CategoricalParameter([None]), "values", "must be text", "text"),  # type: ignore[list-item]
        (lambda: CategoricalParameter(None), "values", "must be text", "text"),  # type: ignore[arg-type]
        (lambda: CategoricalParameter([math.nan]), "values", "must be text", "text"),
        (lambda: CategoricalParameter([(1, 2)]), "values", "must be text", "text"),  # type: ignore[list-item]
        (lambda: CategoricalParameter({"a", "b"}), "values", "is a set", "list"),
    ],
)
def test_a_wrong_parameter_names_field_value_rule_and_fix(build, field, rule, fix):
    with pytest.raises(SpecError) as caught:
        build()
    (problem,) = caught.value.problems
    assert problem.field == field
    assert rule in problem.rule
    assert fix in problem.fix
    assert problem.fix in str(caught.value)


def test_everything_wrong_with_a_parameter_is_said_at_once():
    with pytest.raises(SpecError) as caught:
        ContinuousParameter("a", None, "Log")  # type: ignore[arg-type]
    assert [problem.field for problem in caught.value.problems] == ["min", "max", "scaling"]
    with pytest.raises(SpecError) as caught:
        ContinuousParameter(0, -1, "Logarithmic", step=-1)
    assert [problem.field for problem in caught.value.problems] == ["min", "step", "min"]
