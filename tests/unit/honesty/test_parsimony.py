import pytest

from smtune.honesty import evaluate, pick
from smtune.trial import Trial, TrialStatus


def configuration(number, loss, *, error=0.1, seconds=10.0, depth=5, **metrics):
    reported = metrics | ({} if error is None else {"loss:se": error})
    trial = Trial(
        number, {"depth": depth, "kind": "a"}, TrialStatus.Completed, loss, reported, started_at=0.0, ended_at=seconds
    )
    return evaluate([trial], trainings=1, metric="loss", sign=1)


def chosen(*configurations, prefer="seconds"):
    found = pick(configurations, configurations[0], prefer=prefer, metric="loss")
    return found.evaluation.trial.number, found.reason


def test_the_cheapest_within_one_standard_error():
    near = [configuration(0, 1.0), configuration(1, 1.05, seconds=4.0), configuration(2, 1.1, seconds=3.0)]
    far = configuration(3, 1.11, seconds=1.0)
    assert chosen(*near, far) == (2, "within one standard error, 0.1, of the best; seconds 3 instead of 10")


def test_the_best_is_kept_where_it_is_the_cheapest():
    assert chosen(configuration(0, 1.0, seconds=1.0), configuration(1, 1.01)) == (
        0,
        "nothing within one standard error, 0.1, of the best takes 10% less seconds",
    )


@pytest.mark.parametrize(("seconds", "number"), [(9.9, 0), (9.1, 0), (9.0, 1), (8.0, 1)])
def test_seconds_count_from_a_tenth_on(seconds, number):
    assert chosen(configuration(0, 1.0), configuration(1, 1.01, seconds=seconds))[0] == number


def test_of_those_that_take_about_as_long_the_better_is_taken():
    others = [(1.09, 3.0), (1.05, 3.3), (1.01, 3.4)]
    near = [configuration(number, loss, seconds=seconds) for number, (loss, seconds) in enumerate(others, start=1)]
    assert chosen(configuration(0, 1.0), *near)[0] == 2


@pytest.mark.parametrize(("leaves", "number"), [(899.0, 1), (900.0, 0)])
def test_of_a_metric_any_difference_counts(leaves, number):
    configurations = [configuration(0, 1.0, leaves=900.0), configuration(1, 1.02, leaves=leaves)]
    assert chosen(*configurations, prefer="leaves") == (
        number,
        "within one standard error, 0.1, of the best; leaves 899 instead of 900"
        if number
        else "nothing within one standard error, 0.1, of the best has less leaves",
    )


def test_among_equally_cheap_ones_the_better_is_taken():
    others = [configuration(1, 1.09, depth=2), configuration(2, 1.02, depth=2)]
    assert chosen(configuration(0, 1.0), *others, prefer="depth")[0] == 2


def test_a_metric_may_be_the_cost():
    leaves = {"leaves": 900.0}
    other = configuration(1, 1.02, leaves=30.0)
    assert chosen(configuration(0, 1.0, **leaves), other, configuration(2, 1.0), prefer="leaves")[0] == 1


def test_without_a_standard_error_the_best_is_kept_and_what_is_missing_is_named():
    number, reason = chosen(configuration(0, 1.0, error=None), configuration(1, 1.0, seconds=0.1))
    assert (number, reason) == (0, "its standard error is not known: set repeats: 3, or report loss:se")


@pytest.mark.parametrize("prefer", ["leaves", "kind"])
def test_without_a_cost_the_best_is_kept(prefer):
    number, reason = chosen(configuration(0, 1.0), configuration(1, 1.0), prefer=prefer)
    assert (number, reason) == (0, f"it has no {prefer} to compare: name a parameter, a metric, or seconds")
