"""The strategies for people who run their own loop."""

import inspect
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smtune import AskTell, TuningSpec
from smtune.errors import SearchExhaustedError, SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.spec import EvolutionaryConfig, Goal
from smtune.trial import Trial, TrialStatus

SPACE = SearchSpace({"eta": ContinuousParameter(0.01, 1.0, "Logarithmic"), "depth": IntegerParameter(1, 9)})


def test_ask_and_tell():
    search = AskTell(SPACE, goal="Maximize", seed=7)
    trial = search.ask()
    assert (trial.number, trial.status, trial.origin, trial.objective) == (0, TrialStatus.InProgress, "initial", None)
    assert list(trial.parameters) == ["depth", "eta"]
    assert [type(value) for value in trial.parameters.values()] == [int, float]
    search.tell(trial, 0.91)
    assert search.best_trial == search.trials[0]
    assert search.best_trial.status is TrialStatus.Completed
    assert search.best_trial.objective == 0.91


def test_the_parameters_of_a_spec_are_a_space():
    spec = TuningSpec(
        objective={"metric": "loss", "goal": "Minimize"},
        parameters={"depth": {"type": "integer", "min": 1, "max": 9}},
        limits={"max_trials": 3},
    )
    assert AskTell(spec.parameters, strategy=spec.strategy, goal=spec.objective.goal).ask().parameters.keys() == {
        "depth"
    }


@pytest.mark.parametrize("strategy", ["evolutionary", {"type": "evolutionary"}, EvolutionaryConfig()])
def test_a_strategy_is_a_name_a_mapping_or_a_config(strategy):
    assert AskTell(SPACE, strategy=strategy, seed=3).ask() == AskTell(dict(SPACE), seed=3).ask()


def test_several_trials_may_be_under_way():
    search = AskTell(SPACE)
    trials = [search.ask() for _ in range(5)]
    for trial in reversed(trials):
        search.tell(trial.number, float(trial.number))
    assert [trial.objective for trial in search.trials] == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(("goal", "best"), [("Minimize", 1), ("max", 2), (Goal.Maximize, 2)])
def test_the_best_trial_follows_the_goal(goal, best):
    search = AskTell(SPACE, goal=goal)
    best_trials = [search.best_trial]
    for value in (0.5, 0.1, 0.9, 0.5, 0.1, 0.9):
        search.tell(search.ask(), value)
        best_trials.append(search.best_trial)
    assert best_trials[0] is None
    assert best_trials[-1] == search.trials[best]


def test_trials_that_fail_are_never_the_best():
    search = AskTell(SPACE)
    search.tell(search.ask(), failed="out of memory")
    search.tell(search.ask(), math.nan)
    search.tell(search.ask(), -math.inf)
    assert search.best_trial is None
    assert [(trial.status, trial.objective, trial.failure_reason) for trial in search.trials] == [
        (TrialStatus.Failed, None, "out of memory"),
        (TrialStatus.Failed, None, "the objective is nan"),
        (TrialStatus.Failed, None, "the objective is -inf"),
    ]


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int64(1)])
def test_values_are_numbers_of_any_kind(value):
    search = AskTell(SPACE)
    search.tell(search.ask(), value)
    assert type(search.trials[0].objective) is float


@pytest.mark.parametrize("value", ["0.5", True, {"loss": 0.5}, [0.5]])
def test_anything_else_is_refused_and_changes_nothing(value):
    search = AskTell(SPACE)
    trial = search.ask()
    with pytest.raises(TypeError, match="trial 0: the value must be a number, not"):
        search.tell(trial, value)
    search.tell(trial, 0.5)


