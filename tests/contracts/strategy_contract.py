"""What every strategy does. A subclass says which one, and how it covers the spaces used here."""

import math
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, Configuration, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.spec import Goal, Repeats, StrategyConfig
from smtune.strategies import Strategy, Suggestion, build_strategy
from smtune.trial import Trial, TrialStatus

MIXED = SearchSpace(
    {
        "units": IntegerParameter(1, 1024, "Logarithmic"),
        "eta": ContinuousParameter(1e-4, 1.0, "Logarithmic"),
        "momentum": ContinuousParameter(0.0, 0.999, "ReverseLogarithmic"),
        "subsample": ContinuousParameter(0.5, 1.0, step=0.1),
        "batch": CategoricalParameter([16, 32, 64, 128], ordered=True),
        "booster": CategoricalParameter(["gbtree", "dart", True, 1, "1"]),
    }
)
"""One parameter of every kind; equal-looking choices of different types among them."""

FINITE = SearchSpace(
    {
        "depth": IntegerParameter(1, 4),
        "booster": CategoricalParameter(["gbtree", "dart"]),
        "subsample": ContinuousParameter(0.8, 1.0, step=0.1),
    }
)
"""24 configurations."""

POINTS = [[(7 * row + 3 * column) % 20 / 20 for column in range(6)] for row in range(20)]
"""Where earlier searches looked in the unit cube of ``MIXED``."""

LONG = SearchSpace({"eta": ContinuousParameter(0, 1), "depth": IntegerParameter(1, 10**9, "Logarithmic")})
"""Enough for thousands of trials."""

CONTINUOUS = SearchSpace(
    {
        "eta": ContinuousParameter(1e-4, 1.0, "Logarithmic"),
        "momentum": ContinuousParameter(0.0, 0.999, "ReverseLogarithmic"),
        "shrinkage": ContinuousParameter(-2.0, 1.0),
    }
)
"""Where a loss has derivatives: one parameter of every scaling."""

COMPLETED, FAILED, STOPPED = TrialStatus.Completed, TrialStatus.Failed, TrialStatus.Stopped


def loss(space: SearchSpace, configuration: Configuration) -> float:
    """Return a smooth function of the unit cube, lowest at a point inside."""
    return sum((position - 0.3) ** 2 for position in space.to_unit(configuration))


def derivatives(space: SearchSpace, configuration: Configuration, sign: int = 1) -> dict[str, float]:
    """Return the derivatives of :func:`loss` as the metrics of a trial; none in spaces where not all of them exist."""
    metrics = {}
    for name, parameter in space.items():
        if not isinstance(parameter, ContinuousParameter) or parameter.cardinality is not None:
            return {}
        value = float(configuration[name])
        metrics[f"hypergradient:{name}"] = sign * 2 * (parameter.to_unit(value) - 0.3) / parameter.slope(value)
    return metrics


def ended(
    suggestion: Suggestion,
    objective: float | None,
    status: TrialStatus = COMPLETED,
    metrics: Mapping[str, float] | None = None,
) -> Trial:
    return Trial(
        suggestion.number,
        suggestion.parameters,
        status,
        objective,
        metrics or {},
        origin=suggestion.origin,
        repeat=suggestion.repeat,
    )


def result(space: SearchSpace, suggestion: Suggestion, *, sign: int = 1, error: float = 0.0) -> Trial:
    """Return the completed trial of a suggestion, with its loss and its derivatives."""
    configuration = suggestion.parameters
    metrics = derivatives(space, configuration, sign)
    return ended(suggestion, sign * loss(space, configuration) + error, metrics=metrics)


def some(space: SearchSpace, place: int) -> Configuration:
    """Return one of six configurations."""
    return space.from_unit([(place + 0.5) / 6] * len(space))


def run(strategy: Strategy, space: SearchSpace, trials: int, *, sign: int = 1) -> list[Suggestion]:
    """Ask and tell, one trial at a time, until there are ``trials`` or the strategy has no more."""
    history: list[Suggestion] = []
    while len(history) < trials and (asked := strategy.ask(1)):
        history += asked
        strategy.tell(result(space, asked[0], sign=sign))
    return history


def identity(configuration: Configuration) -> str:
    """Return a text that differs wherever values or their types do."""
    return repr(list(configuration.items()))


