"""Descents along reported derivatives, side by side."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from smtune import AskTell
from smtune.errors import SearchExhaustedError, SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.spec.repeats import Repeats
from smtune.strategies.bookkeeping import BookkeepingStrategy
from smtune.strategies.proposer import Outcome, Proposal, Proposer
from smtune.trial import Trial, TrialStatus
from tests.unit.strategies.steps import build

Losses = Callable[[Mapping[str, Any]], tuple[float, dict[str, float]]]

SQUARE = SearchSpace({"x": ContinuousParameter(-2, 2), "y": ContinuousParameter(-1, 3)})
SCALED = SearchSpace(
    {
        "decay": ContinuousParameter(1e-6, 1, "Logarithmic"),
        "momentum": ContinuousParameter(0, 0.999, "ReverseLogarithmic"),
        "shift": ContinuousParameter(-5, 40),
    }
)


def rosenbrock(parameters):
    x, y = parameters["x"], parameters["y"]
    gradient = {"x": -2 * (1 - x) - 400 * x * (y - x * x), "y": 200 * (y - x * x)}
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2, gradient


def beyond_a_bound(parameters):
    """Lowest at x = -2, a bound, and there at y = 2: as x falls, the best y changes."""
    x, y = parameters["x"], parameters["y"]
    return 3 * (x + 5) ** 2 + (y - 1) ** 2 + x * y, {"x": 6 * (x + 5) + y, "y": 2 * (y - 1) + x}


def scaled(parameters):
    """Lowest at decay = 1e-3, momentum = 0.9, shift = 7, with unlike curvatures along the scaled axes."""
    decay, momentum = math.log(parameters["decay"] / 1e-3), math.log((1 - parameters["momentum"]) / 0.1)
    shift = (parameters["shift"] - 7) / 10
    gradient = {
        "decay": 2 * decay / parameters["decay"],
        "momentum": -8 * momentum / (1 - parameters["momentum"]),
        "shift": 6 * shift / 10,
    }
    return decay**2 + 4 * momentum**2 + 3 * shift**2 + 1000, gradient


def plateau(parameters):
    """Flat but for a slope of a millionth of the whole drop; lowest at x = 1.5, y = -1."""
    well = math.exp(-8 * (parameters["x"] - 1.5) ** 2)
    return parameters["y"] * 1e-2 - well, {"x": 16 * (parameters["x"] - 1.5) * well, "y": 1e-2}


def search(losses: Losses, space: SearchSpace = SQUARE, *, seed: int = 7, most: int = 500, **settings: Any) -> AskTell:
    """Run a search to its end."""
    found = AskTell(space, strategy={"type": "gradient", **settings}, seed=seed)
    while not found.exhausted and len(found.trials) < most:
        trial = found.ask()
        loss, gradient = losses(trial.parameters)
        found.tell(trial, loss, hypergradient=gradient)
    return found


def best(found: AskTell) -> dict[str, Any]:
    assert found.best_trial is not None
    return dict(found.best_trial.parameters)


# -- where it gets to -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_bottom_of_a_bent_valley(seed):
    found = search(rosenbrock, seed=seed, starts=1, tolerance=1e-9)
    assert best(found) == pytest.approx({"x": 1, "y": 1}, abs=1e-3)
    assert len(found.trials) < 80
    assert found.exhausted


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_minimum_at_a_bound(seed):
    found = search(beyond_a_bound, seed=seed, starts=1)
    assert best(found) == pytest.approx({"x": -2, "y": 2}, abs=1e-3)
    assert best(found)["x"] == -2  # the bound itself, not a number near it
    assert len(found.trials) < 15


@pytest.mark.parametrize(("method", "most", "error"), [("lbfgs", 25, 1e-4), ("adam", 150, 0.1)])
def test_every_scaling_has_its_chain_rule(method, most, error):
    found = search(scaled, SCALED, starts=1, method=method)
    optimum = SCALED.to_unit({"decay": 1e-3, "momentum": 0.9, "shift": 7})
    assert SCALED.to_unit(best(found)) == pytest.approx(optimum, abs=error)
    assert len(found.trials) < most


def test_steps_grow_where_the_loss_falls_ever_faster():
    space = SearchSpace({"x": ContinuousParameter(-2, 2), "y": ContinuousParameter(-1, 3)})
    found = search(plateau, space, starts=8)
    assert best(found)["x"] == pytest.approx(1.5, abs=0.01)
    assert best(found)["y"] == -1


def test_an_offset_of_the_objective_changes_nothing():
    def raised(parameters):
        loss, gradient = scaled(parameters)
        return loss + 2**20, gradient

    assert len(search(raised, SCALED).trials) == len(search(scaled, SCALED).trials)


def test_adam_bears_noise():
    def noisy(parameters):
        loss, gradient = beyond_a_bound(parameters)
        noise = math.sin(1e6 * parameters["x"]) + math.cos(1e6 * parameters["y"])
        return loss + noise, {name: slope * (1 + noise / 4) for name, slope in gradient.items()}

    found = search(noisy, method="adam", starts=1, check=False)
    assert best(found) == pytest.approx({"x": -2, "y": 2}, abs=0.7)


# -- the order of trials ----------------------------------------------------------------------------------------------


def trials_by_start(found: AskTell) -> dict[str, list[Any]]:
    starts: dict[str, list[Any]] = {}
    for trial in found.trials:
        starts.setdefault(trial.origin.split()[-1], []).append((trial.origin, trial.parameters, trial.objective))
    return starts


def test_one_start_after_the_other_or_side_by_side_makes_the_same_trials():
    alone = search(rosenbrock)
    together = AskTell(SQUARE, strategy="gradient", seed=7)
    under_way = [together.ask() for _ in range(3)]
    with pytest.raises(SearchExhaustedError, match="waits for results: tell trials 0, 1, 2 first"):
        together.ask()
    while under_way:
        trial = under_way.pop()  # the last first, so that starts overtake one another
        loss, gradient = rosenbrock(trial.parameters)
        together.tell(trial, loss, hypergradient=gradient)
        if not together.exhausted and len(under_way) < 3:
            try:
                under_way.append(together.ask())
            except SearchExhaustedError:
                assert under_way
    assert trials_by_start(together) == trials_by_start(alone)
    assert [trial.origin for trial in alone.trials] != [trial.origin for trial in together.trials]


def test_starts_cover_the_space_as_a_latin_hypercube():
    strategy = build({"type": "gradient", "starts": 5}, SCALED)
    points = [SCALED.to_unit(suggestion.parameters) for suggestion in strategy.ask(9)]
    assert len(points) == 5
    for axis in zip(*points, strict=True):
        assert sorted(int(5 * position) for position in axis) == [0, 1, 2, 3, 4]


def test_a_start_begins_at_the_best_that_is_known_from_elsewhere():
    found = AskTell(SQUARE, strategy={"type": "gradient", "check": False}, seed=7)
    for configuration in ({"x": 0.0, "y": 0.5}, {"x": 0.5, "y": 0.4}):
        found.enqueue(configuration)
        trial = found.ask()
        loss, gradient = rosenbrock(trial.parameters)
        found.tell(trial, loss, hypergradient=gradient)
    step = found.ask()
    assert step.origin == "descent from start 0"
    moves = [step.parameters[name] - value for name, value in {"x": 0.5, "y": 0.4}.items()]
    slopes = rosenbrock({"x": 0.5, "y": 0.4})[1].values()
    assert max(map(abs, moves)) == pytest.approx(0.4)  # a tenth of the range
    assert moves[0] / moves[1] == pytest.approx(-next(iter(slopes)) / -list(slopes)[1])
    assert found.ask().origin == "start 1"


def test_in_a_chain_the_first_descent_begins_at_the_best_so_far():
    steps = [{"strategy": "random", "trials": 6}, {"strategy": {"type": "gradient", "starts": 1, "check": False}}]
    found = AskTell(SQUARE, strategy={"type": "chain", "steps": steps}, seed=7)
    while not found.exhausted:
        trial = found.ask()
        loss, gradient = rosenbrock(trial.parameters)
        found.tell(trial, loss, hypergradient=gradient)
    first = min(found.trials[:6], key=lambda trial: trial.objective or 0.0)
    assert {trial.origin for trial in found.trials[6:]} == {"descent from start 0"}
    moves = [abs(found.trials[6].parameters[name] - first.parameters[name]) for name in SQUARE]
    assert max(moves) == pytest.approx(0.4)
    assert found.best_trial is not None
    assert found.best_trial.number >= 6


def test_a_descent_ends_where_another_one_has_been():
    space = SearchSpace({"x": ContinuousParameter(0, 1)})
    found = search(lambda parameters: (parameters["x"], {"x": 1.0}), space, starts=5)
    assert [trial.parameters["x"] for trial in found.trials].count(0.0) == 1
    assert len({trial.parameters["x"] for trial in found.trials}) == len(found.trials)
    assert {trial.origin.split()[-1] for trial in found.trials} == set("01234")


def test_ranges_of_one_value_need_no_derivative():
    space = SearchSpace({"x": ContinuousParameter(0, 1), "fixed": ContinuousParameter(3, 3)})
    found = search(lambda parameters: ((parameters["x"] - 0.3) ** 2, {"x": 2 * (parameters["x"] - 0.3)}), space)
    assert best(found) == pytest.approx({"x": 0.3, "fixed": 3})


def test_a_space_of_one_configuration_is_tried_once():
    found = search(lambda _: (1.0, {}), SearchSpace({"fixed": ContinuousParameter(3, 3)}))
    assert [trial.parameters for trial in found.trials] == [{"fixed": 3.0}]


# -- failed trials ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_a_failed_step_is_halved_and_given_up_at_last(method):
    found = AskTell(SQUARE, strategy={"type": "gradient", "method": method, "starts": 1, "check": False}, seed=7)
    start = found.ask()
    loss, gradient = rosenbrock(start.parameters)
    found.tell(start, loss, hypergradient=gradient)
    moves = []
    for _ in range(4):
        trial = found.ask()
        moves.append(trial.parameters["x"] - start.parameters["x"])
        found.tell(trial, failed="out of memory")
    assert [move / moves[0] for move in moves] == pytest.approx([1, 1 / 2, 1 / 4, 1 / 8])
    assert found.exhausted


def test_a_failed_start_makes_room_for_the_next_which_checks_the_derivatives():
    found = AskTell(SQUARE, strategy={"type": "gradient", "starts": 2}, seed=7)
    found.tell(found.ask(), failed="out of memory")
    origins = []
    for _ in range(3):
        trial = found.ask()
        origins.append(trial.origin)
        loss, gradient = rosenbrock(trial.parameters)
        found.tell(trial, loss, hypergradient=gradient)
    assert origins == ["start 1", "check of start 1", "descent from start 1"]


def test_a_check_that_fails_is_tried_again_nearer():
    found = AskTell(SQUARE, strategy={"type": "gradient", "starts": 1}, seed=7)
    start = found.ask()
    loss, gradient = rosenbrock(start.parameters)
    found.tell(start, loss, hypergradient=gradient)
    moves = []
    for _ in range(2):
        trial = found.ask()
        assert trial.origin == "check of start 0"
        moves.append(trial.parameters["x"] - start.parameters["x"])
        found.tell(trial, failed="out of memory")
    assert moves == pytest.approx([0.04, 0.02])


def test_a_derivative_that_is_no_finite_number_fails_its_step_only():
    def holey(parameters):
        loss, gradient = beyond_a_bound(parameters)
        return loss, gradient if parameters["x"] > -1 or parameters["x"] == -2 else {"x": math.nan, "y": math.inf}

    found = search(holey, check=False, starts=6)
    assert best(found) == pytest.approx({"x": -2, "y": 2}, abs=0.1)


# -- derivatives that are missing or wrong ----------------------------------------------------------------------------


def failure(losses: Losses, space: SearchSpace = SQUARE, **settings: Any) -> tuple[int, str]:
    """Return after how many trials a search fails, and why."""
    found = search(losses, space, most=30, **settings)
    with pytest.raises(SearchExhaustedError) as caught:
        found.ask()
    return len(found.trials), str(caught.value)


@pytest.mark.parametrize(
    ("reported", "said"),
    [
        ([], "trial 0 reported no hypergradient for x, y; call report({...}, hypergradient={'x': ...}) with"),
        (["x"], "trial 0 reported no hypergradient for y, only for x; call report({...}, hypergradient={'y': ...})"),
    ],
)
def test_missing_derivatives_end_the_search_at_once_with_the_fix(reported, said):
    count, reason = failure(lambda parameters: (rosenbrock(parameters)[0], dict.fromkeys(reported, 1.0)))
    assert count == 1
    assert said in reason
    assert "or use bayesian" in reason


def test_a_misspelt_derivative_is_told_beside_the_missing_one():
    strategy = build("gradient", SearchSpace({"alpha": ContinuousParameter(0, 1)}))
    (suggestion,) = strategy.ask(1)
    metrics = {"hypergradient:alhpa": 1.0, "loss": 2.0}
    strategy.tell(Trial(0, suggestion.parameters, TrialStatus.Completed, 2.0, metrics))
    assert "no hypergradient for alpha, only for alhpa;" in str(strategy.failure)


def test_derivatives_that_are_never_finite_end_the_search_with_their_values():
    count, reason = failure(lambda parameters: (rosenbrock(parameters)[0], {"x": math.nan, "y": 1.0}))
    assert count == 3
    assert "no start could go on: the hypergradient of trial 2 is x = nan, y = 1.0" in reason


def test_derivatives_missing_later_fail_their_trial_only():
    def sometimes(parameters):
        loss, gradient = beyond_a_bound(parameters)
        return loss, gradient if parameters["x"] > -1.5 or parameters["x"] == -2 else {}

    found = search(sometimes, check=False)
    assert found.best_trial is not None
    assert len(found.trials) > 3


def wrongly(change: Callable[[dict[str, float], Mapping[str, Any]], dict[str, float]]) -> Losses:
    def losses(parameters):
        loss, gradient = scaled(parameters)
        return loss, change(gradient, parameters)

    return losses


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda gradient, _: {name: -slope for name, slope in gradient.items()}, "the sign is wrong"),
        (lambda gradient, at: {**gradient, "decay": gradient["decay"] * at["decay"]}, "not its logarithm"),
        (lambda gradient, _: {name: 2 * slope for name, slope in gradient.items()}, "derive the objective itself"),
        (lambda gradient, _: dict.fromkeys(gradient, 0.0), "derive the objective itself"),
    ],
    ids=["sign", "chain rule", "units", "zero"],
)
def test_wrong_derivatives_are_found_by_the_second_trial(change, hint):
    count, reason = failure(wrongly(change), SCALED)
    assert count == 2
    assert "the hypergradient is wrong: from trial 0 to trial 1, the loss changed by " in reason
    assert " where the derivatives foretell " in reason
    assert hint in reason
    assert "strategy.check: false" in reason


def test_right_derivatives_pass_the_check_wherever_it_is_made():
    for seed in range(30):
        for losses, space in ((rosenbrock, SQUARE), (beyond_a_bound, SQUARE), (scaled, SCALED), (plateau, SQUARE)):
            found = search(losses, space, seed=seed, starts=1, most=3)
            assert len(found.trials) == 3
            assert found.trials[1].origin == "check of start 0"


def test_the_check_has_room_at_a_corner():
    found = AskTell(SQUARE, strategy={"type": "gradient", "starts": 1}, seed=7)
    found.enqueue({"x": -2, "y": -1})
    found.tell(found.ask(), 0.0, hypergradient={"x": 1, "y": 1})
    trial = found.ask()
    assert trial.parameters == pytest.approx({"x": -1.96, "y": -0.96})
    found.tell(trial, 0.08, hypergradient={"x": 1, "y": 1})
    assert found.exhausted  # the corner is a minimum
    assert found.best_trial == found.trials[0]


def test_the_descent_begins_at_the_lower_one_of_start_and_check():
    space = SearchSpace({"x": ContinuousParameter(0, 1)})
    found = search(lambda parameters: (parameters["x"] ** 2, {"x": 2 * parameters["x"]}), space, starts=1, most=3)
    start, check, step = (trial.parameters["x"] for trial in found.trials)
    assert check == pytest.approx(start - 0.01)
    assert step == pytest.approx(check - 0.1)


def test_without_the_check_wrong_derivatives_are_followed():
    found = search(
        wrongly(lambda gradient, _: {name: 2 * slope for name, slope in gradient.items()}), SCALED, check=False
    )
    assert SCALED.to_unit(best(found)) == pytest.approx(
        SCALED.to_unit({"decay": 1e-3, "momentum": 0.9, "shift": 7}), abs=1e-3
    )


# -- what it cannot search --------------------------------------------------------------------------------------------


def test_other_parameters_are_refused_all_at_once_with_a_strategy_that_can():
    space = {
        "depth": IntegerParameter(1, 9),
        "booster": CategoricalParameter(["gbtree", "dart"]),
        "subsample": ContinuousParameter(0.5, 1, step=0.1),
        "eta": ContinuousParameter(0, 1),
    }
    with pytest.raises(SpecError) as caught:
        AskTell(space, strategy="gradient")
    found = {problem.rule.split(" and ")[1]: problem for problem in caught.value.problems}
    assert set(found) == {"depth takes whole numbers", "booster takes choices", "subsample has a step"}
    for problem in caught.value.problems:
        assert (problem.field, problem.value) == ("type", "gradient")
        assert problem.fix.startswith("use bayesian or evolutionary, or ")


def test_a_chain_does_not_go_on_without_the_derivatives_of_a_step():
    steps = [{"strategy": "gradient"}, {"strategy": "random", "trials": 3}]
    found = AskTell(SQUARE, strategy={"type": "chain", "steps": steps})
    found.tell(found.ask(), 1.0)
    assert found.exhausted
    with pytest.raises(SearchExhaustedError, match="trial 0 reported no hypergradient for x, y"):
        found.ask()


def test_in_a_chain_the_step_is_named():
    with pytest.raises(SpecError) as caught:
        AskTell({"depth": IntegerParameter(1, 9)}, strategy={"type": "chain", "steps": [{"strategy": "gradient"}]})
    assert [problem.field for problem in caught.value.problems] == ["steps[0].strategy.type"]


# -- what reaches it --------------------------------------------------------------------------------------------------


class Listener(Proposer):
    """Proposes one configuration, and keeps what comes of it."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.outcomes: list[Outcome] = []

    def propose(self, number, memory):
        return Proposal(self.configuration, "only") if number == 0 else None

    def learn(self, outcome, memory):
        self.outcomes.append(outcome)

    def exhausted(self, memory):
        return len(memory) > 0


def test_derivatives_are_turned_and_averaged_like_the_objective():
    listener = Listener({"x": 0.0, "y": 0.0})
    strategy = BookkeepingStrategy(listener, SQUARE, sign=-1, repeats=Repeats(min=4, max=4))
    told: list[tuple[float | None, dict[str, float]]] = [
        (0.1, {"x": 1.0, "y": 2.0, "z": math.inf}),
        (0.2, {"x": 3.0, "z": 1.0}),
        (None, {"x": 100.0, "y": 5.0}),
        (0.3, {"x": 5.0, "y": 5.0, "z": 1.0}),
    ]
    for suggestion, (value, slopes) in zip(strategy.ask(4), told, strict=True):
        status = TrialStatus.Failed if value is None else TrialStatus.Completed
        metrics = {"auc": 0.1} | {f"hypergradient:{name}": slope for name, slope in slopes.items()}
        strategy.tell(Trial(suggestion.number, suggestion.parameters, status, value, metrics))
    (outcome,) = listener.outcomes
    assert outcome.loss == pytest.approx(-0.2)
    assert outcome.gradient == pytest.approx({"x": -3.0, "z": math.nan}, nan_ok=True)