def test_wrong_tells():
    search = AskTell(SPACE)
    trial = search.ask()
    with pytest.raises(TypeError, match="trial 0: tell either its value or why it failed"):
        search.tell(trial)
    with pytest.raises(TypeError, match="trial 0: tell either its value or why it failed"):
        search.tell(trial, 0.5, failed="out of memory")
    with pytest.raises(ValueError, match="trial 9 was never asked for here"):
        search.tell(9, 0.5)
    with pytest.raises(ValueError, match="trial -1 was never asked for here"):
        search.tell(-1, 0.5)
    with pytest.raises(ValueError, match="parameters of trial 0 are not those that were asked for"):
        search.tell(Trial(0, {"depth": 1, "eta": 0.5}), 0.5)
    search.tell(trial, 0.5)
    with pytest.raises(ValueError, match="trial 0 was told before: it is Completed"):
        search.tell(trial, 0.5)


def test_changing_the_parameters_of_a_trial_does_not_change_the_search():
    search, untouched = AskTell(SPACE, seed=7), AskTell(SPACE, seed=7)
    for _ in range(30):
        trial, twin = search.ask(), untouched.ask()
        assert trial == twin
        parameters: Any = trial.parameters
        parameters["eta"] = parameters.pop("depth")
        search.tell(trial.number, 0.5)
        untouched.tell(twin, 0.5)
    assert search.trials == untouched.trials


def test_exhaustion():
    search = AskTell({"booster": CategoricalParameter(["gbtree", "dart"])}, strategy="random")
    assert {search.ask().parameters["booster"] for _ in range(2)} == {"gbtree", "dart"}
    assert search.exhausted
    with pytest.raises(SearchExhaustedError, match="nothing is left to ask for after 2 trials"):
        search.ask()


def test_a_strategy_that_waits_says_for_what():
    steps = [{"strategy": "random", "trials": 3}, {"strategy": "random", "trials": 3, "narrow": 0.5}]
    search = AskTell(SPACE, strategy={"type": "chain", "steps": steps})
    trials = [search.ask() for _ in range(3)]
    search.tell(trials[1], 0.5)
    assert not search.exhausted
    with pytest.raises(SearchExhaustedError, match="waits for results: tell trials 0, 2 first"):
        search.ask()
    search.tell(trials[0], 0.5)
    with pytest.raises(SearchExhaustedError, match="tell trial 2 first"):
        search.ask()
    search.tell(trials[2], 0.5)
    assert search.ask().number == 3


def test_enqueued_configurations_come_first():
    search = AskTell(SPACE)
    search.enqueue({"eta": 1, "depth": 3.0})
    trial = search.ask()
    assert repr(trial.parameters) == "{'depth': 3, 'eta': 1.0}"
    assert trial.origin == "enqueued"
    with pytest.raises(SpecError, match="depth = 99: lies outside the range"):
        search.enqueue({"eta": 1, "depth": 99})


def test_repeats():
    search = AskTell(SPACE, repeats=2)
    trials = [search.ask() for _ in range(4)]
    assert [trial.repeat for trial in trials] == [0, 1, 0, 1]
    assert trials[0].parameters == trials[1].parameters != trials[2].parameters


@pytest.mark.parametrize(("goal", "best", "mean"), [("Minimize", 3, 4.0), ("Maximize", 0, 5.0)])
def test_the_best_of_repeated_configurations_has_the_best_mean(goal, best, mean):
    search = AskTell(SPACE, goal=goal, repeats=3)
    for value in (5, 1, 9, 4, 4, 4):
        search.tell(search.ask(), value)
    assert search.best_trial == replace(search.trials[best], objective=mean)
    assert search.trials[0].objective == 5


def test_a_configuration_counts_once_all_of_its_repeats_were_told():
    search = AskTell(SPACE, repeats=2)
    trials = [search.ask() for _ in range(4)]
    search.tell(trials[1], 3)
    search.tell(trials[2], 1)
    assert search.best_trial is None
    search.tell(trials[0], failed="out of memory")
    assert search.best_trial == search.trials[1]
    search.tell(trials[3], 2)
    assert search.best_trial == replace(search.trials[2], objective=1.5)


def test_a_configuration_all_of_whose_repeats_fail_is_never_the_best():
    search = AskTell(SPACE, repeats=2)
    for _ in range(2):
        search.tell(search.ask(), failed="out of memory")
    assert search.best_trial is None


