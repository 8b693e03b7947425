import re
from pathlib import Path

import pytest

from smtune.errors import SpecError
from smtune.runners.output import Output, compile_patterns, error_line, read_metrics, traceback_cause


def measured(output: Output, *chunks: bytes) -> list[dict[str, float]]:
    found = [event for chunk in chunks for event in output.feed(chunk)]
    return [dict(event.metrics) for event in [*found, *output.finish()]]


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(3, tmp_path / "new" / "log", compile_patterns({"loss": r"loss[=:]\s*(\S+)"}))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_read_wherever_the_chunks_end(output: Output, tmp_path: Path, size: int) -> None:
    printed = "smtune: step=1; auc=0.5\nüß loss: 2e-3\n\nnothing\r\nloss=1".encode()
    chunks = [printed[start : start + size] for start in range(0, len(printed), size)]
    assert measured(output, *chunks) == [{"auc": 0.5}, {"loss": 0.002}, {"loss": 1.0}]
    assert (tmp_path / "new/log").read_bytes() == printed
    assert output.tail == ("smtune: step=1; auc=0.5", "üß loss: 2e-3", "", "nothing", "loss=1")


def test_events_name_trial_step_and_time(output: Output) -> None:
    [event] = output.feed(b"smtune: step=7; auc=0.5\n")
    assert (event.number, event.step, event.at > 1e9) == (3, 7, True)


def test_reported_line_is_not_read_again_by_regexes(output: Output) -> None:
    assert measured(output, b"smtune: loss=0.25\n") == [{"loss": 0.25}]


def test_progress_bar_without_a_newline_does_not_hide_a_report(output: Output) -> None:
    assert measured(output, b"\r 10%|#   |\r 20%|##  |smtune: step=2; auc=0.5\n") == [{"auc": 0.5}]
    assert output.tail == (" 20%|##  |smtune: step=2; auc=0.5",)


def test_long_line_is_kept_in_the_log_and_cut_elsewhere(output: Output, tmp_path: Path) -> None:
    line = b"loss: 0.5 " + b"x" * 300_000
    assert measured(output, line, b"y" * 10, b" loss: 7\nloss: 0.75\n") == [{"loss": 0.5}, {"loss": 0.75}]
    assert (tmp_path / "new/log").stat().st_size == 300_000 + 20 + len(" loss: 7\nloss: 0.75\n")
    assert [len(shown) for shown in output.tail] == [1000, len("loss: 0.75")]


def test_tail_has_twenty_lines(output: Output) -> None:
    output.feed(b"".join(b"%d\n" % number for number in range(100)))
    assert output.tail == tuple(str(number) for number in range(80, 100))


def test_log_of_an_earlier_attempt_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old")
    measured(Output(0, tmp_path / "log", {}), b"new")
    assert (tmp_path / "log").read_text() == "new"


def test_full_disk_is_told_in_the_tail(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    output = Output(0, tmp_path / "log", compile_patterns({"loss": r"loss=(\S+)"}))
    assert measured(output, b"loss=1\n" * 30, b"loss=2\n") == [{"loss": 1.0}] * 30 + [{"loss": 2.0}]
    assert len(output.tail) == 20
    assert output.tail[-2:] == ("loss=2", "[the log of this trial ends early: No space left on device]")


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
    assert read_metrics(line, compile_patterns({"auc": regex})) == (expected, None)


def test_several_metrics_of_a_line_belong_together() -> None:
    patterns = compile_patterns({"a": r"a=(\S+)", "b": r"b=(\S+)", "c": r"c=(\S+)"})
    assert read_metrics("a=1 c=3", patterns) == ({"a": 1.0, "c": 3.0}, None)


def test_all_wrong_regexes_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        compile_patterns({"a": "(", "b": "b", "c": "(c)"})
    assert [problem.field for problem in caught.value.problems] == ["metrics.a", "metrics.b"]


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (
            ["Traceback (most recent call last):", '  File "a.py", line 1', "    x", "    ^", "KeyError: 'b'"],
            "KeyError: 'b'",
        ),
        (['  File "a.py", line 3, in f', "    x", "package.errors.Broken", "a note", "more"], "package.errors.Broken"),
        (["  epoch: 1", "loss: 0.5"], None),
        (["ValueError: only mentioned"], None),
        ([], None),
        (['  File "a.py"', "A: 1", "B: 2", '  File "b.py"', "    x", "C: 3"], "C: 3"),
    ],
)
def test_cause_is_the_line_below_a_traceback(lines: list[str], cause: str | None) -> None:
    assert traceback_cause(lines) == cause


def test_error_line_is_the_last_that_speaks_of_one() -> None:
    assert error_line(["ERROR: first", " Error: second ", "bye"]) == "Error: second"
    assert error_line(["fine"]) is None
