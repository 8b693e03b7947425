"""Training containers are often old and bare: nothing but Python 3.8 may be needed."""

import ast
import doctest
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import smtune.container

ROOT = Path(__file__).parents[3]
FILES = [ROOT / "smtune" / "__init__.py", *sorted((ROOT / "smtune" / "container").glob("*.py"))]
HEAVY = {
    "argparse",
    "dataclasses",
    "enum",
    "functools",
    "inspect",
    "json",
    "logging",
    "pathlib",
    "re",
    "signal",
    "threading",
    "typing",
}

EVERYTHING = """
import os, signal, sys
from smtune.container import *
assert sys.version_info[:2] == (3, 8)
assert decode_value(encode_value([1, "2", 0.5, True])) == [1, "2", 0.5, True]
assert parse_report("smtune: step=1; loss=0.5") == Report(1, {"loss": 0.5})
assert metric_definitions(["loss"])[0]["Name"] == "loss"
with capture_reports(print):
    report({"loss": 0.25}, step=2)
report({"loss": 0.5}, step=1)
print(hyperparameters({"eta": 1.0, "depth": 3}), sorted(channels()), channel("train").name)
print(model_dir().name, output_dir().name, checkpoint_dir().name, Environment.current().hosts)
with stop_signal() as stop:
    os.kill(os.getpid(), signal.SIGTERM)
    print(stop.requested)
raise ValueError("on purpose")
"""
EXPECTED = """\
2 {'loss': 0.25}
smtune: step=1; loss=0.5
{'eta': 0.5, 'depth': 6} ['train'] train
model data checkpoints ('localhost',)
True
"""


def python38() -> str | None:
    candidates = sorted(Path.home().glob(".pyenv/versions/3.8*/bin/python"))
    candidates += [Path(found) for found in [shutil.which("python3.8")] if found]
    for candidate in candidates:
        probe = [str(candidate), "-c", "import sys; sys.exit(sys.version_info[:2] != (3, 8))"]
        if subprocess.run(probe, capture_output=True, timeout=60, check=False).returncode == 0:
            return str(candidate)
    return None


def test_everything_works_on_python_3_8(tmp_path):
    python = python38()
    if python is None:
        for file in FILES:
            ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 8))
        return
    (tmp_path / "input/config").mkdir(parents=True)
    (tmp_path / "input/data/train").mkdir(parents=True)
    (tmp_path / "output").mkdir()
    (tmp_path / "input/config/hyperparameters.json").write_text(json.dumps({"eta": "0.5"}))
    done = subprocess.run(
        [python, "-c", EVERYTHING, "train", "--depth", "6"],
        env={"SAGEMAKER_BASE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == EXPECTED, done.stderr
    assert (tmp_path / "output/failure").read_text().startswith("ValueError: on purpose")


def test_importing_it_loads_next_to_nothing():
    script = "import sys; before = set(sys.modules); import smtune.container; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("smtune")} - {"smtune"} == {
        "smtune.container",
        *("smtune.container." + file.stem for file in FILES if file.stem != "__init__"),
    }
    assert not loaded & HEAVY
    assert {name.partition(".")[0] for name in loaded} <= {"smtune", *sys.stdlib_module_names}


def test_the_public_names():
    assert sorted(smtune.container.__all__) == smtune.container.__all__
    assert all(hasattr(smtune.container, name) for name in smtune.container.__all__)
    assert all(getattr(smtune.container, name).__doc__ for name in smtune.container.__all__)


@pytest.mark.parametrize("module", ["values", "reporting", "sources", "coercion", "termination"])
def test_the_examples_in_docstrings(module):
    result = doctest.testmod(importlib.import_module("smtune.container." + module))
    assert result.attempted > 0
    assert result.failed == 0
