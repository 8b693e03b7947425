import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtune.metric_lines import NUMBER, corrected, groups_of, not_portable


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of sets that may become nested
@given(st.text(r"ab()[]^\?:P<>=!|*", max_size=12))
def test_groups_are_those_that_python_counts(source):
    try:
        pattern = re.compile(source)
    except (re.error, OverflowError, RecursionError):
        assume(False)
    groups = groups_of(source)
    assert len(groups) == pattern.groups
    for group in groups:
        assert source[group.start] == "("
        assert source[group.end - 1] == ")"
        assert group.start < group.inner < group.end


@pytest.mark.parametrize(
    ("source", "inner"),
    [
        (r"loss=(\S+)", [r"\S+"]),
        (r"\((?:a|b)=([^)(]+)\)", ["[^)(]+"]),
        (r"[]()](a)[^]()](b(c))", ["a", "b(c)", "c"]),
        (r"(?P<name>\w+)=(?P<value>\d)", [r"\w+", r"\d"]),
        (r"(?#a (comment)(x)(?=y)(?<!z)", ["x"]),
        (r"\\(a)\\\(b", ["a"]),
    ],
)
def test_groups_are_found_among_other_parentheses(source, inner):
    assert [source[group.inner : group.end - 1] for group in groups_of(source)] == inner


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r"(?P<loss>\d)", "(?P<loss>"),
        (r"(a)(?P=a)", "(?P=a"),
        (r"(a)?b(?(1)c|d)", "(?(1)"),
        (r"a(?#why)(b)", "(?#"),
        (r"(?a)(b)", "(?a"),
        (r"(?i)(a)(?:b)(?=c)(?<=d)(?!e)", None),
        (r"\(?P<a>(b)[(?P<a>]", None),
    ],
)
def test_what_only_python_understands_is_named(source, found):
    assert not_portable(source) == found


@pytest.mark.parametrize(
    ("source", "group", "expected"),
    [
        (r"a=(\d(\.\d+)?)", 1, rf"a={NUMBER}"),
        (r"(a|b)=(?P<value>\d)(c)", 2, rf"(?:a|b)={NUMBER}(?:c)"),
        (r"(a)=((\d)\d)", 1, rf"{NUMBER}=(?:(?:\d)\d)"),
        (r"a=(\d)", 2, None),
        ("a\tb=(1)", 1, None),
    ],
)
def test_correction_reads_one_group(source, group, expected):
    assert corrected(source, group=group) == expected
