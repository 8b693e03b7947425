"""How many trials get how much: numbers from the papers, and by hand."""

import itertools

import pytest

from smtune.spec import AshaConfig, HyperbandConfig
from smtune.strategies.multifidelity import hyperband_brackets, outline, rung_resources


@pytest.mark.parametrize(
    ("least", "most", "eta", "resources"),
    [
        (1, 81, 3, (1, 3, 9, 27, 81)),
        (1, 1, 3, (1,)),
        (7, 7, 2, (7,)),
        (5, 100, 3, (11, 33, 100)),  # 100/27 is less than 5
        (5, 100, 4, (6, 25, 100)),
        (5, 100, 2, (6, 12, 25, 50, 100)),  # 6.25 and 12.5, rounded
        (1, 16, 4, (1, 4, 16)),
        (3, 10, 3, (3, 10)),  # 3.33, rounded
        (1, 2, 3, (2,)),  # a third of it is less than 1
        (9, 10, 2, (10,)),
        (1, 243, 3, (1, 3, 9, 27, 81, 243)),  # 243/3/3/3/3/3 is 1, whatever floats make of it
        (10, 1000, 10, (10, 100, 1000)),
    ],
)
def test_rungs_lie_a_factor_apart_from_the_whole_downwards(least, most, eta, resources):
    assert rung_resources(least, most, eta) == resources


def table(least, most, eta):
    return [[(rung.size, rung.resource) for rung in bracket] for bracket in hyperband_brackets(least, most, eta)]


def test_the_brackets_of_81_are_those_of_the_paper():
    """Li et al. (2018), algorithm 1 with R = 81 and eta = 3: n = 81, 34, 15, 8, 5."""
    assert table(1, 81, 3) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


@pytest.mark.parametrize(
    ("least", "most", "eta", "brackets"),
    [
        (7, 7, 3, [[(1, 7)]]),
        (1, 2, 3, [[(1, 2)]]),
        (5, 100, 2, [
            [(16, 6), (8, 12), (4, 25), (2, 50), (1, 100)],
            [(10, 12), (5, 25), (2, 50), (1, 100)],
            [(7, 25), (3, 50), (1, 100)],
            [(5, 50), (2, 100)],
            [(5, 100)],
        ]),
        (5, 100, 4, [[(16, 6), (4, 25), (1, 100)], [(6, 25), (1, 100)], [(3, 100)]]),
    ],
)  # fmt: skip
def test_brackets_of_odd_ranges(least, most, eta, brackets):
    assert table(least, most, eta) == brackets


@pytest.mark.parametrize("eta", [2, 3, 4, 5])
@pytest.mark.parametrize(("least", "most"), [(1, 1), (1, 2), (2, 3), (1, 10), (5, 100), (99, 100), (1, 6561)])
def test_every_bracket_ends_with_a_whole_training(least, most, eta):
    for bracket in hyperband_brackets(least, most, eta):
        assert bracket[-1].resource == most
        assert all(least <= rung.resource <= most and rung.size >= 1 for rung in bracket)
        assert all(low.resource < high.resource for low, high in itertools.pairwise(bracket))
        assert all(low.size >= high.size for low, high in itertools.pairwise(bracket))


def lines(config, trials):
    return outline(config, config.resource, max_trials=trials)


def test_the_outline_of_a_search_that_only_time_ends():
    assert lines(HyperbandConfig.model_validate({"resource": {"epochs": "1 to 3"}}), None) == [
        "bracket 1: 3 trials with epochs = 1, the best 1 with 3",
        "bracket 2: 2 trials with epochs = 3",
        "and again from bracket 1, until the time of the job is over",
    ]


def test_the_outline_shows_a_bracket_with_fewer_trials_than_its_share():
    """9 + 3 * 2 + 1 * 6 = 21, then 3 * 3 + 1 * 6 = 15."""
    assert lines(HyperbandConfig.model_validate({"resource": {"num_round": [1, 9]}}), 12) == [
        "bracket 1: 9 trials with num_round = 1, the best 3 with 3, the best 1 with 9",
        "bracket 2: 3 trials with num_round = 3, the best 1 with 9",
        "num_round in all: 36, if trials go on from checkpoints; 12 whole trainings take 108",
    ]


def test_a_long_outline_is_cut():
    told = lines(HyperbandConfig.model_validate({"resource": {"epochs": 1}}), 1000)
    assert len(told) == 9
    assert told[-2] == "... and 993 further brackets"
    assert told[-1] == "epochs in all: 1000, if trials go on from checkpoints; 1000 whole trainings take 1000"
    assert len(lines(HyperbandConfig.model_validate({"resource": {"epochs": 1}}), 8)) == 9


def test_one_bracket_is_successive_halving():
    told = lines(HyperbandConfig.model_validate({"resource": {"epochs": 9}, "brackets": 1}), 10)
    assert told[1] == "bracket 2: 1 trial with epochs = 1, the best 1 with 3, the best 1 with 9"
    assert told[2].startswith("epochs in all: 30,")  # 9 + 6 + 6, and 9


def test_the_outline_of_asha():
    """9 + 3 * 2 + 1 * 6 = 21."""
    assert lines(AshaConfig.model_validate({"resource": {"epochs": 9}}), 9) == [
        "every trial with epochs = 1; whoever is among the best 1/3 so far goes on, to 3, 9",
        "epochs in all: about 21, if trials go on from checkpoints; 9 whole trainings take 81",
    ]
    assert len(lines(AshaConfig.model_validate({"resource": {"epochs": 9}}), None)) == 1
    assert lines(AshaConfig.model_validate({"resource": {"epochs": [9, 9]}}), 4) == ["every trial with epochs = 9"]
    assert lines(AshaConfig.model_validate({"resource": {"epochs": 9}}), 1)[1].endswith("1 whole training takes 9")
