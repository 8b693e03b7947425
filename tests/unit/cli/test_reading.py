"""Commands that read jobs: list, show, best, logs."""

from __future__ import annotations

import json

import pytest

from smtune import TuningSpec, tune


def test_list_names_the_jobs(finished):
    status, out, _ = finished.read("list")

    assert status == 0
    assert out.splitlines()[0].split() == [
        "name",
        "status",
        "completed",
        "failed",
        "best",
        "metric",
        "strategy",
        "started",
    ]
    assert out.splitlines()[1].startswith("churn  Completed        3/3       0")


def test_list_as_json_leaves_out_the_trials(finished):
    (job,) = json.loads(finished.read("list", "--output", "json")[1])

    assert job["name"] == "churn"
    assert "trials" not in job


def test_a_damaged_job_hides_no_other(smtune):
    smtune("run", "tuning.yaml")
    broken = smtune.folder / "home" / "jobs" / "broken"
    broken.mkdir()
    (broken / "job.sqlite").write_bytes(b"no database" * 100)
    status, out, err = smtune.read("list")

    assert status == 0
    assert "churn" in out
    assert err.startswith("smtune: broken: ")
    assert "Traceback" not in err


def test_without_jobs_list_says_how_to_get_one(smtune):
    status, out, err = smtune.read("list")

    assert (status, out) == (0, "")
    assert "smtune init" in err


def test_show_puts_the_best_first(finished):
    status, out, _ = finished.read("show", "churn")
    table, _, summary = out.partition("\n\n")
    objectives = [float(line.split()[2]) for line in table.splitlines()[1:]]

    assert status == 0
    assert table.splitlines()[0].split() == ["trial", "status", "objective", "x", "seconds", "note"]
    assert objectives == sorted(objectives)
    assert len(objectives) == 3
    assert summary.startswith("churn Completed: 3 of 3 trials")


def test_best_is_exact(finished):
    parameters = json.loads(finished.read("best", "churn", "--output", "json")[1])["parameters"]
    out = finished.read("best", "churn")[1]

    assert f"x      {parameters['x']}" in out


def test_best_of_nothing_is_an_error(smtune):
    smtune("run", "tuning.yaml", "--set", "static.behaviour=fail")
    status, out, err = smtune.read("best", "churn", "--output", "json")

    assert (status, out) == (1, "")
    assert err == "smtune: no trial of churn has completed (it is Failed)\n"


def test_logs_are_what_the_trial_printed(finished):
    status, out, err = finished.read("logs", "churn", "0")

    assert status == 0
    assert out.splitlines()[0] == "smtune: step=0; loss=1.49"
    assert err == ""


def test_logs_of_a_function_say_where_its_output_went(smtune, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", smtune.environment["SMTUNE_HOME"])
    spec = TuningSpec(
        name="churn",
        objective={"metric": "loss", "goal": "Minimize"},
        parameters={"x": {"type": "continuous", "min": 0, "max": 1}},
        strategy="random",
        limits={"max_trials": 1},
    )
    tune(spec, function=lambda parameters: parameters["x"]).wait(progress=False)
    status, out, err = smtune.read("logs", "churn", "0")

    assert (status, out) == (0, "")
    assert "goes to the terminal of the process that runs it" in err


@pytest.mark.parametrize("command", [["show", "chrun"], ["best", "chrun"], ["logs", "chrun", "0"], ["stop", "chrun"],
                                     ["resume", "chrun"], ["watch", "chrun"]])  # fmt: skip
def test_an_unknown_job_is_answered_with_its_neighbours(finished, command):
    status, out, err = finished.read(*command)

    assert (status, out) == (1, "")
    assert "did you mean churn?" in err


def test_an_unknown_trial_is_an_error(finished):
    status, out, err = finished.read("logs", "churn", "99")

    assert (status, out) == (1, "")
    assert "has no trial 99" in err


def test_a_reader_that_has_had_enough_ends_the_command_quietly(smtune):
    smtune("run", "tuning.yaml", "--set", "static.behaviour=loud", "--set", "limits.max_trials=1")
    process = smtune.start("logs", "churn", "0")
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()

    assert process.wait(timeout=60) == 128 + 13
    assert err == ""


def test_a_finished_job_cannot_be_resumed(finished):
    status, out, err = finished.read("resume", "churn")

    assert (status, out) == (2, "")
    assert "has ended" in err


def test_watching_a_finished_job_shows_its_end(finished):
    status, out, err = finished.read("watch", "churn")

    assert (status, err) == (0, "")
    assert out.startswith("churn Completed")


def test_a_terminal_that_lacks_a_character_gets_another(finished):
    status, out, _ = finished("show", "churn", PYTHONIOENCODING="ascii")

    assert status == 0
    assert r"smtune best churn --output json" in out
    assert out.isascii()
