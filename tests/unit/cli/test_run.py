"""``smtune run``: what goes where, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re

import pytest


def test_the_result_goes_to_stdout_and_the_progress_to_stderr(smtune):
    status, out, err = smtune("run", "tuning.yaml")

    assert status == 0
    assert out.splitlines()[0].startswith("churn Completed: 3 of 3 trials in ")
    assert re.search(r"^  best     trial \d   loss \S+   x \S+$", out, re.MULTILINE)
    assert "  default  trial 0   loss 0.49   (untuned)" in out
    assert re.search(r"^  holdout  test:loss \S+   \(untuned default 0.99\)$", out, re.MULTILINE)
    header, *trials = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert header == "churn · local · random · Minimize loss · 3 trials · seed 7"
    assert len(trials) == 3


def test_json_on_stdout_is_json_and_nothing_else(smtune):
    status, out, _ = smtune("run", "tuning.yaml", "--output", "json")
    result = json.loads(out)

    assert status == 0
    assert (result["name"], result["backend"], result["status"], result["seed"]) == ("churn", "local", "Completed", 7)
    assert result["objective"] == {"metric": "loss", "goal": "Minimize"}
    assert result["counts"] == {"Completed": 3, "Failed": 0, "Stopped": 0, "InProgress": 0}
    assert [trial["number"] for trial in result["trials"]] == [0, 1, 2]


def test_keys_of_the_spec_can_be_set(smtune):
    status, out, _ = smtune(
        "run", "tuning.yaml", "--name", "other", "--set", "limits.max_trials=1", "--set", "seed=8", "-o", "json"
    )
    result = json.loads(out)

    assert status == 0
    assert (result["name"], result["seed"], len(result["trials"])) == ("other", 8, 1)


def test_a_grid_says_how_many_trials_it_has_before_the_first(smtune):
    _, _, err = smtune("run", "tuning.yaml", "--set", "strategy={type: grid, levels: 3}")

    assert "churn · local · grid · Minimize loss · 3 trials · seed 7" in err.splitlines()


def test_a_failed_job_shows_why(smtune):
    status, out, err = smtune("run", "tuning.yaml", "--set", "static.behaviour=fail")

    assert status == 1
    assert out.splitlines()[0].startswith("churn Failed: 0 of 3 trials in ")
    assert "  failed   3 x exit code 1: ValueError: x is too large   (trials 0, 1, 2)" in out
    assert "the log of trial 0 ends with:" in err
    assert "  ValueError: x is too large" in err
    assert "\x1b" not in out + err


def test_a_name_that_is_taken_is_answered_with_one_that_is_not(finished):
    status, out, err = finished("run", "tuning.yaml")

    assert (status, out) == (1, "")
    assert 'there is a job "churn" already' in err
    assert "smtune run tuning.yaml --name churn-2" in err


def test_a_wrong_spec_names_every_problem_in_columns(smtune):
    status, out, err = smtune("run", "tuning.yaml", "--set", "parameters.x.max=-1", "--set", "limits.max_trial=3")

    assert (status, out) == (2, "")
    head, *rows = err.splitlines()
    assert head == "tuning.yaml: 2 problems"
    assert all(re.fullmatch(r"  \S+ = \S+ +.+", row) for row in rows)
    assert "did you mean 'max_trials'?" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["run"], ["run", "nowhere.yaml"], ["run", "tuning.yaml", "--backend", "moon"]])
def test_a_wrong_command_line_ends_with_2(smtune, arguments):
    status, out, err = smtune(*arguments)

    assert (status, out) == (2, "")
    assert "Traceback" not in err


def test_warnings_come_before_the_start(smtune):
    _, _, err = smtune("run", "tuning.yaml", "--set", "limits.max_parallel=9")

    assert err.startswith("warning: limits.max_parallel = 9")


def test_a_terminal_gets_a_live_table(smtune):
    controller, terminal = pty.openpty()
    process = smtune.start("run", "tuning.yaml", stderr=terminal, TERM="xterm")
    os.close(terminal)
    screen = b""
    while chunk := _read(controller):
        screen += chunk
    out, _ = process.communicate()
    os.close(controller)
    shown = screen.decode()

    assert process.returncode == 0
    assert "churn · local · random · Minimize loss · 3 trials · seed 7" in shown
    assert "━" * 36 in shown
    assert "3/3  best" in shown
    assert "\x1b[?25h" in shown  # the cursor is back
    assert "Traceback" not in shown
    assert "\x1b" not in out


def _read(controller):
    try:
        return os.read(controller, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_a_job_starts_warm_from_another_and_says_so(smtune):
    status, out, err = smtune("run", "tuning.yaml", "--name", "first", "--set", "limits.max_trials=12")
    assert status == 0, err
    warm = ("--set", "warm_start=[first]", "--set", "strategy.population=4", "--set", "parameters.x.max=0.9")
    status, out, err = smtune(
        "run", "tuning.yaml", "--name", "second", "--set", "strategy=evolutionary", *warm, "--set", "baseline=null"
    )
    assert status == 0, err
    left_out = re.search(r"^warning: warm_start: (\d+) of 12 trials of first are used; (.*)$", err, re.MULTILINE)
    assert left_out is not None
    used, reason = left_out.groups()
    assert re.fullmatch(r"\d left out: x outside 0 to 0.9", reason)
    line = rf"^  warm start: {used} trials of first \({reason}\); their best loss \S+ \(trial \d+ of first\)$"
    assert re.search(line, out, re.MULTILINE)

    _, out, _ = smtune("show", "second", "--output", "json")
    result = json.loads(out)
    assert result["warm_start"]["parents"][0]["used"] == int(used)
    assert all(re.match("crossover|mutation", trial["origin"]) for trial in result["trials"])

    (smtune.folder / "second.json").write_text(out)
    third = ("--set", "warm_start={parents: [second.json], type: TransferLearning}", "--set", "baseline=null")
    status, out, err = smtune("run", "tuning.yaml", "--name", "third", *third)
    assert status == 0, err
    assert "  warm start: tried first, the best of 3 trials of second.json\n" in out


def test_a_parent_that_is_not_there_is_told_before_anything_starts(smtune):
    status, out, err = smtune("run", "tuning.yaml", "--set", "warm_start=[nowhere]")

    assert (status, out) == (2, "")
    assert "warm_start.parents[0] = nowhere  is no job here" in err
    assert not (smtune.folder / "home").exists()