@pytest.mark.parametrize("trial", ["a", None, 1.5, True, {"number": 0}])
def test_what_is_told_must_be_a_trial_or_its_number(trial):
    search = AskTell(SPACE)
    search.ask()
    with pytest.raises(SpecError, match=r"trial = .*: must be a trial or its number; tell the trial that ask"):
        search.tell(trial, 1)
    search.tell(np.int64(0), 1)


@pytest.mark.parametrize("configuration", [None, 3, [("depth", 3)], "depth"])
def test_what_is_enqueued_must_be_a_mapping(configuration):
    with pytest.raises(
        SpecError, match=r"configuration = .*: must map the name of .*; use a dict with the keys depth, eta"
    ):
        AskTell(SPACE).enqueue(configuration)


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(7)])
def test_seeds_are_whole_numbers_of_32_bits(seed):
    assert AskTell(SPACE, seed=seed).ask() == AskTell(SPACE, seed=int(seed)).ask()


@pytest.mark.parametrize("seed", [-1, 2**32, "a", 1.5, True, None])
def test_any_other_seed_is_refused(seed):
    with pytest.raises(SpecError, match="must be a whole number from 0 to 4294967295") as caught:
        AskTell(SPACE, seed=seed)
    assert [problem.field for problem in caught.value.problems] == ["seed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "evolutionery"}, "did you mean 'evolutionary'"),
        ({"goal": "up"}, "use Maximize or Minimize"),
        ({"repeats": 0}, "repeats = 0: must be at least 1"),
        ({"repeats": {"min": 3, "max": 2}}, "repeats.max = 2: is less than min = 3; use max: 3"),
        ({"strategy": {"type": "grid", "levels": {"dept": 3}}}, "dept"),
        ({"space": {}}, "at least one parameter"),
        ({"space": {"eta": 3}}, "eta = 3: is no parameter"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_trial(arguments, message):
    with pytest.raises(SpecError, match=message):
        AskTell(**{"space": SPACE, **arguments})


def test_everything_but_the_space_is_given_by_name():
    kinds = [parameter.kind for parameter in inspect.signature(AskTell).parameters.values()]
    assert kinds[0] is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds[1:]) == {inspect.Parameter.KEYWORD_ONLY}


EARLIER = [({"x": place / 20}, (place / 20 - 0.3) ** 2) for place in range(20)]


@pytest.mark.parametrize(
    ("strategy", "origin"),
    [
        ("bayesian", "bayesian|(crossover|mutation) of an earlier result"),
        ("evolutionary", "(crossover|mutation) of an earlier result"),
        ({"type": "chain", "steps": [{"strategy": "evolutionary"}]}, "(crossover|mutation) of an earlier result"),
    ],
)
def test_strategies_that_learn_use_earlier_results_at_once(strategy, origin):
    search = AskTell({"x": ContinuousParameter(0, 1)}, strategy=strategy, warm_start=EARLIER)
    trials = [search.ask() for _ in range(4)]
    assert all(re.match(origin, trial.origin) for trial in trials)
    assert all(abs(float(trial.parameters["x"]) - 0.3) < 0.25 for trial in trials)
    assert not {trial.parameters["x"] for trial in trials} & {parameters["x"] for parameters, _ in EARLIER}


def test_the_first_step_of_a_chain_narrows_around_the_best_earlier_result():
    steps = [{"strategy": {"type": "grid", "levels": 3}, "narrow": 0.1}]
    search = AskTell(
        {"x": IntegerParameter(0, 100)},
        strategy={"type": "chain", "steps": steps},
        warm_start=[({"x": 20}, 9.0), ({"x": 70}, 1.0)],
    )
    assert [search.ask().parameters["x"] for _ in range(2)] == [65, 75]
    assert search.exhausted


def test_what_is_wrong_with_earlier_results_is_told_at_once():
    wrong: list[tuple[dict[str, object], float]] = [
        ({"x": 0.5}, math.nan),
        ({"x": 2.0}, 0.1),
        ({"x": 0.25}, "much"),  # type: ignore[list-item]
    ]
    with pytest.raises(SpecError) as caught:
        AskTell({"x": ContinuousParameter(0, 1)}, warm_start=wrong)
    assert [problem.field for problem in caught.value.problems] == [
        "warm_start[0]",
        "warm_start[1].x",
        "warm_start[2]",
    ]


def test_a_race():
    search = AskTell(SPACE, strategy="random", repeats={"min": 1, "max": 3})
    losses = iter([1.0, 1.1, 0.9, 9.0, 0.2, 0.1, 0.3])
    for value in losses:
        search.tell(search.ask(), value)
    assert [trial.repeat for trial in search.trials] == [0, 1, 2, 0, 0, 1, 2]
    assert search.best_trial == replace(search.trials[4], objective=pytest.approx(0.2))
    lucky = search.ask()
    search.tell(lucky, 0.0)
    assert search.best_trial.number == 4
    assert search.ask().repeat == 1


def hyperband(**settings):
    strategy = {"type": "hyperband", "resource": {"epochs": "1 to 3"}}
    return AskTell(SPACE, strategy=strategy, **settings)  # three trials get 1 epoch, the best of them 3


def test_a_trial_with_a_part_of_its_resource_is_told_as_paused():
    search = hyperband()
    trials = [search.ask() for _ in range(3)]
    assert [(trial.number, trial.resource, trial.paused) for trial in trials] == [
        (0, 1, False),
        (1, 1, False),
        (2, 1, False),
    ]
    for trial in trials:
        search.tell(trial, 0.5 - trial.number / 10)
    assert {(trial.status, trial.paused) for trial in search.trials} == {(TrialStatus.Stopped, True)}
    again = search.ask()
    assert (again.number, again.resource, again.paused) == (2, 3, True)
    assert again.parameters == trials[2].parameters
    assert search.trials[2] == again
    search.tell(again, 0.1)
    assert [(trial.status, trial.paused, trial.objective) for trial in search.trials[2:]] == [
        (TrialStatus.Completed, False, 0.1)
    ]


@pytest.mark.parametrize(("goal", "sign"), [("Minimize", 1), ("Maximize", -1)])
def test_the_best_trial_may_become_worse_when_it_goes_on(goal, sign):
    search = hyperband(goal=goal)
    for value in (0.5, 0.3, 0.4):
        search.tell(search.ask(), sign * value)
    assert search.best_trial == search.trials[1]
    again = search.ask()
    assert search.best_trial.objective == sign * 0.3  # what is known of it so far
    search.tell(again, sign * 0.45)
    assert (search.best_trial.number, search.best_trial.objective) == (2, sign * 0.4)


def test_the_best_trial_may_fail_when_it_goes_on():
    search = hyperband()
    for value in (0.5, 0.3, 0.4):
        search.tell(search.ask(), value)
    search.tell(search.ask(), failed="out of memory")
    assert search.best_trial.number == 2
    assert (search.trials[1].status, search.trials[1].paused) == (TrialStatus.Failed, False)


def test_a_best_trial_that_improves_stays_the_best():
    search = hyperband()
    for value in (0.5, 0.3, 0.4):
        search.tell(search.ask(), value)
    search.tell(search.ask(), 0.2)
    assert search.best_trial == search.trials[1]
    assert search.best_trial.objective == 0.2


def test_a_search_of_few_trials_comes_to_its_end():
    search = hyperband(max_trials=2)
    search.tell(search.ask(), 0.5)
    other = search.ask()
    with pytest.raises(SearchExhaustedError, match="the strategy waits for results: tell trial 1 first"):
        search.ask()
    search.tell(other, 0.6)
    assert not search.exhausted
    search.tell(search.ask(), 0.4)
    assert search.exhausted
    with pytest.raises(SearchExhaustedError, match="nothing is left to ask for after 2 trials"):
        search.ask()


@pytest.mark.parametrize("strategy", ["random", {"type": "asha", "resource": {"epochs": 1}}])
def test_trials_that_train_as_a_whole_complete(strategy):
    search = AskTell(SPACE, strategy=strategy, max_trials=1)
    search.tell(search.ask(), 0.5)
    assert (search.trials[0].status, search.trials[0].paused) == (TrialStatus.Completed, False)
    assert search.exhausted


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "many"])
def test_a_wrong_number_of_trials_is_refused(value):
    with pytest.raises(SpecError, match="max_trials") as caught:
        AskTell(SPACE, max_trials=value)
    (problem,) = caught.value.problems
    assert (problem.field, problem.value, problem.fix) == ("max_trials", value, "leave it out for no limit")


