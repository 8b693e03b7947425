"""The race, by numbers worked out by hand."""

import math

import pytest

from smtune.errors import SpecError
from smtune.space import IntegerParameter, SearchSpace
from smtune.strategies.racing import Entrant, Pooled, Race, chance_of_being_as_good, student_t_survival
from tests.unit.strategies.steps import ask, build, tell

NOISE = Pooled(1e9, 7)
SPACE = SearchSpace({"x": IntegerParameter(0, 9)})


@pytest.mark.parametrize(
    ("t", "freedom", "chance"),
    [  # quantiles as tables print them, and closed forms of one and two degrees of freedom
        (6.313752, 1, 0.05),
        (2.919986, 2, 0.05),
        (2.015048, 5, 0.05),
        (2.228139, 10, 0.025),
        (2.750, 30, 0.005),
        (1.0, 1, 0.25),
        (1.5, 2, 0.5 * (1 - 1.5 / math.sqrt(2 + 1.5**2))),
    ],
)
def test_student_t(t, freedom, chance):
    assert student_t_survival(t, freedom) == pytest.approx(chance, rel=2e-5)
    assert student_t_survival(-t, freedom) == pytest.approx(1 - chance, rel=2e-5)


def test_three_common_repeats_are_compared_in_pairs():
    # Differences 0.1, 0.3, 0.2: t = 0.2 / (0.1 / sqrt(3)) = sqrt(12) with two degrees of freedom.
    challenger, incumbent = {0: 1.0, 1: 1.2, 2: 1.1}, {0: 0.9, 1: 0.9, 2: 0.9, 3: 99.0}
    expected = 0.5 * (1 - math.sqrt(12 / 14))
    assert chance_of_being_as_good(challenger, incumbent, NOISE, NOISE) == pytest.approx(expected)
    better = {repeat: 1.8 - loss for repeat, loss in challenger.items()}
    assert chance_of_being_as_good(better, incumbent, NOISE, NOISE) == pytest.approx(1 - expected)


def test_fewer_are_compared_by_the_pooled_variance():
    # s^2 = 2 / 3; t = (2 - 1) / sqrt(2 / 3 * (1 + 1 / 4)) = sqrt(6 / 5) with three degrees of freedom.
    angle = math.atan(math.sqrt(6 / 5 / 3))
    expected = 0.5 - (angle + math.sin(angle) * math.cos(angle)) / math.pi
    assert chance_of_being_as_good({0: 2.0}, {0: 0.0, 1: 1.0, 2: 2.0, 3: 1.0}, Pooled(2.0, 3), NOISE) == pytest.approx(
        expected
    )


def test_or_by_that_of_differences_where_repeats_are_hard_for_all():
    # The difference 0.5 in the one common repeat has the variance 1 / 4: t = 1 with one degree of freedom.
    assert chance_of_being_as_good({1: 9.5}, {0: 0.0, 1: 9.0}, NOISE, Pooled(0.25, 1)) == pytest.approx(0.25)


def test_without_any_repeat_nothing_can_be_told():
    assert chance_of_being_as_good({0: 9.0}, {0: 1.0}, Pooled(), Pooled()) is None


@pytest.mark.parametrize(("loss", "chance"), [(1.1, 0.0), (1.0, 1.0), (0.9, 1.0)])
def test_without_noise_one_training_decides(loss, chance):
    assert chance_of_being_as_good({0: loss}, {0: 1.0, 1: 1.0}, Pooled(0.0, 1), NOISE) == chance


def run(race, entrant, losses):
    """Train until the race of the entrant is over, and return how often that was."""
    for repeat, loss in enumerate(losses):
        race.record(entrant, repeat, loss)
        if not race.goes_on(entrant):
            return entrant.trained
    return None


def test_the_first_is_trained_as_often_as_possible_and_a_hopeless_one_once():
    race = Race(most=4, level=0.05)
    assert run(race, Entrant(0), [1.0, 1.1, 0.9, 1.0]) == 4
    assert run(race, Entrant(4), [2.0]) == 1
    assert run(race, Entrant(5), [1.05, 1.0, 1.05, 1.0]) == 4
    assert run(race, Entrant(9), [1.02, 1.12, 0.92]) == 3  # always worse by the same: no doubt is left


def test_a_lucky_training_is_put_to_the_test():
    race = Race(most=3, level=0.05)
    run(race, Entrant(0), [1.0, 1.1, 0.9])
    lucky = Entrant(3)
    assert run(race, lucky, [0.1, 1.4, 1.5]) == 3
    # The first one is still the best, and whoever is clearly worse than it is dropped.
    assert run(race, Entrant(6), [9.0]) == 1


