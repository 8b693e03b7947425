"""A genetic algorithm without generations."""

import math
import re
from typing import Any

import pytest

from smtune.space import CategoricalParameter, Configuration, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies import Suggestion
from tests.unit.strategies.steps import ask, build, tell

SPACE = SearchSpace(
    {
        "eta": ContinuousParameter(1e-4, 1.0, "Logarithmic"),
        "momentum": ContinuousParameter(0.0, 1.0),
        "depth": IntegerParameter(1, 12),
        "units": IntegerParameter(1, 1024, "Logarithmic"),
        "subsample": ContinuousParameter(0.5, 1.0, step=0.1),
        "booster": CategoricalParameter(["gbtree", "dart", "gblinear"]),
    }
)


def loss(parameters: Configuration) -> float:
    """Return a smooth function of mixed parameters, lowest inside the space."""
    eta, momentum, depth, units, subsample = (
        float(parameters[name]) for name in ("eta", "momentum", "depth", "units", "subsample")
    )
    return (
        (math.log10(eta) + 2) ** 2 / 4
        + 2 * (momentum - 0.3) ** 2
        + (depth - 7) ** 2 / 40
        + (math.log2(units) - 6) ** 2 / 30
        + 4 * (subsample - 0.8) ** 2
        + {"gbtree": 0.0, "dart": 0.1, "gblinear": 0.5}[str(parameters["booster"])]
    )


def best_of(config, seed: int, trials: int) -> float:
    strategy = build(config, SPACE, seed=seed)
    best = math.inf
    for _ in range(trials):
        suggestion = ask(strategy)
        value = loss(suggestion.parameters)
        best = min(best, value)
        tell(strategy, suggestion, value)
    return best


def parents(suggestion: Suggestion) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", suggestion.origin)]


def evolutionary(**settings: float) -> dict[str, Any]:
    return {"type": "evolutionary", **settings}


class TestQuality:
    def test_it_beats_random_search(self):
        evolved = [best_of("evolutionary", seed, 100) for seed in range(12)]
        drawn = [best_of("random", seed, 100) for seed in range(12)]
        assert sum(one < other for one, other in zip(evolved, drawn, strict=True)) >= 10
        assert sorted(evolved)[6] < sorted(drawn)[6] / 3

    def test_it_keeps_improving(self):
        assert all(best_of("evolutionary", seed, 200) < 0.05 for seed in range(4))


class TestStartPopulation:
    def test_it_is_a_latin_hypercube(self):
        start = build("evolutionary", SPACE).ask(10)
        assert {suggestion.origin for suggestion in start} == {"initial"}
        for name in ("eta", "momentum"):
            places = [SPACE[name].to_unit(suggestion.parameters[name]) for suggestion in start]
            assert sorted(int(10 * place) for place in places) == list(range(10))

    def test_a_parameter_keeps_its_strata_when_others_come_and_go(self):
        fewer = SearchSpace({name: SPACE[name] for name in ("eta", "depth")})
        for some, every in zip(build("evolutionary", fewer).ask(10), build("evolutionary", SPACE).ask(10), strict=True):
            assert some.parameters.items() <= every.parameters.items()

    def test_results_told_beside_it_shorten_it(self):
        strategy = build(evolutionary(population=3), SPACE)
        for eta in (0.1, 0.2, 0.3):
            strategy.enqueue({**SPACE.from_unit([0.5] * 6), "eta": eta})
        for _ in range(3):
            tell(strategy, ask(strategy), 1.0)
        assert parents(ask(strategy))