@pytest.mark.parametrize("value", [0, -3, 2.5, True, None, "q"])
def test_a_wrong_number_of_parallel_trials_is_refused(value):
    with pytest.raises(SpecError, match="max_parallel") as caught:
        AskTell(SPACE, max_parallel=value)
    (problem,) = caught.value.problems
    assert (problem.field, problem.value, problem.rule, problem.fix) == (
        "max_parallel",
        value,
        "must be a whole number from 1",
        "leave it out for 1",
    )


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (3, ["warm_start"]),
        (None, ["warm_start"]),
        ("ab", ["warm_start[0]", "warm_start[1]"]),
        ({"x": 0.5}, ["warm_start[0]"]),
        ([1], ["warm_start[0]"]),
        (["ab"], ["warm_start[0]"]),
        ([({"x": 0.5}, 1.0), ({"x": 0.5}, 1.0, 2), (0.5, 1.0)], ["warm_start[1]", "warm_start[2]"]),
    ],
)
def test_earlier_results_that_are_no_pairs_are_refused(given, fields):
    with pytest.raises(SpecError) as caught:
        AskTell({"x": ContinuousParameter(0, 1)}, warm_start=given)
    assert [problem.field for problem in caught.value.problems] == fields
    assert all(problem.fix == 'use pairs such as [({"eta": 0.1}, 0.87)]' for problem in caught.value.problems)