def identities(history: Sequence[Suggestion]) -> list[str]:
    return [identity(suggestion.parameters) for suggestion in history]


class SearchContract(ABC):
    """What every type of strategy does, on continuous spaces if it cannot take others."""

    space, small, long = MIXED, FINITE, LONG
    """What it searches here: the space of most tests, one of few configurations if it can, and one of many."""

    seeded = True
    """Whether another seed gives other suggestions."""

    deliberate = False
    """Whether a suggestion takes milliseconds, so that a test cannot wait for thousands."""

    @abstractmethod
    def config(self, space: SearchSpace) -> StrategyConfig:
        """Return a strategy that suggests at least 40 configurations of ``space``, and 10,000 of ``long``."""

    def make(
        self,
        space: SearchSpace | None = None,
        *,
        seed: int = 7,
        repeats: int | Repeats = 1,
        goal: str = "Minimize",
    ) -> Strategy:
        space = space or self.space
        return build_strategy(self.config(space), space, goal=Goal.parse(goal), seed=seed, repeats=repeats)

    # -- determinism ----------------------------------------------------------------------------------------------

    def test_same_seed_and_same_tells_give_the_same_suggestions(self) -> None:
        assert run(self.make(), self.space, 40) == run(self.make(), self.space, 40)

    def test_another_seed_gives_others(self) -> None:
        same = identities(run(self.make(seed=7), self.space, 40)) == identities(run(self.make(seed=8), self.space, 40))
        assert same is not self.seeded

    def test_maximising_is_minimising_the_negative(self) -> None:
        minimised = run(self.make(goal="Minimize"), self.space, 40)
        assert run(self.make(goal="Maximize"), self.space, 40, sign=-1) == minimised

    def test_asking_for_several_is_asking_for_one_several_times(self) -> None:
        together, apart = self.make(), self.make()
        for count in (0, 1, 3, 2):
            asked = together.ask(count)
            one_by_one = [suggestion for _ in range(count) for suggestion in apart.ask(1)]
            assert list(asked) == one_by_one
            for suggestion in asked:
                for strategy in (together, apart):
                    strategy.tell(result(self.space, suggestion))

    # Subclasses are different executors on purpose: each is another strategy.
    @settings(
        max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors]
    )
    @given(log=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from("cfn"), st.booleans())))
    def test_any_interleaving_can_be_replayed(self, log: list[tuple[int, int, str, bool]]) -> None:
        """Each entry asks, tells one of the trials under way, and perhaps enqueues; in between, one run looks around."""
        histories = []
        for curious in (False, True):
            strategy = self.make(self.small)
            history: list[Suggestion] = []
            under_way: list[Suggestion] = []
            for count, place, outcome, enqueues in log:
                if enqueues:
                    strategy.enqueue(some(self.small, place))
                asked = strategy.ask(count)
                assert len(asked) <= count
                history += asked
                under_way += asked
                if curious:
                    assert not (strategy.exhausted and strategy.ask(1))
                if under_way:
                    told = under_way.pop(place % len(under_way))
                    outcomes = {
                        "c": result(self.small, told),
                        "f": ended(told, None, FAILED),
                        "n": ended(told, math.nan),
                    }
                    strategy.tell(outcomes[outcome])
            assert len(set(identities(history))) == len(history)
            histories.append(history)
        assert histories[0] == histories[1]

    # -- legality -------------------------------------------------------------------------------------------------

    def test_suggestions_are_legal_typed_numbered_and_in_canonical_order(self) -> None:
        history = run(self.make(), self.space, 40)
        assert [suggestion.number for suggestion in history] == list(range(40))
        assert all(suggestion.origin and suggestion.repeat == 0 for suggestion in history)
        for suggestion in history:
            assert identity(self.space.validate(suggestion.parameters)) == identity(suggestion.parameters)

    def test_nothing_is_suggested_twice(self) -> None:
        history = run(self.make(), self.space, 40)
        assert len(set(identities(history))) == 40

    def test_a_stopped_trial_with_an_objective_is_a_result(self) -> None:
        completed, stopped = self.make(), self.make()
        for _ in range(40):
            (one,), (other,) = completed.ask(1), stopped.ask(1)
            assert one == other
            completed.tell(result(self.space, one))
            stopped.tell(replace(result(self.space, other), status=STOPPED))

    def test_wrong_tells_are_refused_and_change_nothing(self) -> None:
        strategy, untouched = self.make(), self.make()
        (told,), _ = strategy.ask(1), untouched.ask(1)
        (under_way,), _ = strategy.ask(1), untouched.ask(1)
        for each in (strategy, untouched):
            each.tell(result(self.space, told))
        wrong = [
            (ended(under_way, None, TrialStatus.InProgress), "trial 1 has not ended"),
            (ended(told, 0.1), "trial 0 was told before"),
            (Trial(99, told.parameters, COMPLETED, 0.1), "trial 99 was never suggested"),
            (Trial(-1, told.parameters, COMPLETED, 0.1), "trial -1 was never suggested"),
            (
                Trial(1, {**under_way.parameters, next(iter(self.space)): -1}, COMPLETED, 0.1),
                "trial 1 has other parameters",
            ),
        ]
        for trial, message in wrong:
            with pytest.raises(ValueError, match=message):
                strategy.tell(trial)
        for each in (strategy, untouched):
            each.tell(result(self.space, under_way))
        assert run(strategy, self.space, 20) == run(untouched, self.space, 20)

    def test_it_learns_from_the_mean_of_the_repeats_that_succeeded(self) -> None:
        once, noisy = self.make(repeats=3), self.make(repeats=3)
        for turn in range(30):
            pairs = list(zip(once.ask(3), noisy.ask(3), strict=True))
            assert all(one == other for one, other in pairs)
            errors = (-0.25, 0.25, None) if turn % 2 else (-0.25, 0.0, 0.25)
            for (one, other), error in zip(pairs, errors, strict=True):
                once.tell(result(self.space, one))
                if error is None:
                    noisy.tell(ended(other, None, FAILED))
                else:
                    noisy.tell(result(self.space, other, error=error))

    # -- the queue ------------------------------------------------------------------------------------------------

    def test_enqueued_configurations_come_first_in_their_order(self) -> None:
        strategy = self.make(self.small)
        strategy.ask(2)
        wanted = [some(self.small, place) for place in (4, 0, 2)]
        known = {identity(s.parameters) for s in self.make(self.small).ask(2)}
        for configuration in wanted:
            strategy.enqueue(configuration)
        expected = [configuration for configuration in wanted if identity(configuration) not in known]
        asked = strategy.ask(len(expected))
        assert identities(asked) == [identity(configuration) for configuration in expected]
        assert all(suggestion.origin == "enqueued" for suggestion in asked)

    def test_an_illegal_configuration_is_refused_with_all_its_problems(self) -> None:
        with pytest.raises(SpecError) as caught:
            self.make(self.small).enqueue({**dict.fromkeys(list(self.small)[1:], "x"), "y": 1})
        assert {problem.field for problem in caught.value.problems} == {*self.small, "y"}

    # -- cost -----------------------------------------------------------------------------------------------------

    def test_asking_and_telling_costs_no_more_after_ten_thousand_trials(self) -> None:
        """Work is counted in function calls, Python's and C's; time depends on the machine."""
        space = self.long
        strategy = self.make(space)
        few = 30 if self.deliberate else 300
        self._advance(strategy, space, 0, 300)
        early = _calls(lambda: run(strategy, space, few))
        self._advance(strategy, space, 300, 9300)
        late = _calls(lambda: run(strategy, space, few))
        assert late < 1.3 * early

    def _advance(self, strategy: Strategy, space: SearchSpace, begin: int, end: int) -> None:
        """Let trials go by; those of a deliberate strategy are chosen for it."""
        if self.deliberate:
            for configuration in islice(space.grid(105), begin, end):
                strategy.enqueue(configuration)
        run(strategy, space, end - begin)


