"""Parameters of the SageMaker SDK and distributions of Optuna are taken as they are."""

from dataclasses import dataclass

import optuna.distributions as optuna
import pytest

from smtune import space as ours
from smtune.errors import SpecError


class ParameterRange:
    """The shape of the SageMaker SDK's parameters, v2 (plain classes)."""

    def __init__(self, min_value: float, max_value: float, scaling_type: str = "Auto") -> None:
        self.min_value, self.max_value, self.scaling_type = min_value, max_value, scaling_type


class ContinuousParameter(ParameterRange):
    pass


class IntegerParameter(ParameterRange):
    pass


class CategoricalParameter:
    def __init__(self, values: list[object]) -> None:
        self.values = [str(value) for value in values]


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (ContinuousParameter(0.01, 1, "Logarithmic"), ours.ContinuousParameter(0.01, 1.0, "Logarithmic")),
        (ContinuousParameter(0.1, 0.9), ours.ContinuousParameter(0.1, 0.9)),
        (ContinuousParameter(0, 0.9, "ReverseLogarithmic"), ours.ContinuousParameter(0, 0.9, "ReverseLogarithmic")),
        (IntegerParameter(1, 9, "Linear"), ours.IntegerParameter(1, 9, "Linear")),
        (CategoricalParameter([1, "b"]), ours.CategoricalParameter(["1", "b"])),
        (optuna.FloatDistribution(0.1, 0.9), ours.ContinuousParameter(0.1, 0.9, "Linear")),
        (optuna.FloatDistribution(1e-5, 1.0), ours.ContinuousParameter(1e-5, 1.0, "Linear")),
        (optuna.FloatDistribution(1e-5, 1.0, log=True), ours.ContinuousParameter(1e-5, 1.0, "Logarithmic")),
        (optuna.FloatDistribution(0.5, 1.0, step=0.1), ours.ContinuousParameter(0.5, 1.0, "Linear", step=0.1)),
        (optuna.IntDistribution(1, 9), ours.IntegerParameter(1, 9, "Linear")),
        (optuna.IntDistribution(1, 512, log=True), ours.IntegerParameter(1, 512, "Logarithmic")),
        (optuna.IntDistribution(0, 100, step=10), ours.IntegerParameter(0, 100, "Linear", step=10)),
        (optuna.CategoricalDistribution(["a", 1, True]), ours.CategoricalParameter(["a", 1, True])),
        (ours.IntegerParameter(1, 2), ours.IntegerParameter(1, 2)),
    ],
)
def test_what_others_say_is_understood(theirs, expected):
    assert ours.as_parameter(theirs) == expected
    assert ours.SearchSpace({"x": theirs}) == ours.SearchSpace({"x": expected})


def test_a_draw_of_optunas_grid_is_legal():
    theirs = optuna.FloatDistribution(0.5, 1.0, step=0.1)
    assert all(theirs._contains(float(value)) for value in ours.as_parameter(theirs).levels(None))


def test_errors_name_the_parameter():
    with pytest.raises(SpecError, match=r"eta\.min = 0\.0: Logarithmic scaling needs min > 0"):
        ours.SearchSpace({"eta": ContinuousParameter(0, 1, "Logarithmic")})
    with pytest.raises(SpecError, match=r"x\.values = None: must be text"):
        ours.SearchSpace({"x": optuna.CategoricalDistribution([None, "a"])})


@dataclass
class FloatDistribution:
    """A namesake of another shape."""

    mean: float


@pytest.mark.parametrize("thing", [None, 3, "continuous", (0, 1), FloatDistribution(0.5)])
def test_anything_else_is_refused_with_a_fix(thing):
    with pytest.raises(SpecError, match="is no parameter; use ContinuousParameter, IntegerParameter or Categorical"):
        ours.as_parameter(thing)
