"""Every display shows the same job; what users and scripts put into it cannot break it."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest

from smtune.progress import Progress, open_progress
from smtune.progress.board import Board
from smtune.progress.lines import LineProgress
from smtune.progress.notebook import NotebookProgress
from smtune.progress.terminal import TerminalProgress
from smtune.results import JobStatus, TuningResult
from smtune.spec import Goal, Repeats
from smtune.trial import Trial, TrialStatus

NOW = 1_800_000_000.0


def job(planned=4, trials=()):
    return TuningResult(
        name="churn",
        backend="local",
        status=JobStatus.InProgress,
        metric="validation:auc",
        goal=Goal.Maximize,
        strategy="random",
        seed=7,
        trials=tuple(trials),
        planned_trials=planned,
    )


def running(number, objective=None, step=None, **parameters):
    values = parameters or {"eta": 0.0731234}
    metrics = {} if objective is None else {"validation:auc": objective}
    return Trial(number, values, metrics=metrics, step=step, started_at=NOW)


def ended(number, objective=None, status=TrialStatus.Completed, reason=None, **parameters):
    trial = running(number, objective, **parameters)
    return replace(trial, status=status, objective=objective, ended_at=NOW + 2, failure_reason=reason)


def failed(number, reason, **parameters):
    return ended(number, None, TrialStatus.Failed, reason, **parameters)


@pytest.fixture
def stream():
    return io.StringIO()


def picture(trials, *, width, height=24, planned=4, monkeypatch, interrupted=False):
    """Return the last picture that a terminal of this size would hold."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", str(height))
    screen = io.StringIO()
    with TerminalProgress(job(planned), screen) as display:
        for trial in trials:
            display.update(trial)
        if interrupted:
            display.stopping(force=False)
    return screen.getvalue().rstrip("\n").split("\n")


class Interrupted(io.StringIO):
    """A screen on which Ctrl-C is heard while the first picture is drawn."""

    def __init__(self):
        super().__init__()
        self.armed = True

    def write(self, text):
        if self.armed and "churn" in text:
            self.armed = False
            raise KeyboardInterrupt
        return super().write(text)

    def isatty(self):
        return True


