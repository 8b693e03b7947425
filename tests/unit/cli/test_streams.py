"""Streams that cannot be used: a result that is lost says so, anything else that is lost costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HANG_GUARD_SECONDS = 60.0

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
unbuffered = pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])


def shell(smtune, redirection, *arguments, **variables):
    """Run a command with redirections, and return its exit status, stdout and stderr."""
    environment = {key: value for key, value in smtune.environment.items() if key != "PYTHONUNBUFFERED"}
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "smtune", *arguments]
    done = subprocess.run(
        command,
        cwd=smtune.folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=HANG_GUARD_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@needs_full
@unbuffered
@pytest.mark.parametrize("arguments", [["list"], ["best", "churn"], ["logs", "churn", "0"], ["--help"]])
def test_a_result_that_a_full_disk_loses_says_so(finished, arguments, environment):
    assert shell(finished, ">/dev/full", *arguments, **environment) == (
        1,
        "",
        "smtune: cannot write the result: No space left on device\n",
    )


@pytest.mark.parametrize("arguments", [["list"], ["show", "churn"]])
def test_a_result_without_a_stdout_says_so(finished, arguments):
    assert shell(finished, ">&-", *arguments) == (1, "", "smtune: cannot write the result: Bad file descriptor\n")


def test_closed_streams_cost_no_job(smtune):
    status, out, _ = shell(smtune, "<&- 2>&-", "run", "tuning.yaml")

    assert status == 0
    assert out.startswith("churn Completed: 3 of 3 trials")


@needs_full
@unbuffered
def test_progress_that_cannot_be_shown_costs_no_result(smtune, environment):
    status, out, _ = shell(smtune, "2>/dev/full", "run", "tuning.yaml", "--set", "limits.max_parallel=9", **environment)

    assert status == 0
    assert out.startswith("churn Completed: 3 of 3 trials")


@needs_full
def test_an_error_that_cannot_be_told_keeps_its_exit_status(smtune):
    assert shell(smtune, "2>/dev/full", "run", "nowhere.yaml")[:2] == (2, "")
