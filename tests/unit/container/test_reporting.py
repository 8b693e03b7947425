import contextlib
import io
import math
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtune.container import Report, capture_reports, metric_definitions, metric_regex, parse_report, report

# A small alphabet, so that names are often prefixes, suffixes or patterns of each other.
NAMES = (
    st.text(alphabet="ab .*+()[]:_/-#\\$^|?{}é", min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda name: name and name != "step")
)
METRICS = st.dictionaries(NAMES, st.floats(), min_size=1, max_size=5)
PREFIXES = st.sampled_from(["", "INFO:", "[2026-01-01 10:00:00] algo-1 | ", "loss=3; ", "12%|##  | a=1; "])


def printed(metrics: Mapping[str, Any], step: Any = None) -> str:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        report(metrics, step)
    return stream.getvalue()


def same(first: object, second: object) -> bool:
    return repr(first) == repr(second)  # tells -0.0 from 0.0 and knows nan


@given(METRICS, st.none() | st.integers())
@example({"a": 5e-324, "b": -0.0, "a b": math.nan, "b.": -math.inf, "(": 1.7976931348623157e308}, -3)
def test_a_printed_report_reads_back_exactly(metrics, step):
    line = printed(metrics, step)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    found = parse_report(line)
    assert found is not None
    assert found.step == step
    assert same(found.metrics, metrics)


@given(METRICS, st.none() | st.integers(), PREFIXES, st.sampled_from(["\n", "\r\n", "#015\n", "   "]))
def test_a_regex_reads_its_metric_and_no_other(metrics, step, prefix, ending):
    line = prefix + printed(metrics, step).rstrip("\n") + ending
    for name in ["a", "b", "a b", "aa", ".", "a.b", *metrics]:
        match = re.search(metric_regex(name), line)
        assert (match is not None) == (name in metrics)
        if match:
            assert same(float(match.group(1)), metrics[name])


def test_names_that_contain_each_other_are_told_apart():
    line = printed({"average test loss": 0.5, "loss2": 0.25, "my loss": 0.125}, 1)
    assert re.search(metric_regex("loss"), line) is None
    assert re.findall(metric_regex("loss2"), line) == ["0.25"]
    assert re.search(metric_regex("test loss"), line) is None


@given(NAMES)
def test_a_regex_fits_the_service(name):
    regex = metric_regex(name)
    assert len(regex) <= 500
    assert re.compile(regex).groups == 1
    assert not re.compile(regex).groupindex
    assert "(?<" not in regex


def test_definitions_are_those_of_the_api():
    assert metric_definitions(["validation:auc"]) == [
        {"Name": "validation:auc", "Regex": "smtune: (?:.*; )?validation:auc=([-+.0-9a-z]+)"}
    ]


def test_a_regex_longer_than_the_service_allows_is_refused():
    assert len(metric_regex("x" * 255)) <= 500
    with pytest.raises(ValueError, match="500"):
        metric_regex("." * 255)


def test_the_line_is_for_people():
    line = printed({"train:auc": 0.99, "validation:auc": 0.9812345678901234}, step=3)
    assert line == "smtune: step=3; train:auc=0.99; validation:auc=0.9812345678901234\n"
    assert printed({"loss": 1}) == "smtune: loss=1.0\n"


@pytest.mark.parametrize(
    "value",
    [True, 1, np.float32(1.0), np.int64(1), np.bool_(True), Fraction(1), np.array(1.0)],
    ids=lambda v: type(v).__name__,
)
def test_any_real_number_is_a_value(value):
    assert printed({"loss": value}, step=np.int64(2)) == "smtune: step=2; loss=1.0\n"


@pytest.mark.parametrize("value", ["0.5", None, 1j, [1.0], b"1", 10**400, np.array([1.0, 2.0])], ids=repr)
def test_anything_else_is_refused_and_named(value):
    with pytest.raises(ValueError, match="metric 'loss' = "):
        report({"loss": value})


@pytest.mark.parametrize(
    "name",
    [
        "",
        " loss",
        "loss ",
        "a;b",
        "a=b",
        "a\nb",
        "a\tb",
        "\x85",
        "\u2028",
        "\ud800",
        "step",
        "smtune: a",
        "x" * 256,
        3,
        None,
    ],
)
def test_names_that_would_break_the_line_are_refused(name):
    with pytest.raises(ValueError, match="metric name"):
        report({name: 1.0})
    with pytest.raises(ValueError, match="metric name"):
        metric_regex(name)


@pytest.mark.parametrize("step", [1.5, "1"])
def test_a_step_is_a_whole_number(step):
    with pytest.raises(ValueError, match="step"):
        report({"loss": 1.0}, step=step)