def test_ctrl_c_in_the_first_picture_gives_back_streams_and_cursor(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    before, screen = (sys.stdout, sys.stderr), Interrupted()
    with pytest.raises(KeyboardInterrupt):
        TerminalProgress(job(), screen)
    assert (sys.stdout, sys.stderr) == before
    assert screen.getvalue().rpartition("\x1b[?25")[2].startswith("h")


class TestLines:
    def test_a_line_for_the_job_and_one_for_every_end(self, stream):
        display = LineProgress(job(), stream)
        for trial in (running(0), running(0, 0.5, step=1), ended(0, 0.91), running(1), failed(1, "exit code 1: Boom")):
            display.update(trial)

        assert stream.getvalue().splitlines() == [
            "churn · local · random · Maximize validation:auc · 4 trials · seed 7",
            "1/4  trial 0  Completed  0.91  eta 0.07312  best 0.91 (trial 0)",
            "2/4  trial 1  Failed  exit code 1: Boom (smtune logs churn 1)  eta 0.07312  best 0.91 (trial 0)",
        ]

    def test_the_same_end_is_told_once(self, stream):
        display = LineProgress(job(), stream)
        display.update(ended(0, 0.9))
        display.update(ended(0, 0.9))

        assert len(stream.getvalue().splitlines()) == 2

    def test_a_trial_that_was_interrupted_counts_once(self, stream):
        display = LineProgress(job(), stream)
        for trial in (
            running(0),
            ended(0, None, TrialStatus.Stopped, "the job was stopped"),
            running(0),
            ended(0, 0.9),
        ):
            display.update(trial)

        assert stream.getvalue().splitlines()[-1].startswith("1/4  trial 0  Completed")

    def test_a_trial_that_was_stopped_says_why(self, stream):
        display = LineProgress(job(), stream)
        display.update(ended(0, 0.5, TrialStatus.Stopped, "ran longer than limits.max_trial_seconds = 300"))

        assert "trial 0  Stopped  0.5 (ran longer than limits.max_trial_seconds = 300)" in stream.getvalue()

    def test_trials_that_ctrl_c_stopped_are_not_done(self, stream):
        display = LineProgress(job(), stream)
        display.update(running(0))
        display.stopping(force=False)
        display.update(ended(0, None, TrialStatus.Stopped, "the job was stopped"))

        assert stream.getvalue().splitlines()[-1].startswith("0/4  trial 0  Stopped")

    def test_escape_codes_of_scripts_do_not_pass(self, stream):
        LineProgress(job(), stream).update(failed(0, "\x1b[31mexit\ncode 1\x1b[0m", **{"a\x1b[2Jb": "v\x07"}))

        assert "\x1b" not in stream.getvalue()
        assert "\x07" not in stream.getvalue()
        assert len(stream.getvalue().splitlines()) == 2

    def test_ctrl_c_says_what_happens_next(self, stream):
        display = LineProgress(job(), stream)
        display.update(running(0))
        display.update(running(1))
        display.stopping(force=False)
        display.stopping(force=True)

        assert stream.getvalue().splitlines()[1:] == [
            "^C no new trials; 2 running ones are asked to stop (again to kill)",
            "^C 2 running ones are killed",
        ]


class TestTerminal:
    def test_shows_running_trials_then_the_best_then_failures(self, monkeypatch):
        trials = [ended(0, 0.9934), running(1, 0.9871, step=120), failed(2, "exit code 1: ValueError")]
        lines = picture(trials, width=120, monkeypatch=monkeypatch)

        assert lines[0] == "churn · local · random · Maximize validation:auc · 4 trials · seed 7"
        assert "2/4  best 0.9934 (trial 0)  1 failed  0:00" in lines[1]
        assert [line.split()[:3] for line in lines[2:]] == [
            ["1", "InProgress", "0.9871*"],
            ["0", "Completed", "0.9934"],
            ["2", "Failed", "eta"],
        ]
        assert lines[2].endswith("step 120")
        assert lines[4].endswith("exit code 1: ValueError (smtune logs churn 2)")

    @pytest.mark.parametrize("width", [20, 40, 80, 200])
    def test_never_wider_than_the_terminal(self, width, monkeypatch):
        many = {f"parameter_{index}": index / 3 for index in range(30)}
        trials = [running(0, **many), ended(1, 0.9, **many), failed(2, "x" * 300, **many)]

        lines = picture(trials, width=width, monkeypatch=monkeypatch, interrupted=True)

        assert len(lines) == 6
        assert max(map(len, lines)) <= width

    def test_a_reason_has_its_place_before_parameters(self, monkeypatch):
        many = {f"parameter_{index}": index / 3 for index in range(30)}
        lines = picture([failed(0, "exit code 1: ValueError: bad eta", **many)], width=100, monkeypatch=monkeypatch)

        assert lines[-1].endswith("exit code 1: ValueError: bad eta (smtune logs churn 0)")
        assert "parameter_0 0" in lines[-1]

    def test_never_higher_than_the_terminal(self, monkeypatch):
        trials = [ended(100, 0.9), *(failed(101 + index, "no") for index in range(9)), *map(running, range(64))]
        lines = picture(trials, width=80, height=16, planned=200, monkeypatch=monkeypatch)

        assert len(lines) < 16
        counted = [line for line in lines if "more under way" in line]
        shown = sum("InProgress" in line for line in lines)
        assert counted == [f"  and {64 - shown} more under way"]

    def test_markup_of_users_is_text(self, monkeypatch):
        lines = picture([ended(0, 0.9, **{"[red]p[/red]": ":smile:[/]"})], width=100, monkeypatch=monkeypatch)

        assert "[red]p[/red] :smile:[/]" in lines[-1]

    def test_without_a_number_of_trials_there_is_no_bar(self, monkeypatch):
        lines = picture([ended(0, 0.9)], width=100, planned=None, monkeypatch=monkeypatch)

        assert lines[0] == "churn · local · random · Maximize validation:auc · as many trials as time allows · seed 7"
        assert lines[1] == "  1 trial  best 0.9 (trial 0)  0:00"


class TestNotebook:
    def test_a_job_without_a_seed_names_none(self):
        drawn: list[str] = []
        with NotebookProgress(replace(job(), seed=None), drawn.append):
            pass

        assert "Maximize validation:auc · 4 trials" in drawn[-1]
        assert "seed" not in drawn[-1]

    def test_draws_what_is_known_last(self):
        drawn: list[str] = []
        with NotebookProgress(job(), drawn.append) as display:
            display.update(ended(0, 0.91))

        assert "0/4" in drawn[0]
        assert "best 0.91 (trial 0)" in drawn[-1]

    def test_html_of_users_is_text(self):
        drawn: list[str] = []
        with NotebookProgress(job(), drawn.append) as display:
            display.update(failed(0, "<script>alert(1)</script>", **{"<b>": "<img src=x>"}))

        assert "<script>" not in drawn[-1]
        assert "&lt;script&gt;" in drawn[-1]
        assert "<img" not in drawn[-1]


class TestBoard:
    def test_ten_thousand_trials_leave_a_few_rows(self):
        board = Board(job(planned=10_000))
        for number in range(10_000):
            board.update(running(number))
            board.update(ended(number, number / 10_000) if number % 3 else failed(number, "no"))
        rows, others = board.rows(20)

        assert board.progress == "10000/10000"
        assert board.best_text == "best 0.9998 (trial 9998)"
        assert [row.number for row in rows] == [9998, 9999, 9996, 9993]
        assert others == 0

    @pytest.mark.parametrize(("goal", "expected"), [(Goal.Maximize, 1), (Goal.Minimize, 0)])
    def test_the_goal_decides_what_is_best(self, goal, expected):
        board = Board(replace(job(), goal=goal))
        board.update(ended(0, 0.1))
        board.update(ended(1, 0.9))
        board.update(ended(2, 0.9 if goal is Goal.Maximize else 0.1))

        assert board.best_text.endswith(f"(trial {expected})")

    def test_a_stopped_trial_is_never_the_best(self):
        board = Board(job())
        board.update(ended(0, 0.99, TrialStatus.Stopped))

        assert board.best_text == ""

    def test_the_best_is_that_of_the_mean_over_repeats(self):
        board = Board(job())
        shown = []
        for number, objective in enumerate((0.99, 0.51, 0.8, 0.82)):
            trial = replace(ended(number, objective, x=float(number // 2)), repeat=number % 2)
            board.update(replace(trial, status=TrialStatus.InProgress, objective=None, ended_at=None))
            shown.append(board.best_text)
            board.update(trial)
            shown.append(board.best_text)

        # While a repeat is under way, its configuration has no place; nor may one win by having been trained less often.
        assert shown == [
            "",
            "best 0.99 (trial 0)",
            "",
            "best 0.75 (trial 0)",
            "best 0.75 (trial 0)",
            "best 0.75 (trial 0)",
            "best 0.75 (trial 0)",
            "best 0.81 (trial 2)",
        ]
        assert [(row.number, row.objective) for row in board.rows(9)[0]] == [(2, "0.81")]

    def test_in_a_race_the_best_keeps_its_place_while_it_is_trained_again(self):
        board = Board(replace(job(), repeats=Repeats(min=1, max=2)))
        board.update(ended(0, 0.9))
        board.update(ended(1, 0.8, x=0.5))
        again = replace(ended(2, 0.7), repeat=1)
        board.update(replace(again, status=TrialStatus.InProgress, objective=None, ended_at=None))

        assert board.best_text == "best 0.9 (trial 0)"
        board.update(again)
        assert board.best_text == "best 0.8 (trial 0)"  # the mean of the one that was trained more often
        assert board.header.startswith("churn · local · random · Maximize validation:auc · at most ")

    def test_time_left_is_that_of_the_trials_left(self):
        board = Board(job(planned=101))
        board.update(ended(0, 0.5))  # two seconds each, one at a time

        assert board.facts()[-1].endswith("< 3:20")


class TestChoice:
    def test_nothing_when_it_is_switched_off(self, capsys):
        with open_progress(job(), enabled=False) as display:
            display.update(ended(0, 0.9))
            display.stopping(force=True)
            display.finish(job())

        assert type(display) is Progress
        assert capsys.readouterr() == ("", "")

    def test_lines_where_stderr_is_no_terminal(self, capsys):
        with open_progress(job(), enabled=True) as display:
            display.update(ended(0, 0.9))

        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 2


def test_a_trial_that_a_rule_stopped_can_be_the_best_and_has_not_failed():
    board = Board(job())
    board.update(ended(0, 0.8))
    board.update(ended(1, 0.9, TrialStatus.Stopped, "early stopping: no better"))
    board.update(ended(2, 0.95, TrialStatus.Stopped, "ran longer than 3"))
    assert board.facts()[:2] == ["3/4", "best 0.9 (trial 1)"]
    assert not any("failed" in fact for fact in board.facts())
