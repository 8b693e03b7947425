"""Independent draws."""

import pytest

from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies import Suggestion
from tests.unit.strategies.steps import ask, build, number, tell

SPACE = SearchSpace({"eta": ContinuousParameter(1e-4, 1.0, "Logarithmic"), "depth": IntegerParameter(1, 12)})


def test_a_trial_has_the_same_configuration_at_any_parallelism():
    one_by_one, together = build("random", SPACE), build("random", SPACE)
    for suggestion in together.ask(20):
        assert ask(one_by_one) == suggestion
        tell(one_by_one, suggestion, 0.5)


def test_another_parameter_changes_no_other_draw():
    wider = SearchSpace({**SPACE, "booster": CategoricalParameter(["gbtree", "dart"]), "zeta": IntegerParameter(1, 9)})
    for narrow, wide in zip(build("random", SPACE).ask(20), build("random", wider).ask(20), strict=True):
        assert narrow.parameters.items() <= wide.parameters.items()


def test_an_enqueued_configuration_shifts_no_later_draw():
    plain, with_queue = build("random", SPACE), build("random", SPACE)
    with_queue.enqueue({"eta": 0.5, "depth": 3})
    assert list(plain.ask(20))[1:] == list(with_queue.ask(20))[1:]


def test_repeats_change_no_draw():
    plain, repeated = build("random", SPACE), build("random", SPACE, repeats=3)
    assert [s.parameters for s in plain.ask(10)] == [s.parameters for s in repeated.ask(30)[::3]]


def test_draws_follow_the_scaling():
    etas = [number(suggestion, "eta") for suggestion in build("random", SPACE).ask(1000)]
    for decade in (1e-4, 1e-3, 1e-2, 1e-1):
        assert sum(decade <= eta < 10 * decade for eta in etas) == pytest.approx(250, abs=60)


def test_a_continuum_of_a_few_distinguishable_floats_is_exhausted_too():
    space = SearchSpace({"x": ContinuousParameter(1.0, 1.0 + 2e-12)})
    strategy = build("random", space)
    history: list[Suggestion] = []
    while asked := strategy.ask(1):
        history += asked
    assert sorted(round(1e12 * (number(s, "x") - 1.0)) for s in history) == [0, 1, 2]
    assert strategy.exhausted


def test_a_finite_space_of_astronomical_size_costs_nothing():
    space = SearchSpace({f"x{index}": IntegerParameter(1, 10**12) for index in range(30)})
    strategy = build("random", space)
    assert len(strategy.ask(10)) == 10
    assert not strategy.exhausted


def test_the_rest_of_a_finite_space_comes_in_random_order():
    # The upper values are so unlikely that draws give way to what is left.
    space = SearchSpace({"units": IntegerParameter(1, 3000, "Logarithmic")})
    rest = [suggestion.parameters["units"] for suggestion in build("random", space).ask(3000)[-300:]]
    assert rest != sorted(rest)
    assert len(set(rest)) == 300
