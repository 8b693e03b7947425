"""``smtune plan``: what a job would do, and nothing of it is done."""

from __future__ import annotations

import json

HYPERBAND = ("--set", "strategy={type: hyperband, resource: {epochs: 1 to 9}}", "--set", "limits.max_trials=14")


def test_a_plan_says_in_a_line_what_would_run(smtune):
    status, out, err = smtune.read("plan", str(smtune.folder / "tuning.yaml"))

    assert status == 0
    assert out == "churn · local · random · Minimize loss · 3 trials · 1 at a time · seed 7\n"
    assert "Traceback" not in err
    assert not (smtune.folder / "home").exists()


def test_the_plan_of_hyperband_shows_its_brackets(smtune):
    status, out, _ = smtune.read("plan", str(smtune.folder / "tuning.yaml"), *HYPERBAND, "--name", "other")

    assert status == 0
    assert out.splitlines() == [
        "other · local · hyperband · Minimize loss · 14 trials · 1 at a time · seed 7",
        "  bracket 1: 9 trials with epochs = 1, the best 3 with 3, the best 1 with 9",
        "  bracket 2: 5 trials with epochs = 3, the best 1 with 9",
        "  epochs in all: 42, if trials go on from checkpoints; 14 whole trainings take 126",
    ]


def test_the_plan_of_a_preset_shows_its_steps(smtune):
    preset = ("--set", "strategy={type: chain, preset: random-grid}", "--set", "limits.max_trials=100")
    status, out, err = smtune.read("plan", str(smtune.folder / "tuning.yaml"), *preset)

    assert status == 0, err
    assert out.splitlines()[1:] == [
        "  step 1: random, 50 trials",
        "  step 2: grid around the best, within 20% of every range, the rest",
    ]


def test_a_job_that_only_time_ends_has_no_count(smtune):
    limits = ("--set", "limits={max_runtime_seconds: 60}")
    _, out, _ = smtune.read("plan", str(smtune.folder / "tuning.yaml"), *limits)

    assert out == "churn · local · random · Minimize loss · trials until its time is over · 1 at a time · seed 7\n"


def test_the_plan_as_json_holds_the_request(smtune):
    arguments = (
        "plan",
        str(smtune.folder / "tuning.yaml"),
        *HYPERBAND,
        "--set",
        "limits.max_parallel=20",
        "-o",
        "json",
    )
    status, out, err = smtune.read(*arguments)
    planned = json.loads(out)

    assert (status, err) == (0, "")
    assert list(planned) == [
        "name",
        "backend",
        "strategy",
        "trials",
        "max_parallel",
        "schedule",
        "warnings",
        "region",
        "isolation",
        "uploads",
        "estimate",
        "request",
    ]
    assert (planned["name"], planned["backend"], planned["strategy"]) == ("churn", "local", "hyperband")
    assert (planned["trials"], planned["max_parallel"], len(planned["schedule"])) == (14, 20, 3)
    assert any(warning.startswith("limits.max_parallel = 20 is more than") for warning in planned["warnings"])
    assert planned["request"]["strategy"]["resource"] == {"unit": "epochs", "min": 1, "max": 9}


def test_warnings_go_to_stderr(smtune):
    _, out, err = smtune.read("plan", str(smtune.folder / "tuning.yaml"), "--set", "limits.max_parallel=9")

    assert len(out.splitlines()) == 1
    assert "warning: limits.max_parallel = 9 is more than the number of trials, 3" in err


def test_a_wrong_spec_is_told_as_by_run(smtune):
    arguments = ("tuning.yaml", "--set", "strategy=hyperband", "--set", "repeats=2")
    status, out, err = smtune("plan", *arguments)

    assert (status, out) == (2, "")
    assert err == smtune("run", *arguments)[2]
    assert err.startswith("tuning.yaml: 2 problems")
    assert "write e.g. resource: {epochs: 1 to 27}" in err


def test_the_header_of_a_run_stays_one_line(smtune):
    _, _, err = smtune("run", "tuning.yaml", "--set", "strategy={type: hyperband, resource: {epochs: 1 to 2}}")
    lines = [line for line in err.splitlines() if not line.startswith("warning: ")]

    assert lines[0] == "churn · local · hyperband · Minimize loss · 3 trials · seed 7"
    assert "bracket" not in err
