"""Strategies one after the other."""

from typing import Any

import pytest

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies import Suggestion
from tests.unit.strategies.steps import ask, build, number, tell

SPACE = SearchSpace({"x": ContinuousParameter(0, 1), "depth": IntegerParameter(1, 1000)})


def chain(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "chain", "steps": list(steps)}


def step(strategy: str | dict[str, Any], **settings: float) -> dict[str, Any]:
    return {"strategy": strategy, **settings}


def loss(suggestion: Suggestion) -> float:
    return (number(suggestion, "x") - 0.7) ** 2 + (number(suggestion, "depth") / 1000 - 0.2) ** 2


@pytest.mark.parametrize("strategy", ["random", "sobol", "evolutionary", {"type": "grid", "levels": 4}])
def test_a_chain_of_one_step_is_that_step(strategy):
    alone, chained = build(strategy, SPACE), build(chain(step(strategy)), SPACE)
    for _ in range(16):
        suggestion = ask(alone)
        assert ask(chained) == suggestion
        for each in (alone, chained):
            tell(each, suggestion, loss(suggestion))
    assert alone.exhausted is chained.exhausted


def test_random_then_a_grid_around_the_best():
    strategy = build(chain(step("random", trials=20), step({"type": "grid", "levels": 3}, narrow=0.1)), SPACE)
    first = []
    for _ in range(20):
        first.append(ask(strategy))
        tell(strategy, first[-1], loss(first[-1]))
    best = min(first, key=loss).parameters
    grid = strategy.ask(100)
    assert [suggestion.number for suggestion in grid] == list(range(20, 28))  # the middle of the 3 x 3 is known
    assert {suggestion.origin for suggestion in grid} == {"grid"}
    xs = sorted({number(suggestion, "x") for suggestion in grid})
    assert xs[0] <= float(best["x"]) <= xs[-1]
    assert xs[-1] - xs[0] == pytest.approx(0.1)
    assert strategy.exhausted


def test_a_step_that_narrows_waits_for_every_outcome():
    strategy = build(chain(step("random", trials=4), step("random", trials=4, narrow=0.1)), SPACE)
    suggestions = strategy.ask(10)
    assert len(suggestions) == 4
    for suggestion in suggestions:
        assert list(strategy.ask(1)) == []
        assert not strategy.exhausted
        tell(strategy, suggestion, loss(suggestion))
    best = min(suggestions, key=loss)
    narrowed = SPACE.narrowed(best.parameters, 0.1)
    for suggestion in strategy.ask(10):
        assert narrowed.validate(suggestion.parameters) == suggestion.parameters
    assert strategy.exhausted


def test_a_step_that_does_not_narrow_begins_at_once():
    strategy = build(chain(step("random", trials=4), step("sobol", trials=4)), SPACE)
    assert [suggestion.origin for suggestion in strategy.ask(10)] == ["random"] * 4 + ["sobol"] * 4
    assert strategy.exhausted


def test_without_a_success_a_narrow_step_searches_the_whole_space():
    strategy = build(chain(step("random", trials=4), step({"type": "grid", "levels": 2}, narrow=0.1)), SPACE)
    for suggestion in strategy.ask(4):
        tell(strategy, suggestion, None)
    assert [suggestion.parameters for suggestion in strategy.ask(10)] == list(SPACE.grid(2))


def test_the_best_of_all_steps_and_of_the_queue_is_the_centre():
    steps = [step("random", trials=3), step("random", trials=3, narrow=0.5), step("random", trials=3, narrow=0.01)]
    strategy = build(chain(*steps), SPACE)
    strategy.enqueue({"x": 0.7, "depth": 200})
    told = []
    for _ in range(7):
        told.append(ask(strategy))
        tell(strategy, told[-1], loss(told[-1]))
    assert told[0].origin == "enqueued"
    narrowed = SPACE.narrowed({"x": 0.7, "depth": 200}, 0.01)
    for suggestion in strategy.ask(3):
        assert narrowed.validate(suggestion.parameters) == suggestion.parameters


def test_nothing_is_suggested_twice_across_steps():
    space = SearchSpace({"depth": IntegerParameter(1, 20)})
    steps = [step("random", trials=8), step({"type": "grid", "levels": 20}), step("random")]
    history = build(chain(*steps), space).ask(100)
    assert len({suggestion.parameters["depth"] for suggestion in history}) == len(history) == 20


def test_a_step_ends_early_when_it_has_nothing_more():
    strategy = build(chain(step({"type": "grid", "levels": 2}, trials=100), step("sobol", trials=3)), SPACE)
    assert [suggestion.origin for suggestion in strategy.ask(100)] == ["grid"] * 4 + ["sobol"] * 3


