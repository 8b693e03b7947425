"""A folder with a training, and the command line as its users start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from smtune.cli.app import app

TRAIN = """
import json, os, signal, sys
from smtune.container import hyperparameters, report

params = hyperparameters(defaults={"x": 0.0, "gate": "", "behaviour": "train", "first": 0})
if params["behaviour"] == "fail":
    raise ValueError("x\\x1b[2J is too large")
report({"loss": (params["x"] - 0.3) ** 2 + 1.0}, step=0)
if params["behaviour"] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report({"loss": 1.0}, step=1)
if params["behaviour"] == "loud":
    print("\\n".join(f"line {index}" for index in range(100_000)))
if params["gate"]:
    open(params["gate"]).read()
report({"loss": (params["x"] - 0.3) ** 2, "test:loss": (params["x"] - 0.3) ** 2 + 0.5}, step=1)
"""

SPEC = """
name: churn
objective: {metric: loss, goal: Minimize}
parameters: {x: {type: continuous, min: 0, max: 1}}
baseline: {x: 1.0}
strategy: random
limits: {max_trials: 3}
seed: 7
training: {entry_point: train.py}
"""

HANG_GUARD_SECONDS = 60.0


class CommandLine:
    """Starts ``smtune`` in a folder of its own, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[str]] = []
        self.environment = {**os.environ, "SMTUNE_HOME": str(folder / "home"), "COLUMNS": "120"}
        (folder / "train.py").write_text(TRAIN)
        (folder / "tuning.yaml").write_text(SPEC)

    def start(self, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, through=(), **variables):
        """Start a command, with further environment variables, by way of other arguments of Python."""
        command = [sys.executable, *through] if through else []
        process = subprocess.Popen(
            [*command, sys.executable, "-m", "smtune", *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
        self._started.append(process)
        return process

    def close(self):
        """End what a failed test left running; trials end with their runner."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def __call__(self, *arguments, **variables):
        """Run a command and return its exit status, stdout and stderr."""
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=HANG_GUARD_SECONDS)
        return process.returncode, out, err

    def read(self, *arguments):
        """Run a command within this process: quicker, for commands that start nothing."""
        result = CliRunner().invoke(app, arguments, env={"SMTUNE_HOME": self.environment["SMTUNE_HOME"]})
        return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def smtune(tmp_path):
    line = CommandLine(tmp_path)
    yield line
    line.close()


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A command line that knows one job, which has completed: churn."""
    line = CommandLine(tmp_path_factory.mktemp("finished"))
    status, _, err = line("run", "tuning.yaml")
    assert status == 0, err
    return line
