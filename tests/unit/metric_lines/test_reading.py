import re

import pytest

from smtune.errors import SpecError
from smtune.metric_lines import compile_patterns, read_metrics


@pytest.mark.parametrize(
    ("regex", "line", "value"),
    [
        (r"auc: (\S+)", "auc: 0.5 and auc: 0.75", 0.5),
        (r"\ttrain-auc:(\S+)", "[1]\ttrain-auc:0.5", 0.5),
        (r"#011train-auc:(\S+)", "[1]\ttrain-auc:0.5", 0.5),
        (r"#015#033\[0mauc=(\S+)", "\r\x1b[0mauc=0.5", 0.5),
        (r"auc=([0-9.]+)", "auc=1.2e-05", 1.2),
        (r"auc=(\S+)", "auc=-inf", float("-inf")),
        (r"auc=(\S+)", "auc=good", None),
        (r"auc=(\d)?", "auc=", None),
        (r"auc=(\S+)", "loss=1", None),
        (re.compile(r"AUC=(\S+)", re.IGNORECASE), "auc=0.5", 0.5),
    ],
)
def test_regexes_read_what_sagemaker_would_read(regex: str, line: str, value: float | None) -> None:
    expected = {} if value is None else {"auc": value}
    found = read_metrics(line, compile_patterns({"auc": regex}))
    assert (found.metrics, found.step) == (expected, None)


def test_several_metrics_of_a_line_belong_together() -> None:
    patterns = compile_patterns({"a": r"a=(\S+)", "b": r"b=(\S+)", "c": r"c=(\S+)"})
    assert read_metrics("a=1 c=3", patterns) == ({"a": 1.0, "c": 3.0}, None, {})


def test_all_wrong_regexes_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        compile_patterns({"a": "(", "b": "b", "c": "(c)"})
    assert [problem.field for problem in caught.value.problems] == ["metrics.a", "metrics.b"]
