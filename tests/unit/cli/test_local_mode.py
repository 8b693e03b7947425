"""``--backend local-mode``: jobs under the container contract, by every command."""

from __future__ import annotations

import json
import os

import pytest

ON = ("--backend", "local-mode", "--isolation", "rewrite")


def test_a_job_says_what_its_trials_run_in(smtune):
    status, out, err = smtune("run", "tuning.yaml", *ON)

    assert status == 0, err
    assert "churn · local-mode (rewrite) · random · Minimize loss · 3 trials · seed 7" in err.splitlines()
    assert "  where    local-mode (rewrite)" in out.splitlines()
    for backend in ("local", "local-mode"):
        shown = json.loads(smtune.read("show", "churn", "--backend", backend, "-o", "json")[1])
        assert (shown["backend"], shown["isolation"], shown["counts"]["Completed"]) == ("local-mode", "rewrite", 3)
    assert smtune.read("list")[1].splitlines()[1].split()[:3] == ["churn", "local-mode", "Completed"]
    assert smtune.read("best", "churn")[1] == smtune.read("best", "churn", "--backend", "local")[1]


def test_a_job_that_was_killed_goes_on_as_what_it_was(smtune):
    gate = smtune.folder / "gate"
    os.mkfifo(gate)
    process = smtune.start("run", "tuning.yaml", *ON, "--set", f"static.gate={gate}")
    for line in process.stderr:
        if line.startswith("churn · local-mode"):
            break
    process.kill()
    process.communicate()
    gate.unlink()
    gate.touch()
    status, out, err = smtune("resume", "churn", "-o", "json")
    result = json.loads(out)
    assert status == 0, err
    assert (result["backend"], result["isolation"], result["counts"]["Completed"]) == ("local-mode", "rewrite", 3)


def test_a_plan_shows_isolation_and_metrics(smtune):
    status, out, _ = smtune.read("plan", str(smtune.folder / "tuning.yaml"), *ON)

    assert status == 0
    assert out.splitlines() == [
        "churn · local-mode (rewrite) · random · Minimize loss · 3 trials · 1 at a time · seed 7",
        "  rewrite: every trial has a folder of its own, whose path replaces /opt/ml in arguments and variables",
        "  metrics, by the training job's expressions: loss, test:loss",
    ]


@pytest.mark.parametrize("command", ["run", "plan", "check"])
def test_isolation_is_for_local_mode(smtune, command):
    status, _, err = smtune.read(
        command, str(smtune.folder / "tuning.yaml"), "--backend", "local", "--isolation", "auto"
    )

    assert status == 2
    assert "add --backend local-mode" in err


def test_a_check_runs_its_trial_under_the_contract(smtune):
    script = smtune.folder / "train.py"
    script.write_text(
        "import os\nfrom smtune.container import report\n"
        "assert os.environ['SM_CURRENT_HOST'] == 'algo-1'\nreport({'loss': 1.0})\nreport({'loss': 2.0})\n"
    )
    status, out, err = smtune("check", "tuning.yaml", *ON)

    assert status == 0, out + err
    assert "no problems for backend local-mode" in out