def test_a_configuration_that_fails_is_trained_no_more():
    race = Race(most=3, level=0.05)
    assert run(race, Entrant(0), [0.5, None]) == 2
    assert run(race, Entrant(2), [None]) == 1


def test_before_any_is_complete_the_incumbent_has_as_many_trainings():
    race = Race(most=9, level=0.05)
    slow, ahead = Entrant(0), Entrant(1)
    for repeat, loss in enumerate((1.0, 1.1, 0.9)):
        race.record(ahead, repeat, loss)
        assert race.goes_on(ahead)
    race.record(slow, 0, 5.0)
    assert not race.goes_on(slow)  # `ahead` has more trainings, and is better
    race.record(lonely := Entrant(2), 0, 0.1)
    assert race.goes_on(lonely)
    race.record(ahead, 3, 1.0)
    assert race.goes_on(ahead)  # the better one has fewer trainings: no reason to give up


def race(strategy, losses):
    """Ask and tell one at a time; return what was trained."""
    trained = []
    while suggestions := strategy.ask(1):
        x, repeat = suggestions[0].parameters["x"], suggestions[0].repeat
        trained.append((x, repeat))
        tell(strategy, suggestions[0], losses[x][repeat])
    return trained


def manual(*values):
    return {"type": "manual", "configurations": [{"x": x} for x in values]}


def test_a_race_by_hand():
    strategy = build(manual(1, 2, 3), SPACE, repeats={"min": 1, "max": 3})
    losses = {1: [1.0, 1.1, 0.9], 2: [9.0], 3: [0.5, 0.6, 0.4]}
    assert race(strategy, losses) == [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (3, 1), (3, 2)]
    assert strategy.exhausted


def test_every_configuration_gets_the_least_number_of_trainings_in_a_row():
    strategy = build(manual(1, 2), SPACE, repeats={"min": 2, "max": 3})
    assert race(strategy, {1: [1.0, 1.1, 0.9], 2: [9.0, 8.9]}) == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]


def test_nobody_waits_while_a_new_configuration_can_be_proposed():
    strategy = build(manual(1, 2, 3), SPACE, repeats={"min": 1, "max": 3})
    first, second, third = strategy.ask(9)
    assert [s.parameters["x"] for s in (first, second, third)] == [1, 2, 3]
    assert not strategy.ask(1)
    assert not strategy.exhausted  # any of them may be trained again
    tell(strategy, second, 0.5)
    again = ask(strategy)
    assert (again.number, again.parameters["x"], again.repeat) == (3, 2, 1)
    tell(strategy, first, 0.4)
    assert [(s.parameters["x"], s.repeat) for s in strategy.ask(9)] == [(1, 1)]


def test_a_chain_counts_the_first_trainings():
    steps = [{"strategy": "random", "trials": 2}, {"strategy": {"type": "manual", "configurations": [{"x": 5}]}}]
    strategy = build({"type": "chain", "steps": steps}, SPACE, repeats={"min": 1, "max": 4})
    origins = {}
    while suggestions := strategy.ask(1):
        origins[suggestions[0].parameters["x"]] = suggestions[0].origin
        tell(strategy, suggestions[0], float(suggestions[0].number))
    assert sorted(origins.values())[-2:] == ["random", "random"]
    assert 2 <= len(origins) <= 3


@pytest.mark.parametrize("repeats", [{"min": 3, "max": 2}, {"min": 0, "max": 2}, {"most": 3}, "three", True])
def test_wrong_repeats_are_refused(repeats):
    with pytest.raises(SpecError, match="repeats"):
        build("random", SPACE, repeats=repeats)


@pytest.mark.parametrize("most", [2, 3, 5])
def test_huge_losses_do_not_end_a_race(most):
    race = Race(most=most, level=0.05)
    rows = [[1.7e308] * 5, [-1.7e308, 1.7e308, -1.7e308, 1e308, 1.0], [-1.7e308] * 5, [0.1, 0.2, 0.1, 0.2, 0.1]]
    assert all(1 <= run(race, Entrant(number), losses) <= most for number, losses in enumerate(rows * 2))


def test_losses_too_large_to_be_told_apart():
    wide = Pooled(math.inf, 1)
    assert chance_of_being_as_good({0: 1.0}, {0: 0.0}, wide, wide) is None
    constant = {0: 1.7e308, 1: 1.7e308, 2: 1.7e308}
    assert chance_of_being_as_good(constant, {k: -loss for k, loss in constant.items()}, NOISE, NOISE) is None


def test_infinitely_worse_is_worse():
    assert chance_of_being_as_good({0: 1.7e308}, {0: -1.7e308}, Pooled(1.0, 1), Pooled()) == 0.0