class TestBreeding:
    def test_parents_are_among_the_best_so_far(self):
        strategy = build(evolutionary(population=4), SPACE)
        losses: dict[int, float] = {}
        for _ in range(60):
            suggestion = ask(strategy)
            best = sorted(losses, key=lambda number: (losses[number], number))[:4]
            assert set(parents(suggestion)) <= set(best)
            losses[suggestion.number] = loss(suggestion.parameters)
            tell(strategy, suggestion, losses[suggestion.number])

    def test_origins_tell_the_parents(self):
        strategy = build("evolutionary", SPACE)
        origins = []
        for _ in range(100):
            suggestion = ask(strategy)
            origins.append(suggestion.origin)
            tell(strategy, suggestion, loss(suggestion.parameters))
        children = origins[10:]
        assert all(re.fullmatch(r"mutation of \d+|crossover of (\d+) and (?!\1\b)\d+", origin) for origin in children)
        assert sum(origin.startswith("crossover") for origin in children) == pytest.approx(45, abs=15)

    @pytest.mark.parametrize(("crossover", "kind"), [(0.0, "mutation"), (1.0, "crossover")])
    def test_the_share_of_crossovers_is_chosen(self, crossover, kind):
        strategy = build(evolutionary(crossover=crossover), SPACE)
        for number in range(40):
            suggestion = ask(strategy)
            assert number < 10 or suggestion.origin.startswith(kind)
            tell(strategy, suggestion, loss(suggestion.parameters))

    @pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
    def test_failed_trials_never_become_parents(self, value):
        strategy = build("evolutionary", SPACE)
        failed: set[int] = set()
        for _ in range(80):
            suggestion = ask(strategy)
            assert failed.isdisjoint(parents(suggestion))
            if suggestion.number % 3 == 0:
                failed.add(suggestion.number)
                tell(strategy, suggestion, value)
            else:
                tell(strategy, suggestion, loss(suggestion.parameters))

    def test_it_draws_at_random_while_there_are_no_two_parents(self):
        strategy = build(evolutionary(population=3), SPACE)
        suggestions = strategy.ask(5)
        assert [suggestion.origin for suggestion in suggestions] == ["initial"] * 3 + ["random"] * 2
        tell(strategy, suggestions[4], 0.5)
        assert ask(strategy).origin == "random"
        tell(strategy, suggestions[0], 0.7)
        assert set(parents(ask(strategy))) <= {0, 4}

    def test_parallel_trials_never_wait(self):
        strategy = build("evolutionary", SPACE)
        under_way = list(strategy.ask(16))
        for turn in range(200):
            told = under_way.pop((7 * turn) % len(under_way))
            tell(strategy, told, loss(told.parameters))
            under_way += strategy.ask(1)
            assert len(under_way) == 16

    def test_the_order_of_tells_does_not_matter_between_asks(self):
        forwards, backwards = build("evolutionary", SPACE), build("evolutionary", SPACE)
        for _ in range(10):
            told, same = forwards.ask(8), backwards.ask(8)
            assert told == same
            for suggestion in told:
                tell(forwards, suggestion, loss(suggestion.parameters))
            for suggestion in reversed(same):
                tell(backwards, suggestion, loss(suggestion.parameters))


class TestPreselection:
    def test_it_finds_better_configurations_than_any_child_would(self):
        chosen = [best_of("evolutionary", seed, 60) for seed in range(12)]
        any_child = [best_of(evolutionary(preselection=1), seed, 60) for seed in range(12)]
        assert sum(one < other for one, other in zip(chosen, any_child, strict=True)) >= 8
        assert sorted(chosen)[6] < sorted(any_child)[6]

    def test_it_changes_nothing_before_there_are_children(self):
        starts = [build(evolutionary(preselection=children), SPACE).ask(10) for children in (1, 8)]
        assert starts[0] == starts[1]

    @pytest.mark.parametrize(
        "space",
        [
            SearchSpace({"fixed": IntegerParameter(3, 3)}),
            SearchSpace({"depth": IntegerParameter(1, 40)}),
            SearchSpace({name: CategoricalParameter(["a", "b", "c", "d"]) for name in ("first", "second", "third")}),
        ],
        ids=["one configuration", "one parameter", "unordered choices"],
    )
    @pytest.mark.parametrize("value", [1.0, None], ids=["equal losses", "failures"])
    def test_small_spaces_are_exhausted_whatever_comes_of_them(self, space, value):
        strategy = build("evolutionary", space)
        seen = set()
        while not strategy.exhausted:
            suggestion = ask(strategy)
            seen.add(tuple(suggestion.parameters.values()))
            tell(strategy, suggestion, value)
        assert len(seen) == space.size()


class TestStopping:
    def test_generations_bound_the_proposals(self):
        strategy = build(evolutionary(population=5, max_generations=3), SPACE)
        strategy.enqueue(SPACE.from_unit([0.5] * 6))
        assert len(strategy.ask(100)) == 15 + 1
        assert strategy.exhausted

    def test_patience_counts_results_without_a_new_best(self):
        strategy = build(evolutionary(patience=4), SPACE)
        suggestions = strategy.ask(9)
        exhausted = []
        for suggestion, value in zip(suggestions, [3.0, 2.0, 2.0, 5.0, 1.0, 1.5, None, 1.0, 4.0], strict=True):
            tell(strategy, suggestion, value)
            exhausted.append(strategy.exhausted)
        assert exhausted == [False] * 8 + [True]
        assert list(strategy.ask(1)) == []

    def test_it_stays_stopped_whatever_comes_in_late(self):
        strategy = build(evolutionary(patience=1), SPACE)
        suggestions = strategy.ask(3)
        for suggestion, value in zip(suggestions, [2.0, 3.0, 1.0], strict=True):
            tell(strategy, suggestion, value)
        assert strategy.exhausted

    def test_failures_before_the_first_success_do_not_try_its_patience(self):
        strategy = build(evolutionary(patience=2), SPACE)
        for _ in range(20):
            tell(strategy, ask(strategy), None)
        assert not strategy.exhausted
