"""What clears up after a process, as containers need it, does so however the process ended."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, until_idle, until_measured
from tests.faults.runner_processes import process_runner, staged

UP = {"up": r"up=(\d)"}


def runner(folder: Path, script: str, *afterwards: str, **options):
    def stage(trial: Trial):
        return replace(staged(folder, trial), afterwards=afterwards)

    return process_runner(folder, script, stage=stage, **options)


@pytest.mark.parametrize(("code", "status"), [(0, TrialStatus.Completed), (3, TrialStatus.Failed)])
def test_end_is_told_once_all_is_cleared(tmp_path, code, status):
    script = f"open('trace', 'w').close(); raise SystemExit({code})"
    with runner(tmp_path, script, "mv", str(tmp_path / "trials/0/code/trace"), str(tmp_path / "cleared")) as running:
        running.start(Trial(0, {}))
        assert ended(until_idle(running), 0).status is status
        assert (tmp_path / "cleared").exists()


def test_what_outlives_its_grace_is_cleared(tmp_path):
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up=1', flush=True); signal.pause()"
    with runner(tmp_path, script, "touch", str(tmp_path / "cleared"), metrics=UP, grace_seconds=0.1) as running:
        running.start(Trial(0, {}))
        until_measured(running, 0)
        running.stop(0)
        assert ended(until_idle(running), 0).status is TrialStatus.Stopped
        assert (tmp_path / "cleared").exists()


def test_closing_waits_for_it(tmp_path):
    script = "import signal; print('up=1', flush=True); signal.pause()"
    with runner(tmp_path, script, "sh", "-c", f"sleep 0.2; touch {tmp_path}/cleared", metrics=UP) as running:
        running.start(Trial(0, {}))
        until_measured(running, 0)
    assert (tmp_path / "cleared").exists()


def test_command_that_is_not_there_does_no_harm(tmp_path):
    with runner(tmp_path, "", str(tmp_path / "none")) as running:
        running.start(Trial(0, {}))
        assert ended(until_idle(running), 0).status is TrialStatus.Completed


def test_it_is_cleared_after_a_killed_owner(tmp_path):
    os.mkfifo(tmp_path / "cleared")
    program = """
import sys
from pathlib import Path
from smtune.trial import Trial
from tests.contracts.runner_contract import until_measured
from tests.faults.test_afterwards import UP, runner
folder = Path(sys.argv[1])
script = "import signal; print('up=1', flush=True); signal.pause()"
running = runner(folder, script, "sh", "-c", f"echo yes > {folder}/cleared", metrics=UP)
running.start(Trial(0, {}))
until_measured(running, 0)
print("ready", flush=True)
running.wait(None)
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        owner.send_signal(signal.SIGKILL)
        assert (tmp_path / "cleared").read_text() == "yes\n"
