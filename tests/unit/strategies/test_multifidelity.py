"""Strategies that give trials resources: who is suggested, with how much, and that a log brings it all back."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtune.errors import SpecError
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.spec import AshaConfig, Goal, HyperbandConfig, read_strategy
from smtune.strategies import build_strategy
from smtune.strategies.bookkeeping import SuggestedConfigurations
from smtune.strategies.multifidelity import LevelSampler
from smtune.strategies.proposer import Outcome, Proposal
from smtune.trial import Trial, TrialStatus

LINE = SearchSpace({"x": ContinuousParameter(0.0, 1.0)})
FINITE = SearchSpace({"depth": IntegerParameter(1, 4), "booster": CategoricalParameter(["gbtree", "dart", "linear"])})
"""12 configurations."""

COMPLETED, FAILED, STOPPED = TrialStatus.Completed, TrialStatus.Failed, TrialStatus.Stopped


def build(strategy="hyperband", space=LINE, *, goal="Minimize", max_trials=None, most=9, **settings):
    config = read_strategy({"type": strategy, "resource": {"epochs": most}, **settings})
    return build_strategy(config, space, goal=Goal.parse(goal), seed=3, max_trials=max_trials)


def told(suggestion, objective, *, whole=9, status=None):
    """Return a trial that has used its resource: paused, or at its end."""
    paused = suggestion.resource < whole and status is None
    return Trial(
        suggestion.number,
        suggestion.parameters,
        status or (STOPPED if paused else COMPLETED),
        objective,
        resource=suggestion.resource,
        paused=paused,
    )


def run(strategy, loss, *, whole=9, trials=10_000):
    """Ask and tell one trial at a time; return the numbers and resources in their order."""
    history: list[tuple[int, int | None]] = []
    while len(history) < trials and (asked := strategy.ask(1)):
        history.append((asked[0].number, asked[0].resource))
        strategy.tell(told(asked[0], loss(asked[0]), whole=whole))
    return history


# --- the order of things ------------------------------------------------------------------------------------------


def test_a_round_of_hyperband_one_trial_at_a_time():
    history = run(build(max_trials=17), lambda suggestion: -suggestion.number)
    first = [(number, 1) for number in range(9)] + [(8, 3), (7, 3), (6, 3), (8, 9)]
    second = [(number, 3) for number in range(9, 14)] + [(13, 9)]
    assert history == first + second + [(number, 9) for number in range(14, 17)]


def test_when_larger_is_better():
    smaller = run(build(max_trials=17), lambda suggestion: suggestion.parameters["x"])
    larger = run(build(max_trials=17, goal="Maximize"), lambda suggestion: -suggestion.parameters["x"])
    assert smaller == larger


def test_one_bracket_is_successive_halving():
    history = run(build(max_trials=18, brackets=1), lambda suggestion: suggestion.number)
    once = [(number, 1) for number in range(9)] + [(0, 3), (1, 3), (2, 3), (0, 9)]
    assert history == once + [(number + 9, resource) for number, resource in once]


def test_asha_promotes_as_soon_as_it_can():
    history = run(build("asha", max_trials=9), lambda suggestion: suggestion.number)
    assert history == [
        (0, 1),
        (1, 1),
        (2, 1),
        (0, 3),
        (3, 1),
        (4, 1),
        (5, 1),
        (1, 3),
        (6, 1),
        (7, 1),
        (8, 1),
        (2, 3),
        (0, 9),
    ]


def test_a_promoted_trial_keeps_its_number_its_parameters_and_its_origin():
    strategy = build(max_trials=9)
    first = strategy.ask(9)
    for suggestion in first:
        strategy.tell(told(suggestion, suggestion.number))
    again = strategy.ask(9)
    assert [(one.number, one.resource) for one in again] == [(0, 3), (1, 3), (2, 3)]
    assert [(one.parameters, one.origin, one.repeat) for one in again] == [
        (one.parameters, one.origin, 0) for one in first[:3]
    ]
    again[0].parameters["x"] = 9.0  # whoever changes these does not change the search
    strategy.tell(Trial(0, first[0].parameters, STOPPED, 0.0, resource=3, paused=True))


def test_the_number_of_trials_is_a_limit_on_configurations():
    strategy = build(max_trials=4)
    history = run(strategy, lambda suggestion: suggestion.number)
    assert history == [(0, 1), (1, 1), (2, 1), (3, 1), (0, 3), (0, 9)]
    assert strategy.exhausted
    strategy.enqueue({"x": 0.25})
    assert list(strategy.ask(1)) == []


def test_a_finite_space_ends_the_search_with_a_last_comparison():
    history = run(build(space=FINITE), lambda suggestion: suggestion.number)
    first = [(number, 1) for number in range(9)] + [(0, 3), (1, 3), (2, 3), (0, 9)]
    assert history == [*first, (9, 3), (10, 3), (11, 3), (9, 9)]


def test_enqueued_configurations_begin_at_the_lowest_rung():
    strategy = build()
    strategy.enqueue({"x": 0.25})
    strategy.enqueue({"x": 0.25})
    asked = strategy.ask(2)
    assert [(one.parameters["x"] == 0.25, one.origin, one.resource) for one in asked] == [
        (True, "enqueued", 1),
        (False, "initial", 1),
    ]


@pytest.mark.parametrize("objective", [None, math.nan, math.inf])
def test_a_pause_without_a_usable_objective_is_the_end(objective):
    strategy = build(max_trials=3)
    asked = strategy.ask(3)
    for suggestion, value in zip(asked, (objective, 0.5, 0.6), strict=True):
        strategy.tell(told(suggestion, value))
    assert [(one.number, one.resource) for one in strategy.ask(3)] == [(1, 3)]


def test_wrong_tells_are_refused_whether_before_or_after_a_promotion():
    strategy = build(max_trials=3)
    asked = strategy.ask(3)
    for suggestion in asked:
        strategy.tell(told(suggestion, suggestion.number))
    with pytest.raises(ValueError, match="trial 0 was told before"):
        strategy.tell(told(asked[0], 0.0))
    (again,) = strategy.ask(3)
    with pytest.raises(ValueError, match="trial 0 has other parameters"):
        strategy.tell(Trial(0, {"x": -1.0}, COMPLETED, 0.0))
    strategy.tell(told(again, 0.0))
    with pytest.raises(ValueError, match="trial 0 was told before"):
        strategy.tell(told(again, 0.0))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"type": "evolutionary", "patience": 3}, ("sampler.patience", 3)),
        ({"type": "evolutionary", "max_generations": 2}, ("sampler.max_generations", 2)),
    ],
)
def test_a_sampler_does_not_end_the_search(fields, fault):
    with pytest.raises(SpecError) as caught:
        build(sampler=fields)
    (problem,) = caught.value.problems
    assert (problem.field, problem.value) == fault
    assert "limits.max_trials" in problem.fix


def test_resources_and_repeats_are_checked_together():
    for config in (HyperbandConfig(), AshaConfig()):
        with pytest.raises(SpecError) as caught:
            build_strategy(config, LINE, goal=Goal.Minimize, seed=0, repeats=2)
        assert [problem.field for problem in caught.value.problems] == ["resource", "repeats"]


# --- any interleaving ---------------------------------------------------------------------------------------------

STRATEGIES = st.sampled_from(
    [
        {"strategy": "hyperband"},
        {"strategy": "hyperband", "brackets": 1, "eta": 2},
        {"strategy": "hyperband", "sampler": {"type": "evolutionary", "population": 2}},
        {"strategy": "asha"},
        {"strategy": "asha", "eta": 2, "sampler": {"type": "evolutionary", "population": 2}},
    ]
)
TURNS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 9), st.sampled_from("pppppcfn"), st.integers(0, 9), st.booleans()),
    max_size=60,
)
"""How many to ask for, whom to tell, how it ended, its loss, and whether something is enqueued."""


class Conversation:
    """A strategy, those under way, and the log of what it suggested and was told."""

    def __init__(self, fields, max_trials):
        self.strategy = build(space=FINITE, max_trials=max_trials, **fields)
        self.under_way = []
        self.log = []

    def ask(self, count):
        asked = self.strategy.ask(count)
        assert len(asked) <= count
        self.log += [("asked", one) for one in asked]
        self.under_way += asked
        return asked

    def tell(self, place, outcome, loss):
        suggestion = self.under_way.pop(place % len(self.under_way))
        value = None if outcome == "f" else math.nan if outcome == "n" else float(loss)
        status = {"c": COMPLETED, "f": FAILED}.get(outcome)  # else it pauses, unless it was a whole training
        trial = told(suggestion, value, status=status)
        self.strategy.tell(trial)
        self.log.append(("told", trial))

    def enqueue(self, configuration):
        self.strategy.enqueue(configuration)
        self.log.append(("enqueued", configuration))

    def play(self, turns, *, curious=False):
        for count, place, outcome, loss, enqueues in turns:
            if enqueues:
                self.enqueue({"depth": 1 + place % 4, "booster": "dart"})
            self.ask(count)
            if curious:
                assert not (self.strategy.exhausted and self.ask(1))
            if self.under_way:
                self.tell(place, outcome, loss)


@settings(max_examples=150, deadline=None)
@given(fields=STRATEGIES, max_trials=st.sampled_from([None, 1, 5, 11]), turns=TURNS)
def test_any_interleaving_can_be_replayed(fields, max_trials, turns):
    """As a job does after a kill: every suggestion of the log is asked for anew, singly; asks that gave none are not."""
    whole = Conversation(fields, max_trials)
    whole.play(turns)
    again = build(space=FINITE, max_trials=max_trials, **fields)
    for kind, what in whole.log:
        if kind == "asked":
            assert list(again.ask(1)) == [what]
        elif kind == "told":
            again.tell(what)
        else:
            again.enqueue(what)
    assert again.exhausted == whole.strategy.exhausted
    assert again.ask(5) == whole.strategy.ask(5)


@settings(max_examples=150, deadline=None)
@given(fields=STRATEGIES, max_trials=st.sampled_from([None, 1, 5, 11]), turns=TURNS)
def test_looking_around_changes_nothing(fields, max_trials, turns):
    indifferent, curious = Conversation(fields, max_trials), Conversation(fields, max_trials)
    indifferent.play(turns)
    curious.play(turns, curious=True)
    assert curious.log == indifferent.log


@settings(max_examples=150, deadline=None)
@given(fields=STRATEGIES, max_trials=st.sampled_from([None, 1, 5, 11]), turns=TURNS)
def test_no_trial_gets_less_than_before_nor_more_than_a_whole_training(fields, max_trials, turns):
    conversation = Conversation(fields, max_trials)
    conversation.play(turns)
    parameters: dict[int, object] = {}
    used: dict[int, int] = {}
    ended: set[int] = set()
    for kind, what in conversation.log:
        if kind == "asked":
            assert what.number not in ended
            assert used.get(what.number, 0) < what.resource <= 9
            used[what.number] = what.resource
            assert parameters.setdefault(what.number, what.parameters) == what.parameters
        elif kind == "told" and not (what.paused and what.objective is not None and math.isfinite(what.objective)):
            ended.add(what.number)
    assert list(parameters) == list(range(len(parameters)))
    assert len(parameters) <= min(max_trials or 12, 12)
    assert len({str(one) for one in parameters.values()}) == len(parameters)


@settings(max_examples=150, deadline=None)
@given(fields=STRATEGIES, max_trials=st.sampled_from([None, 1, 5, 11]), turns=TURNS)
def test_it_is_exhausted_when_nobody_can_go_on_and_not_before(fields, max_trials, turns):
    """Once all trials have ended or paused, either the next ask gives something or nothing ever comes."""
    conversation = Conversation(fields, max_trials)
    conversation.play(turns)
    while True:
        while conversation.under_way:
            assert not conversation.strategy.exhausted
            conversation.tell(0, "p", 1.0)
        exhausted = conversation.strategy.exhausted
        if not conversation.ask(1):
            break
        assert not exhausted
    assert exhausted
    assert len({what.number for kind, what in conversation.log if kind == "asked"}) == min(max_trials or 12, 12)


# --- what models learn from ---------------------------------------------------------------------------------------


class Diary:
    """A proposer that keeps what it learns from."""

    def __init__(self):
        self.learnt = []

    def propose(self, number, memory):
        return Proposal({"x": float(number)}, f"after {len(self.learnt)}")

    def learn(self, outcome, memory):
        self.learnt.append((outcome.number, outcome.loss))

    def exhausted(self, memory):
        return False


def sampler(*, learns=True):
    built = []

    def build_diary():
        built.append(Diary())
        return built[-1]

    return LevelSampler(build_diary, rungs=3, learns=learns, enough=10), built


def learn(levels, rung, numbers, *, failed=()):
    for number in numbers:
        loss = None if number in failed else number / 100
        levels.learn(rung, Outcome(number, {"x": float(number)}, loss), SuggestedConfigurations())


def test_a_model_learns_from_the_lowest_rung_first():
    levels, (diary,) = sampler()
    learn(levels, 0, range(3))
    learn(levels, 1, [2])
    assert diary.learnt == [(0, 0.0), (1, 0.01), (2, 0.02)]


def test_a_new_model_learns_from_the_higher_rung_once_it_has_ten_results():
    levels, built = sampler()
    learn(levels, 0, range(30))
    learn(levels, 1, range(10), failed={4})
    assert len(built) == 1
    learn(levels, 1, [10])
    assert len(built) == 2
    assert built[1].learnt == [(number, None if number == 4 else number / 100) for number in range(11)]
    learn(levels, 0, [30])  # of no interest any more
    learn(levels, 1, [11])
    assert built[1].learnt[-1] == (11, 0.11)
    assert len(built[0].learnt) == 30
    proposal = levels.propose(40, SuggestedConfigurations())
    assert proposal.origin == "after 12"


def test_a_rung_may_be_passed_over():
    levels, built = sampler()
    learn(levels, 2, range(10))
    learn(levels, 1, range(10))
    assert len(built) == 2
    assert len(built[1].learnt) == 10


def test_what_does_not_learn_is_not_told():
    levels, built = sampler(learns=False)
    learn(levels, 0, range(20))
    learn(levels, 1, range(20))
    assert len(built) == 1
    assert built[0].learnt == []
