"""Run the real training scripts on real data, as a laptop, a bare container and the training toolkit would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from smtune.container import Report, metric_regex, parse_report

ROOT = Path(__file__).parents[2]
PARTS = {"train": slice(0, 6), "validation": slice(6, 8), "test": slice(8, 10)}  # tenths
BASE_ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Job:
    """A training job that is ready to start, under one of the contracts."""

    command: list[str]
    cwd: Path
    environ: dict[str, str]
    base: Path

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def checkpoints(self) -> list[Path]:
        return sorted((self.base / "checkpoints").glob("*"))

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    def run(self) -> Run:
        done = subprocess.run(
            self.command, cwd=self.cwd, env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def start(self) -> subprocess.Popen[str]:
        """Start it with a pipe that nobody empties but the test: it cannot run ahead by more than 64 kB of reports."""
        return subprocess.Popen(self.command, cwd=self.cwd, env=self.environ, stdout=subprocess.PIPE, text=True)


@dataclass(frozen=True)
class Run:
    """What a training left behind."""

    code: int
    out: str
    err: str

    @property
    def reports(self) -> list[Report]:
        return [found for found in map(parse_report, self.out.splitlines()) if found]

    @property
    def final(self) -> dict[str, float]:
        """The last value of every metric, read as AMT reads it: with one regex per metric."""
        names = {name for found in self.reports for name in found.metrics}
        return {name: float(re.findall(metric_regex(name), self.out)[-1]) for name in names}

    def history(self, name: str) -> list[float]:
        return [found.metrics[name] for found in self.reports]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Path]]:
    """Folders with csv files, by data set and channel."""
    folders: dict[str, dict[str, Path]] = {}
    for name, load in {"cancer": load_breast_cancer, "diabetes": load_diabetes, "iris": load_iris}.items():
        features, labels = load(return_X_y=True)
        rows = np.column_stack([labels, features])
        rows = rows[np.random.default_rng(0).permutation(len(rows))]
        tenths = np.array_split(rows, 10)
        folders[name] = {}
        for part, which in PARTS.items():
            folder = tmp_path_factory.mktemp(f"{name}-{part}")
            for number, piece in enumerate(tenths[which]):
                np.savetxt(folder / f"part-{number}.csv", piece, delimiter=",", fmt="%.9g")
            folders[name][part] = folder
    return folders


MakeJob = Callable[..., Job]


@pytest.fixture(scope="session")
def make_job(tmp_path_factory: pytest.TempPathFactory) -> MakeJob:
    """Return a function that prepares a job: ``make_job("xgboost", channels, {"eta": 0.1}, contract="bare")``."""

    def make(
        code: str,
        channels: Mapping[str, Path],
        hyperparameters: Mapping[str, Any],
        *,
        contract: str = "bare",
        objective: str = "validation:auc",
        base: Path | None = None,
        script: Sequence[str] | None = None,
    ) -> Job:
        folder = ROOT / "training_containers" / code
        base = base or tmp_path_factory.mktemp("job")
        program = list(script or [sys.executable, "-W", "error", str(folder / "train.py")])
        arguments = [text for key, value in hyperparameters.items() for text in ("--" + key, str(value))]
        variables = {"SM_CHANNEL_" + key.upper(): str(place) for key, place in channels.items()}
        if contract == "laptop":
            return Job(program + arguments, base, {**BASE_ENVIRONMENT, **variables}, base)
        (base / "output").mkdir(exist_ok=True)
        if contract == "toolkit":
            variables |= {
                "SM_HPS": json.dumps(hyperparameters),
                "SM_CHANNELS": json.dumps(sorted(channels)),
                "SM_INPUT_DIR": str(base / "input"),
                "SM_MODEL_DIR": str(base / "model"),
                "SM_OUTPUT_DIR": str(base / "output"),
                "SM_OUTPUT_DATA_DIR": str(base / "output" / "data"),
                "TRAINING_JOB_NAME": "job-001",
            }
            return Job(program + arguments, folder, {**BASE_ENVIRONMENT, **variables}, base)
        config = base / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in hyperparameters.items()}
        texts["_tuning_objective_metric"] = objective
        (config / "hyperparameters.json").write_text(json.dumps(texts))
        (config / "inputdataconfig.json").write_text(json.dumps({key: {} for key in channels}))
        (base / "input" / "data").mkdir(exist_ok=True)
        for key, place in channels.items():
            link = base / "input" / "data" / key
            if not link.exists():
                link.symlink_to(place)
        return Job([*program, "train"], base, {**BASE_ENVIRONMENT, "SAGEMAKER_BASE_DIR": str(base)}, base)

    return make


RunSnippet = Callable[[str, str], Any]


@pytest.fixture(scope="session")
def run_snippet() -> RunSnippet:
    """Return a function that runs Python beside a training script and returns the JSON that it prints last."""

    def run(code: str, snippet: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", snippet],
            cwd=ROOT / "training_containers" / code,
            env=BASE_ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


# Imports cost more than these small trainings: one process runs the script's main function for all of them.
ONE_AFTER_THE_OTHER = """
import contextlib, io, json, os, sys
import train
runs = []
for variables, arguments in json.loads({jobs!r}):
    os.environ.update(variables)
    sys.argv[1:] = arguments
    out, error = io.StringIO(), ""
    with contextlib.redirect_stdout(out):
        try:
            train.main()
        except Exception as caught:
            error = type(caught).__name__ + ": " + str(caught)
    runs.append([int(bool(error)), out.getvalue(), error])
    for name in variables:
        del os.environ[name]
print(json.dumps(runs))
"""
RunAll = Callable[[str, Sequence[Job]], list[Run]]


@pytest.fixture(scope="session")
def run_all(run_snippet: RunSnippet) -> RunAll:
    """Return a function that runs several jobs of the toolkit's contract; ``err`` is then the error alone."""

    def run(code: str, jobs: Sequence[Job]) -> list[Run]:
        contracts = [
            ({name: value for name, value in job.environ.items() if name not in BASE_ENVIRONMENT}, job.command[4:])
            for job in jobs
        ]
        return [Run(*found) for found in run_snippet(code, ONE_AFTER_THE_OTHER.format(jobs=json.dumps(contracts)))]

    return run


Case = tuple[Mapping[str, Path], Mapping[str, Any], str]


@pytest.fixture
def check_failures(make_job: MakeJob, run_all: RunAll) -> Callable[[str, Sequence[Case]], None]:
    """Return a function that trains in vain, once per case: channels, hyperparameters, part of the expected error."""

    def check(code: str, cases: Sequence[Case]) -> None:
        runs = run_all(code, [make_job(code, channels, given, contract="toolkit") for channels, given, _ in cases])
        assert [want for _, _, want in cases] == [
            want if want in run.err else run.err for (_, _, want), run in zip(cases, runs, strict=True)
        ]

    return check