def test_equal_steps_propose_different_points():
    strategy = build(chain(step("sobol", trials=8), step("sobol", trials=8)), SPACE)
    assert {suggestion.origin for suggestion in strategy.ask(16)} == {"sobol"}


def test_evolution_breeds_from_what_earlier_steps_found():
    strategy = build(chain(step("random", trials=15), step("evolutionary", trials=30)), SPACE)
    for _ in range(15):
        suggestion = ask(strategy)
        tell(strategy, suggestion, loss(suggestion))
    assert ask(strategy).origin.startswith(("mutation", "crossover"))


def test_earlier_steps_do_not_try_the_patience_of_a_later_one():
    strategy = build(chain(step("random", trials=15), step({"type": "evolutionary", "patience": 3})), SPACE)
    for turn in range(15):
        tell(strategy, ask(strategy), float(turn))
    for turn in range(3):
        assert not strategy.exhausted
        tell(strategy, ask(strategy), 100.0 + turn)
    assert strategy.exhausted


def test_outcomes_that_lie_outside_a_narrow_space_are_left_out():
    space = SearchSpace({**SPACE, "booster": CategoricalParameter(["gbtree", "dart"])})
    strategy = build(chain(step("random", trials=20), step("evolutionary", narrow=0.2)), space)
    history = []
    for _ in range(60):
        history.append(ask(strategy))
        tell(strategy, history[-1], loss(history[-1]))
    best = min(history[:20], key=loss)
    narrowed = space.narrowed(best.parameters, 0.2)
    for suggestion in history[20:]:
        assert narrowed.validate(suggestion.parameters) == suggestion.parameters


def test_an_enqueued_configuration_outside_a_narrow_space_does_no_harm():
    space = SearchSpace({**SPACE, "booster": CategoricalParameter(["gbtree", "dart"])})
    strategy = build(chain(step("random", trials=5), step("evolutionary", narrow=0.2)), space)
    for _ in range(6):
        last = ask(strategy)
        tell(strategy, last, loss(last))
    other = {"gbtree": "dart", "dart": "gbtree"}[str(last.parameters["booster"])]
    strategy.enqueue({"x": 0.7, "depth": 200, "booster": other})
    for _ in range(30):
        suggestion = ask(strategy)
        assert suggestion.origin == "enqueued" or suggestion.parameters["booster"] == last.parameters["booster"]
        tell(strategy, suggestion, loss(suggestion))


def test_trials_count_repeats_and_keep_them_together():
    strategy = build(chain(step("random", trials=7), step("sobol", trials=2)), SPACE, repeats=3)
    assert [suggestion.origin for suggestion in strategy.ask(100)] == ["random"] * 9 + ["sobol"] * 3


def test_looking_whether_it_is_exhausted_changes_nothing():
    steps = [step("random", trials=2), step("random", trials=2, narrow=0.1)]
    histories = []
    for looks in (False, True):
        strategy = build(chain(*steps), SPACE)
        told = list(strategy.ask(2))
        for suggestion in told:
            tell(strategy, suggestion, loss(suggestion))
        if looks:
            assert not strategy.exhausted
        strategy.enqueue({"x": 0.7, "depth": 200})
        better = ask(strategy)
        tell(strategy, better, loss(better))
        histories.append(strategy.ask(2))
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    ("steps", "field", "rule"),
    [
        ([step("random"), step("sobol", trials=3)], "steps[0].trials", "random search of a continuum never ends"),
        ([step("evolutionary"), step("sobol", trials=3)], "steps[0].trials", "evolutionary search of a continuum"),
        ([step({"type": "grid", "levels": {"dept": 3}})], "steps[0].strategy.levels.dept", "is no parameter"),
        (
            [step({"type": "manual", "configurations": [{"x": 2, "depth": 1}]})],
            "steps[0].strategy.configurations[0].x",
            "outside the range",
        ),
        (
            [step("random", trials=1), step({"type": "manual", "configurations": []}, narrow=0.1)],
            "steps[1].narrow",
            "means nothing",
        ),
    ],
)
def test_a_chain_that_cannot_work_is_refused_at_once(steps, field, rule):
    with pytest.raises(SpecError) as caught:
        build(chain(*steps), SPACE)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert rule in problem.rule
    assert problem.fix


@pytest.mark.parametrize("strategy", [{"type": "evolutionary", "patience": 5}, {"type": "grid"}, {"type": "manual"}])
def test_a_step_that_ends_by_itself_needs_no_number_of_trials(strategy):
    assert build(chain(step(strategy), step("random", trials=3)), SPACE).ask(1)