def test_nothing_to_report_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        report({})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "loss=0.5",
        "smtune: starting",
        "smtune: ",
        "smtune: step=3",
        "smtune: step=x; loss=1.0",
        "smtune: loss=abc",
        "smtune: loss=1_0",
        "smtune: loss=1.0; step=3",
        "smtune: =1.0",
        "smtune:loss=1.0",
        "smtune: step=²; loss=1.0",
    ],
)
def test_other_lines_are_no_reports(line):
    assert parse_report(line) is None


def test_reports_compare_by_content():
    assert Report(1, {"a": 1.0}) == Report(1, {"a": 1.0})
    assert Report(1, {"a": 1.0}) != Report(2, {"a": 1.0})
    assert Report(1, {}) != "report"


def test_threads_do_not_interleave():
    script = (
        "import threading\n"
        "from smtune.container import report\n"
        "work = lambda n: [report({'metric %d' % n: i / 7}, step=i) for i in range(200)]\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    reports = [parse_report(line) for line in run.stdout.splitlines()]
    assert len(reports) == 1600
    assert None not in reports


def test_captured_reports_are_not_printed(capsys):
    seen: list[object] = []
    with capture_reports(lambda step, metrics: seen.append((step, metrics))):
        report({"loss": np.float64(0.5)}, step=1)
        with capture_reports(lambda step, metrics: seen.append("inner")):
            report({"loss": 0.25})
        report({"loss": 0.125})
    report({"loss": 0.0})
    assert seen == [(1, {"loss": 0.5}), "inner", (None, {"loss": 0.125})]
    assert capsys.readouterr().out == "smtune: loss=0.0\n"


def test_each_thread_has_its_own_sink():
    seen: dict[str, list[int | None]] = {"a": [], "b": []}
    barrier = threading.Barrier(2, timeout=60)

    def train(name):
        with capture_reports(lambda step, metrics: seen[name].append(step)):
            for step in range(50):
                barrier.wait()
                report({"loss": 1.0}, step=step)

    threads = [threading.Thread(target=train, args=(name,)) for name in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"a": list(range(50)), "b": list(range(50))}


def test_a_refused_report_is_not_captured():
    seen = []
    with capture_reports(lambda step, metrics: seen.append(metrics)), pytest.raises(ValueError, match="loss"):
        report({"fine": 1.0, "loss": "bad"})  # type: ignore[dict-item]
    assert seen == []


def test_derivatives_travel_as_metrics_in_the_same_line(capsys):
    report({"validation:loss": 0.25}, 3, hypergradient={"alpha": np.float64(-0.5), "C 1": math.inf})
    line = capsys.readouterr().out
    assert line == "smtune: step=3; validation:loss=0.25; hypergradient:alpha=-0.5; hypergradient:C 1=inf\n"
    metrics = {"validation:loss": 0.25, "hypergradient:alpha": -0.5, "hypergradient:C 1": math.inf}
    assert parse_report(line) == Report(3, metrics)
    assert [float(re.findall(metric_regex(name), line)[0]) for name in metrics] == list(metrics.values())


def test_derivatives_reach_whoever_captures_reports():
    seen = []
    with capture_reports(lambda step, metrics: seen.append((step, metrics))):
        report({"loss": 1.0}, hypergradient={"alpha": 2})
        report({"loss": 1.0}, hypergradient={})
    assert seen == [(None, {"loss": 1.0, "hypergradient:alpha": 2.0}), (None, {"loss": 1.0})]


@pytest.mark.parametrize(
    ("metrics", "hypergradient", "message"),
    [
        ({"loss": 1.0}, {"alpha": "2"}, "metric 'hypergradient:alpha' = '2': must be a real number"),
        ({"loss": 1.0}, {"alpha": None}, "metric 'hypergradient:alpha' = None: must be a real number"),
        ({"loss": 1.0}, {"": 1.0}, "hypergradient of '': must be by the name of a parameter"),
        ({"loss": 1.0}, {3: 1.0}, "hypergradient of 3: must be by the name of a parameter"),
        ({"loss": 1.0}, {"a=b": 1.0}, "metric name 'hypergradient:a=b': must not contain"),
        ({}, {"alpha": 1.0}, "needs at least one metric"),
        ({"hypergradient:alpha": 1.0}, None, r"is taken by report\(..., hypergradient={'alpha': ...}\)"),
    ],
)
def test_wrong_derivatives_are_refused(metrics, hypergradient, message, capsys):
    with pytest.raises(ValueError, match=message):
        report(metrics, hypergradient=hypergradient)
    assert capsys.readouterr().out == ""
