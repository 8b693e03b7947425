"""Configurations that a person chose."""

from typing import Any

import pytest

from smtune.errors import SpecError
from smtune.space import ContinuousParameter, IntegerParameter, SearchSpace
from tests.unit.strategies.steps import ask, build, tell

SPACE = SearchSpace({"depth": IntegerParameter(1, 9), "eta": ContinuousParameter(0, 1)})


def manual(*configurations: dict[str, float]) -> dict[str, Any]:
    return {"type": "manual", "configurations": list(configurations)}


def test_the_list_is_followed_in_its_order_each_configuration_once():
    strategy = build(manual({"eta": 0.3, "depth": 3}, {"depth": 1, "eta": 1}, {"depth": 3.0, "eta": 0.3}), SPACE)
    assert [(s.parameters, s.origin) for s in strategy.ask(10)] == [
        ({"depth": 3, "eta": 0.3}, "manual"),
        ({"depth": 1, "eta": 1.0}, "manual"),
    ]
    assert strategy.exhausted


def test_a_configuration_that_is_enqueued_at_the_end_revives_it():
    strategy = build(manual(), SPACE)
    exhausted = [strategy.exhausted]
    strategy.enqueue({"depth": 3, "eta": 0.3})
    exhausted.append(strategy.exhausted)
    tell(strategy, ask(strategy), 0.5)
    exhausted.append(strategy.exhausted)
    strategy.enqueue({"depth": 3, "eta": 0.3})  # known by now
    exhausted.append(strategy.exhausted)
    assert exhausted == [True, False, True, True]


def test_a_configuration_that_was_next_when_it_was_enqueued_is_not_suggested_again():
    strategy = build(manual({"depth": 3, "eta": 0.3}, {"depth": 4, "eta": 0.4}), SPACE)
    assert not strategy.exhausted
    strategy.enqueue({"depth": 3, "eta": 0.3})
    assert [(s.parameters["depth"], s.origin) for s in strategy.ask(10)] == [(3, "enqueued"), (4, "manual")]


def test_everything_wrong_in_the_list_is_said_at_once():
    with pytest.raises(SpecError) as caught:
        build(manual({"depth": 99, "eta": 2}, {"depth": 1, "eta": 0.5}, {"depth": 1, "rate": 0.1}), SPACE)
    assert [problem.field for problem in caught.value.problems] == [
        "configurations[0].depth",
        "configurations[0].eta",
        "configurations[2].rate",
        "configurations[2].eta",
    ]
    assert all(problem.rule and problem.fix for problem in caught.value.problems)
