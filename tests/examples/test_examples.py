"""The examples run as they are written, only shorter."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The folders that the examples use, where nothing that is written stays; the data are prepared."""
    path = tmp_path_factory.mktemp("project")
    for folder in ("examples", "training_containers"):
        shutil.copytree(ROOT / folder, path / folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    run(path, "examples/breast_cancer/prepare.py")
    run(path, "examples/diabetes/prepare.py")
    return path


def run(project, *command):
    environment = {**os.environ, "SMTUNE_HOME": str(project / "home")}
    result = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_breast_cancer_channels_share_no_row_and_the_labels_evenly(project):
    files = {name: project / f"examples/breast_cancer/data/{name}/rows.csv" for name in ("train", "test")}
    rows = {
        name: [tuple(map(float, row)) for row in csv.reader(file.read_text().splitlines())]
        for name, file in files.items()
    }
    before = {name: file.read_bytes() for name, file in files.items()}
    run(project, "examples/breast_cancer/prepare.py")

    assert {name: len(part) for name, part in rows.items()} == {"train": 398, "test": 171}
    assert not set(rows["train"]) & set(rows["test"])
    shares = [sum(row[0] for row in part) / len(part) for part in rows.values()]
    assert shares == pytest.approx([357 / 569] * 2, abs=0.005)
    assert {name: file.read_bytes() for name, file in files.items()} == before


def test_the_breast_cancer_job_compares_with_the_untuned_default(project):
    spec = "examples/breast_cancer/tuning.yaml"
    shorter = ["--set", "limits.max_trials=3", "--set", "static.num_round=3", "--set", "static.cv_folds=2"]
    result = json.loads(run(project, "-m", "smtune", "run", spec, *shorter, "--output", "json"))
    summary = run(project, "-m", "smtune", "show", "breast-cancer")

    assert result["counts"]["Completed"] == 3
    assert result["trials"][0]["origin"] == "baseline"
    assert {"validation:logloss", "test:logloss", "test:auc"} <= result["trials"][0]["metrics"].keys()
    assert "(untuned)" in summary or "the best as well" in summary
    assert "  holdout  test:logloss" in summary


DENSE_GRID = """
import sys
import numpy as np
sys.path.insert(0, "training_containers/sklearn")
from tabular import Table, make_folds
rows = np.loadtxt("examples/diabetes/data/train/rows.csv", delimiter=",")
levels = np.logspace(-2, 4, 41)
penalties = np.array([[one] * 10 + [other] * 55 for one in levels for other in levels])
losses = []
for learnt, held_out in make_folds(Table(rows[:, 1:], rows[:, 0]), 5, 0):
    mean, spread, middle = learnt.features.mean(0), learnt.features.std(0), learnt.labels.mean()
    features = (learnt.features - mean) / spread
    systems = features.T @ features + penalties[:, :, None] * np.eye(65)
    weights = np.linalg.solve(systems, (features.T @ (learnt.labels - middle))[None, :, None])[..., 0]
    scores = (held_out.features - mean) / spread @ weights.T + middle
    losses.append(((scores - held_out.labels[:, None]) ** 2).mean(0))
print(np.mean(losses, 0).min())
"""


def test_the_diabetes_job_gets_below_a_dense_grid_in_few_trials(project):
    result = json.loads(run(project, "-m", "smtune", "run", "examples/diabetes/tuning.yaml", "--output", "json"))
    summary = run(project, "-m", "smtune", "show", "diabetes")
    of_1681 = float(run(project, "-c", DENSE_GRID))

    assert result["status"] == "Completed"
    assert result["counts"]["Completed"] == len(result["trials"]) < 80  # it ended by itself
    assert result["best"]["objective"] < of_1681
    assert result["best"]["objective"] < 0.9 * result["trials"][0]["objective"]  # the baseline
    assert {"hypergradient:alpha_measured", "hypergradient:alpha_products"} < result["trials"][0]["metrics"].keys()
    assert "  holdout  test:mse" in summary


def test_the_function_example_finds_the_cube(project):
    out = run(project, "examples/function.py")
    found = re.match(r"best: (\S+) square decimetres", out)

    assert found is not None
    assert 6.0 <= float(found[1]) < 6.2