class StrategyContract(SearchContract):
    """What strategies do besides that take any space: a finite one is suggested completely. Subclass this one then."""

    def test_a_finite_space_is_suggested_completely_each_configuration_once(self) -> None:
        strategy = self.make(FINITE)
        history = run(strategy, FINITE, 1000)
        assert sorted(identities(history)) == sorted(identity(configuration) for configuration in FINITE.grid())
        assert strategy.exhausted
        assert list(strategy.ask(3)) == []

    def test_it_is_not_exhausted_before(self) -> None:
        strategy = self.make(FINITE)
        for _ in range(24):
            assert not strategy.exhausted
            (suggestion,) = strategy.ask(1)
            strategy.tell(ended(suggestion, loss(FINITE, suggestion.parameters)))
        assert strategy.exhausted

    def test_a_space_of_one_configuration(self) -> None:
        space = SearchSpace({"depth": IntegerParameter(3, 3), "rate": ContinuousParameter(0.5, 0.5)})
        strategy = self.make(space)
        assert [suggestion.parameters for suggestion in run(strategy, space, 10)] == [{"depth": 3, "rate": 0.5}]
        assert strategy.exhausted

    def test_a_million_asks_are_answered_with_what_there_is(self) -> None:
        strategy = self.make(FINITE)
        asked = list(strategy.ask(1_000_000))
        while asked:
            suggestion = asked.pop()
            strategy.tell(ended(suggestion, 0.0))
            asked += strategy.ask(1_000_000)
        assert strategy.exhausted

    @pytest.mark.parametrize(
        ("status", "objective"),
        [
            (FAILED, None),
            (FAILED, 0.5),
            (COMPLETED, math.nan),
            (COMPLETED, None),
            (STOPPED, None),
            (COMPLETED, math.inf),
        ],
    )
    def test_it_goes_on_when_everything_fails(self, status: TrialStatus, objective: float | None) -> None:
        strategy = self.make(FINITE)
        history: list[Suggestion] = []
        while asked := strategy.ask(1):
            history += asked
            strategy.tell(ended(asked[0], objective, status))
        assert len(history) == 24
        assert strategy.exhausted

    def test_repeats_follow_one_another(self) -> None:
        history = run(self.make(FINITE, repeats=3), FINITE, 1000)
        assert len(history) == 3 * 24
        assert [suggestion.number for suggestion in history] == list(range(3 * 24))
        assert [suggestion.repeat for suggestion in history] == [0, 1, 2] * 24
        for first, second, third in zip(history[::3], history[1::3], history[2::3], strict=True):
            assert identity(first.parameters) == identity(second.parameters) == identity(third.parameters)
            assert first.origin == second.origin == third.origin

    def test_it_is_not_exhausted_in_the_middle_of_repeats(self) -> None:
        strategy = self.make(FINITE, repeats=2)
        history = run(strategy, FINITE, 47)
        assert len(history) == 47
        assert not strategy.exhausted
        assert len(strategy.ask(5)) == 1

    # -- the race -------------------------------------------------------------------------------------------------

    # As above: subclasses are different executors on purpose.
    @settings(
        max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors]
    )
    @given(
        log=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=60),
        least=st.integers(1, 2),
    )
    def test_a_race_in_any_order_can_be_replayed(self, log: list[tuple[int, int, bool]], least: int) -> None:
        """Each entry asks, and tells one of the trials under way; in between, one run looks around and asks in vain."""
        histories = []
        for curious in (False, True):
            strategy = self.make(FINITE, repeats=Repeats(min=least, max=4))
            history: list[Suggestion] = []
            under_way: list[Suggestion] = []
            for count, place, fails in log:
                asked = strategy.ask(count)
                history += asked
                under_way += asked
                if curious:
                    assert not (strategy.exhausted and strategy.ask(1))
                    assert not (len(asked) < count and strategy.ask(1))
                if under_way:
                    told = under_way.pop(place % len(under_way))
                    luck = ((told.number * 7) % 5) / 20
                    value = None if fails and place == 0 else loss(FINITE, told.parameters) + luck
                    strategy.tell(ended(told, value, FAILED if value is None else COMPLETED))
            assert [suggestion.number for suggestion in history] == list(range(len(history)))
            histories.append(history)
        assert histories[0] == histories[1]
        trainings: dict[str, list[int]] = {}
        for suggestion in histories[0]:
            trainings.setdefault(identity(suggestion.parameters), []).append(suggestion.repeat)
        assert all(repeats == list(range(len(repeats))) and len(repeats) <= 4 for repeats in trainings.values())

    def test_a_race_trains_all_and_the_best_most(self) -> None:
        strategy = self.make(FINITE, repeats=Repeats(min=1, max=3))
        trained: dict[str, list[float]] = {}
        while asked := strategy.ask(1):
            luck = ((asked[0].number * 7) % 5 - 2) / 100
            value = loss(FINITE, asked[0].parameters)
            trained.setdefault(identity(asked[0].parameters), []).append(value)
            strategy.tell(ended(asked[0], value + luck))
        assert strategy.exhausted
        assert len(trained) == 24
        assert len(min(trained.values())) == 3
        assert sum(map(len, trained.values())) < 3 * 24

    def test_enqueued_configurations_are_not_suggested_again(self) -> None:
        strategy = self.make(FINITE)
        strategy.enqueue({"subsample": 0.9, "depth": 2, "booster": "dart"})
        history = run(strategy, FINITE, 1000)
        assert len(history) == len(set(identities(history))) == 24

    def test_an_enqueued_configuration_that_was_suggested_is_skipped(self) -> None:
        strategy = self.make(FINITE)
        (first,) = strategy.ask(1)
        strategy.enqueue(first.parameters)
        strategy.enqueue({"subsample": 0.9, "depth": 2, "booster": "dart"})
        strategy.enqueue({"subsample": 0.9, "depth": 2, "booster": "dart"})
        strategy.tell(ended(first, 0.5))
        assert len({first.number, *(suggestion.number for suggestion in run(strategy, FINITE, 1000))}) == 24

    # -- results of earlier searches ------------------------------------------------------------------------------

    def test_what_earlier_searches_trained_is_not_suggested_again(self) -> None:
        strategy = self.make(FINITE)
        earlier = list(FINITE.grid())[5:15]
        strategy.warm_start([(configuration, loss(FINITE, configuration)) for configuration in earlier])
        strategy.enqueue(earlier[3])
        history = run(strategy, FINITE, 1000)
        assert len(history) == len(set(identities(history))) == 14
        assert not set(identities(history)) & {identity(configuration) for configuration in earlier}
        assert [suggestion.number for suggestion in history] == list(range(14))
        assert strategy.exhausted

    def test_nothing_is_left_where_earlier_searches_trained_everything(self) -> None:
        strategy = self.make(FINITE)
        strategy.warm_start([(configuration, 0.5) for configuration in FINITE.grid()])
        assert strategy.exhausted
        assert list(strategy.ask(1)) == []

    def test_an_earlier_result_that_stands_there_twice_counts_with_its_mean(self) -> None:
        once, twice = self.make(), self.make()
        earlier = [MIXED.from_unit(point) for point in POINTS]
        once.warm_start([(configuration, loss(MIXED, configuration)) for configuration in earlier])
        twice.warm_start([(one, loss(MIXED, one) + error) for error in (-0.25, 0.25) for one in earlier])
        assert run(once, MIXED, 20) == run(twice, MIXED, 20)

    def test_earlier_results_are_maximised_as_its_own_are(self) -> None:
        histories = []
        for goal, sign in (("Minimize", 1), ("Maximize", -1)):
            strategy = self.make(goal=goal)
            strategy.warm_start([(one, sign * loss(MIXED, one)) for one in map(MIXED.from_unit, POINTS)])
            histories.append(run(strategy, MIXED, 20, sign=sign))
        assert histories[0] == histories[1]

    def test_origins_name_no_trial_that_is_not_there(self) -> None:
        strategy = self.make()
        strategy.warm_start([(one, loss(MIXED, one)) for one in map(MIXED.from_unit, POINTS)])
        for suggestion in run(strategy, MIXED, 30):
            named = [int(number) for number in re.findall(r"-?\d+", suggestion.origin)]
            assert all(0 <= number < suggestion.number for number in named)

    def test_an_illegal_earlier_result_is_refused(self) -> None:
        with pytest.raises(SpecError):
            self.make(FINITE).warm_start([({"subsample": 0.9, "depth": 9, "booster": "dart"}, 0.5)])

    def test_a_warm_start_is_a_start(self) -> None:
        strategy = self.make(FINITE)
        strategy.ask(1)
        with pytest.raises(ValueError, match="before the first"):
            strategy.warm_start([])


def _calls(work: Any) -> int:
    """Return how many functions are called."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