def test_derivatives_are_told_with_the_value():
    search = AskTell({"x": ContinuousParameter(0, 4)}, strategy="gradient", goal="Maximize", seed=7)
    while not search.exhausted:
        trial = search.ask()
        x = trial.parameters["x"]
        search.tell(trial, 1 - (x - 3) ** 2, hypergradient={"x": np.float64(-2 * (x - 3))})
    assert search.best_trial is not None
    assert search.best_trial.parameters == pytest.approx({"x": 3})
    assert search.trials[0].metrics == {"hypergradient:x": -2 * (search.trials[0].parameters["x"] - 3)}


def test_wrong_derivatives_are_refused_and_change_nothing():
    search = AskTell(SPACE)
    trial = search.ask()
    with pytest.raises(ValueError, match="trial 0: the hypergradient of 'etta' is of no parameter; known: depth, eta"):
        search.tell(trial, 0.5, hypergradient={"etta": 1.0})
    with pytest.raises(TypeError, match="trial 0: the hypergradient of eta must be a number, not '1'"):
        search.tell(trial, 0.5, hypergradient={"eta": "1"})
    with pytest.raises(TypeError, match="trial 0: a hypergradient belongs to a value, and the trial failed"):
        search.tell(trial, failed="out of memory", hypergradient={"eta": 1.0})
    search.tell(trial, 0.5)


@pytest.mark.parametrize("other", [-1.7e308, 1.7e308])
@pytest.mark.parametrize("repeats", [3, {"min": 2, "max": 5}])
@pytest.mark.parametrize("strategy", ["random", "evolutionary"])
def test_huge_objectives_do_not_end_a_search(strategy, repeats, other):
    search = AskTell({"x": ContinuousParameter(0, 1)}, strategy=strategy, repeats=repeats)
    for _ in range(12):
        search.tell(search.ask(), 1.7e308)
        search.tell(search.ask(), other)
    assert search.best_trial is not None
