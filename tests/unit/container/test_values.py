import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtune.container import decode_value, encode_value

SCALARS = st.text() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = SCALARS | st.recursive(
    st.lists(SCALARS) | st.dictionaries(st.text(), SCALARS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
LOOKALIKES = st.sampled_from(
    (
        *("7", "-0", " 7 ", "1e-4", "1e400", "0x1f", "1_000", "true", "True", "False", "null", "None"),
        *("NaN", "nan", "-Infinity", '"quoted"', '"', "[1]", "{}", "[", "[" * 3000, "", " ", "\ud800"),
    )
)


def same(first: object, second: object) -> bool:
    """Equal in type and value all the way down, telling -0.0 from 0.0."""
    if type(first) is not type(second):
        return False
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, float) and isinstance(second, float):
        return first == second and math.copysign(1, first) == math.copysign(1, second)
    return first == second


@given(VALUES | LOOKALIKES)
def test_every_value_comes_back_with_its_type(value):
    text = encode_value(value)
    assert isinstance(text, str)
    assert same(decode_value(text), value)


@given(SCALARS.filter(lambda value: value not in ("True", "False")) | LOOKALIKES)
def test_the_training_toolkit_reads_the_same_type(value):
    text = encode_value(value)
    try:
        read = json.loads(text)  # as the toolkit does
    except (ValueError, RecursionError):
        read = text
    assert same(read, value)


def test_plain_words_stay_plain():
    assert encode_value("binary:logistic") == "binary:logistic"
    assert encode_value("s3://bucket/a b") == "s3://bucket/a b"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"gbtree"', "gbtree"),  # SDK v2
        ('"7"', "7"),
        ("true", True),
        ("True", True),  # SDK v3
        ("False", False),
        ("None", "None"),
        ("1e-4", 1e-4),
        ("1.0", 1.0),
        ("12", 12),
        ("[64, 32]", [64, 32]),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("[1, NaN]", "[1, NaN]"),
        ("1e999", "1e999"),
        ("validation:auc", "validation:auc"),
        ("", ""),
    ],
)
def test_reads_what_the_sdks_write(text, value):
    assert same(decode_value(text), value)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, [1.0, math.nan], {"a": [math.inf]}])
def test_refuses_what_no_hyperparameter_can_be(value):
    with pytest.raises(ValueError, match="hyperparameter"):
        encode_value(value)


@pytest.mark.parametrize("value", [(1, 2), {1, 2}, b"raw", {1: "a"}, [object()]])
def test_refuses_types_that_would_not_come_back(value):
    with pytest.raises(TypeError, match="must be a"):
        encode_value(value)
