"""Commands that read jobs: list, show, best, logs."""

from __future__ import annotations

import json

import pytest

from smtune import TuningSpec, tune
from smtune.container import repeat
from tests.unit.cli.conftest import CommandLine


def test_list_names_the_jobs(finished):
    status, out, _ = finished.read("list")

    assert status == 0
    assert out.splitlines()[0].split() == [
        "name",
        "backend",
        "status",
        "completed",
        "failed",
        "best",
        "metric",
        "strategy",
        "started",
    ]
    assert out.splitlines()[1].startswith("churn  local    Completed        3/3       0")


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


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """A command line that knows a job with two trainings of each configuration, which scored differently."""
    folder = tmp_path_factory.mktemp("repeated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMTUNE_HOME", str(folder / "home"))
        spec = TuningSpec(
            name="noisy",
            objective={"metric": "loss", "goal": "Minimize"},
            parameters={"x": {"type": "integer", "min": 0, "max": 9}},
            strategy={"type": "manual", "configurations": [{"x": x} for x in (4, 3, 9)]},
            repeats=2,
            selection={"rule": "one_standard_error", "prefer": "x"},
        )
        tune(spec, function=lambda p: 1.0 + 0.1 * repeat() + 0.01 * abs(p["x"] - 4)).wait(progress=False)
    yield (line := CommandLine(folder))
    line.close()


def test_show_keeps_the_trainings_of_a_configuration_together(repeated):
    status, out, _ = repeated.read("show", "noisy")
    table, _, summary = out.partition("\n\n")

    assert status == 0
    assert [line.split()[0] for line in table.splitlines()] == ["trial", "0", "1", "2", "3", "4", "5"]
    assert table.splitlines()[1].split()[:8] == ["0", "Completed", "1", "1.050", "±", "0.050", "(2", "trainings)"]
    assert "±" not in table.splitlines()[2]
    assert "  best     trial 0   loss 1.050 ± 0.050 (2 trainings)   x 4" in summary
    assert "  picked   trial 2   loss 1.060 ± 0.050 (2 trainings)   x 3" in summary
    assert "  expected not estimated: it takes 5 configurations" in summary


def test_best_shows_what_the_rule_of_selection_picks(repeated):
    status, out, _ = repeated.read("best", "noisy")
    document = json.loads(repeated.read("best", "noisy", "--output", "json")[1])

    assert status == 0
    assert out.splitlines()[0].split() == ["trial", "2"]
    assert "1.060 ± 0.050 (2 trainings)" in out
    assert "picked  within one standard error, 0.05, of the best; x 3 instead of 4" in out
    assert (document["number"], document["parameters"], document["trainings"]) == (2, {"x": 3}, 2)
    assert document["reason"].startswith("within one standard error")
