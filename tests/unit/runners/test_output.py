import re
from pathlib import Path

import pytest

from smtune.metric_lines import compile_patterns, read_metrics
from smtune.runners.output import Output, error_line, traceback_cause


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


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_every_state_of_a_progress_bar_is_a_line(output: Output, tmp_path: Path, size: int) -> None:
    bar = b"\rstep 1 loss=10 \rstep 2 loss=9 \rsmtune: step=3; auc=0.5\rstep 4 loss=8 \r\nend loss=7\r\n\r\n"
    chunks = [bar[start : start + size] for start in range(0, len(bar), size)]
    assert measured(output, *chunks) == [{"loss": 10}, {"loss": 9}, {"auc": 0.5}, {"loss": 8}, {"loss": 7}]
    assert (tmp_path / "new/log").read_bytes() == bar
    assert output.tail == ("step 4 loss=8", "end loss=7", "")


def test_state_of_a_bar_is_read_when_the_next_one_comes(output: Output) -> None:
    assert output.feed(b"loss=3") == []
    assert [event.metrics for event in output.feed(b"\r")] == [{"loss": 3}]
    assert output.feed(b"\n") == []


def test_endless_bar_does_not_hide_what_comes_late_and_is_not_kept_whole(output: Output) -> None:
    states = b"".join(b"\rloss=%07d" % number for number in range(20_000))
    assert measured(output, states)[-1] == {"loss": 19_999}
    assert output.tail == ("loss=0019999",)


def test_start_of_a_line_is_what_follows_a_carriage_return(tmp_path: Path) -> None:
    output = Output(0, tmp_path / "log", compile_patterns({"a": r"^a=(\d+)$", "b": r"#015b=(\d+)"}))
    assert measured(output, b"a=1\ra=2\rb=3\r\nb=4\n") == [{"a": 1}, {"a": 2}, {"b": 3}]


def remark(folder: Path, regex: str | re.Pattern[str], *lines: str) -> str | None:
    output = Output(0, folder / "log", compile_patterns({"loss": regex}))
    measured(output, *(f"{line}\n".encode() for line in lines))
    return output.remark


NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"


def test_first_thing_that_was_read_in_place_of_a_number_is_told(tmp_path: Path) -> None:
    told = remark(tmp_path, r"loss=(\S+)", "hello", "epoch 3 loss=1e-05, acc=0.9", "epoch 4 loss=1e-06, acc=0.9")
    assert told == (
        """the expression for 'loss' read '1e-05,' from "epoch 3 loss=1e-05, acc=0.9", which is no number; """
        rf"use loss={NUMBER}"
    )


@pytest.mark.parametrize(
    ("regex", "line", "corrected"),
    [
        (r"loss=(\S+)", "loss=90.5%", rf"loss={NUMBER}"),
        (r"\(loss: ([^)]+)", "(loss: .5%)", rf"\(loss: {NUMBER}"),
        (re.compile(r"LOSS (\S+)", re.IGNORECASE), "loss -3;", rf"LOSS {NUMBER}"),
        (r"loss=((\d)\S+)", "loss=3x", rf"loss={NUMBER}"),
        (r"loss=(?P<value>\S+)(\w)", "loss=3xy", rf"loss={NUMBER}(?:\w)"),
    ],
)
def test_correction_keeps_the_rest_of_the_expression_and_reads_the_line(
    tmp_path: Path, regex: str | re.Pattern[str], line: str, corrected: str
) -> None:
    assert str(remark(tmp_path, regex, line)).endswith(f"; use {corrected}")
    flags = regex.flags if isinstance(regex, re.Pattern) else 0
    assert read_metrics(line, compile_patterns({"loss": re.compile(corrected, flags)})).metrics.keys() == {"loss"}


@pytest.mark.parametrize(
    ("regex", "line"),
    [
        (r"loss=(\S+)", "loss=good"),
        (r"loss=(\S+)$", "loss=3x"),
        (r"(\w)=(\d)", "s=3"),
        (r"(.)oss=3\1", "xoss=3x"),
    ],
)
def test_expression_that_cannot_be_corrected_gets_advice(tmp_path: Path, regex: str, line: str) -> None:
    assert str(remark(tmp_path, regex, line)).endswith(f"; let its first group be {NUMBER}")


def test_long_line_is_shortened_around_what_was_read(tmp_path: Path) -> None:
    told = str(remark(tmp_path, r"loss=(\S+)", "a" * 5000 + "\t\x1b loss=3," + "b" * 5000))
    assert "a   loss=3,bbb" in told
    assert '"...' in told
    assert '...", which is no number' in told
    assert "'3," + "b" * 38 + "...'" in told
    assert told.isprintable()
    assert len(told) < 300


@pytest.mark.parametrize("lines", [["loss=1,", "loss=1"], ["loss=1", "loss=1,"], ["loss=1,", "smtune: loss=1"], ["x"]])
def test_nothing_is_remarked_on_a_metric_that_was_read(tmp_path: Path, lines: list[str]) -> None:
    assert remark(tmp_path, r"loss=(\S+)", *lines) is None


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
