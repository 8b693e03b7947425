"""A stderr that cannot be written to never costs the job its result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from smtune.progress import open_progress
from smtune.results import JobStatus, TuningResult
from smtune.spec import Goal
from smtune.trial import Trial, TrialStatus

job = TuningResult("churn", "local", JobStatus.InProgress, "loss", Goal.Minimize, "random", 7, (), planned_trials=5)
with open_progress(job, enabled=True) as display:
    display.update(Trial(0, {"x": 0.5}, TrialStatus.Completed, 0.5))
    display.stopping(force=False)
print("the result")
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_stderr_does_no_harm():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-u", "-c", SCRIPT],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            timeout=60,
            check=False,
        )

    assert (done.returncode, done.stdout) == (0, "the result\n")
