"""What `auto` chooses, and what the preset chains are made of."""

import pytest

from smtune import AskTell
from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.spec import Goal, GridConfig, read_strategy
from smtune.strategies import build_strategy
from smtune.strategies.presets import MODEL_TRIALS, choose, preset_steps

SMALL = SearchSpace({"depth": IntegerParameter(1, 6), "booster": CategoricalParameter(["a", "b"])})
LARGE = SearchSpace(
    {
        "eta": ContinuousParameter(0.01, 1.0),
        "depth": IntegerParameter(1, 9),
        "booster": CategoricalParameter(["a", "b"]),
    }
)


@pytest.mark.parametrize(
    ("space", "configurations", "max_parallel", "chosen"),
    [
        (SMALL, 12, 1, "grid"),
        (SMALL, 11, 1, "bayesian"),
        (SMALL, None, 1, "bayesian"),
        (LARGE, 50, 1, "bayesian"),
        (LARGE, 50, 49, "bayesian"),
        (LARGE, 50, 50, "sobol"),
        (LARGE, MODEL_TRIALS, 4, "bayesian"),
        (LARGE, MODEL_TRIALS + 1, 4, "evolutionary"),
    ],
)
def test_auto_chooses_by_space_budget_and_parallelism(space, configurations, max_parallel, chosen):
    choice = choose(space, configurations=configurations, max_parallel=max_parallel)
    assert choice.config.type == chosen
    assert choice.reason.startswith(f"{chosen}: ")


def test_auto_says_why():
    assert choose(SMALL, configurations=40, max_parallel=2).reason == (
        "grid: the space has 12 configurations, and all fit into 40 trials"
    )
    assert choose(LARGE, configurations=40, max_parallel=2).reason == (
        "bayesian: with 40 configurations, 2 trials at a time, a model of the results finds good ones in the fewest trials"
    )


def test_auto_tries_all_of_a_small_space_once():
    search = AskTell(SMALL, strategy="auto", max_trials=20)
    asked = []
    while not search.exhausted:
        asked.append(search.ask())
        search.tell(asked[-1], 0.5)
    assert len({tuple(trial.parameters.items()) for trial in asked}) == len(asked) == 12


def test_auto_speaks_of_one_configuration_in_the_singular():
    lone = SearchSpace({"booster": IntegerParameter(3, 3)})
    assert choose(lone, configurations=1, max_parallel=1).reason == (
        "grid: the space has 1 configuration, and it fits into 1 trial"
    )
    assert choose(LARGE, configurations=1, max_parallel=1).reason == (
        "sobol: the only configuration has no other to learn from"
    )
    assert choose(LARGE, configurations=2, max_parallel=2).reason == (
        "sobol: all 2 configurations run at a time, so there is nothing to learn from"
    )


def test_auto_counts_configurations_where_each_is_trained_several_times():
    strategy = build_strategy(read_strategy("auto"), SMALL, goal=Goal.Minimize, seed=0, repeats=2, max_trials=23)
    assert strategy.ask(1)[0].origin == "grid"
    strategy = build_strategy(read_strategy("auto"), SMALL, goal=Goal.Minimize, seed=0, repeats=2, max_trials=22)
    assert strategy.ask(1)[0].origin == "initial"


def test_random_grid_spends_half_on_a_grid_around_the_best():
    search = AskTell(LARGE, strategy={"type": "chain", "preset": "random-grid"}, max_trials=100, seed=1)
    origins, values = [], []
    for _ in range(90):
        if search.exhausted:
            break
        trial = search.ask()
        origins.append(trial.origin)
        values.append(trial.parameters["eta"])
        search.tell(trial, (trial.parameters["eta"] - 0.5) ** 2 + trial.parameters["depth"])
    assert origins[:50] == ["random"] * 50
    assert set(origins[50:]) == {"grid"}
    best = min(range(50), key=lambda place: search.trials[place].objective)
    assert all(abs(value - values[best]) <= 0.2 * 0.99 + 1e-9 for value in values[50:])


def test_random_grid_takes_as_many_levels_as_there_are_trials_for():
    grid = preset_steps("random-grid", LARGE, configurations=100)[1].strategy
    assert isinstance(grid, GridConfig)
    assert grid.levels == {"eta": 5, "depth": 5, "booster": 2}
    grid = preset_steps("random-grid", LARGE, configurations=16)[1].strategy
    assert isinstance(grid, GridConfig)
    assert grid.levels == {"eta": 2, "depth": 2, "booster": 2}


@pytest.mark.parametrize("preset", ["sobol-bayesian", "bayesian-local"])
def test_presets_share_the_trials(preset):
    first, second = preset_steps(preset, LARGE, configurations=60)
    assert (first.trials, second.trials) == ({"sobol-bayesian": 15, "bayesian-local": 40}[preset], None)
    search = AskTell(LARGE, strategy={"type": "chain", "preset": preset}, max_trials=30)
    for _ in range(30):
        trial = search.ask()
        search.tell(trial, trial.parameters["eta"])
    assert search.exhausted


def test_a_preset_that_its_trials_cannot_pay_for_is_refused():
    with pytest.raises(SpecError, match=r"preset = random-grid: needs limits\.max_trials of 16 or more .* raise it"):
        AskTell(LARGE, strategy={"type": "chain", "preset": "random-grid"}, max_trials=15)
    with pytest.raises(SpecError, match=r"shares limits\.max_trials among its steps"):
        AskTell(LARGE, strategy={"type": "chain", "preset": "sobol-bayesian"})


def test_a_chain_has_either_steps_or_a_preset():
    for given in ({"type": "chain"}, {"type": "chain", "preset": "random-grid", "steps": [{"strategy": "random"}]}):
        with pytest.raises(SpecError, match="needs either steps or a preset"):
            read_strategy(given)


def test_presets_share_configurations_where_each_is_trained_several_times():
    search = AskTell(LARGE, strategy={"type": "chain", "preset": "random-grid"}, max_trials=40, repeats=2)
    origins = []
    for _ in range(21):
        origins.append(search.ask().origin)
        search.tell(len(origins) - 1, float(len(origins)))
    assert origins == ["random"] * 20 + ["grid"]
