import pytest

from smtune.metric_lines import BoundedSearch, Found

HOPELESS = "a" * 40


def test_lines_are_counted_over_all_that_is_fed():
    with BoundedSearch({"loss": r"loss=(\S+)", "auc": r"auc=(\S*)"}) as search:
        search.feed(["loss=1 auc=", "loss=x loss=2", "nothing"])
        search.feed([])
        search.feed(["loss=3"] * 1000)
        assert search.found == {"loss": Found(1002, 1002), "auc": Found(1, 0)}
        assert search.slow == {}


@pytest.mark.parametrize("regex", [r"\tauc:(\S+)", r"#011auc:(\S+)", r"^auc=(\S+)", r"#015auc=(\S+)"])
def test_a_line_is_searched_as_printed_and_as_cloudwatch_shows_it(regex):
    with BoundedSearch({"auc": regex}) as search:
        search.feed(["[0]\tauc:0.5 \rauc=0.5"])
        assert search.found == {"auc": Found(1, 1)}


def test_a_regex_without_end_is_given_up_and_the_others_go_on():
    regexes = {"a": r"a=(\d)", "slow": "(a*)*b", "b": r"b=(\d)", "slow too": "(a+)+c", "c": r"c=(\d)"}
    with BoundedSearch(regexes, seconds=0.05) as search:
        search.feed(["a=1 b=2 c=3"] * 256 + [HOPELESS] + ["a=1 b=2 c=3"] * 300)
        assert search.slow == {"slow": (257, 512), "slow too": (257, 512)}
        assert [search.found[name] for name in "abc"] == [Found(556, 556)] * 3


def test_time_is_given_anew_for_the_next_lines():
    with BoundedSearch({"a": r"a=(\d)"}, seconds=0.2) as search:
        for _ in range(20):
            search.feed(["x" * 4000] * 256)
        assert search.slow == {}


def test_only_the_beginning_of_a_long_line_is_searched():
    with BoundedSearch({"a": r"a=(\d)"}) as search:
        search.feed(["a=1" + "x" * 70_000, "x" * 70_000 + "a=1"])
        assert search.found == {"a": Found(1, 1)}


def test_closing_twice_is_closing_once():
    search = BoundedSearch({"a": r"a=(\d)"})
    search.feed(["a=1"])
    search.close()
    search.close()
    search.feed(["a=2"])
    assert search.found == {"a": Found(2, 2)}
    search.close()
