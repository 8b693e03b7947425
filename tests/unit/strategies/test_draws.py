"""Random numbers with names."""

import statistics

import pytest

from smtune.strategies.draws import Draws

MANY = range(4000)


def test_they_are_the_same_on_every_platform_and_version():
    """These numbers must never change: resumed jobs and published results depend on them."""
    draws = Draws(7, "random")
    assert [draws.bits(number, "eta") for number in range(3)] == [
        16828495051843985237,
        13163316168714913622,
        7025882496505142996,
    ]
    assert draws.uniform(0, "eta") == 0.9122745447435404
    assert draws.normal(0, "eta") == pytest.approx(-0.16556308992918367, rel=1e-12)
    assert draws.permutation(6, "eta") == [4, 1, 2, 3, 5, 0]


def test_a_draw_depends_on_its_key_alone():
    draws = Draws(7)
    first = draws.uniform("eta", 3)
    draws.uniform("depth", 3)
    assert draws.uniform("eta", 3) == first == Draws(7, "eta").uniform(3) == Draws().within(7, "eta").uniform(3)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc"), ("ab", "c")), (("a",), ("a", "")), ((1, 23), (12, 3)), (("1:a",), ("1", "a")), ((), ("",))],
)
def test_no_two_keys_look_alike(one, other):
    assert Draws(*one).bits() != Draws(*other).bits()
    assert Draws().bits(*one) != Draws().bits(*other)


def test_any_name_is_a_key():
    assert len({Draws().bits(name) for name in ("\0", "η", "\ud800", " ", "a\nb")}) == 5


def test_uniform_numbers_fill_the_unit_interval_evenly():
    drawn = sorted(Draws(1).uniform(number) for number in MANY)
    # Largest distance from the identity, which Kolmogorov's test accepts at the 5 % level.
    distance = max(abs(value - rank / len(MANY)) for rank, value in enumerate(drawn))
    assert distance < 1.36 / len(MANY) ** 0.5
    assert all(0 <= value < 1 for value in drawn)


def test_normal_numbers_have_mean_zero_and_variance_one():
    drawn = [Draws(1).normal(number) for number in MANY]
    assert statistics.fmean(drawn) == pytest.approx(0, abs=0.05)
    assert statistics.pstdev(drawn) == pytest.approx(1, abs=0.05)
    assert sum(abs(value) < 1.96 for value in drawn) / len(MANY) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_indices_are_equally_likely(count):
    drawn = [Draws(1).index(count, number) for number in MANY]
    assert {drawn.count(index) > 0.85 * len(MANY) / count for index in range(count)} == {True}
    assert set(drawn) == set(range(count))


def test_indices_of_huge_ranges_stay_inside():
    assert all(0 <= Draws(1).index(10**30, number) < 10**30 for number in range(100))


def test_choices_and_permutations():
    assert {Draws(1).choice("abc", number) for number in range(50)} == set("abc")
    orders = {tuple(Draws(1).permutation(3, number)) for number in range(200)}
    assert len(orders) == 6
