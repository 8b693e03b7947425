"""The first minutes: help, version, init, schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from smtune import TuningSpec
from smtune.spec.strategies import STRATEGY_CONFIGS

HEAVY = ("IPython", "numpy", "pandas", "pydantic", "rich", "scipy", "sklearn", "sqlite3", "yaml")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    command = [sys.executable, "-X", "importtime", "-m", "smtune", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}

    assert "typer" in loaded
    assert not [name for name in loaded if name.split(".")[0] in HEAVY]


def test_help_names_every_command(smtune):
    status, out, _ = smtune.read("--help")

    assert status == 0
    for command in ("init", "plan", "run", "resume", "list", "show", "best", "logs", "watch", "stop", "schema"):
        assert f"\n  {command} " in out


def test_a_misspelt_command_is_answered_with_its_neighbour(smtune):
    status, out, err = smtune.read("shwo")

    assert (status, out) == (2, "")
    assert "Did you mean 'show'?" in err


def test_what_init_writes_runs_at_once(smtune):
    status, out, _ = smtune("init", "first")
    assert status == 0
    assert "smtune run first/tuning.yaml" in out

    status, out, err = smtune("run", "first/tuning.yaml", "--set", "limits.max_trials=2", "--output", "json")

    assert status == 0, err
    assert json.loads(out)["counts"]["Completed"] == 2


def test_what_init_writes_names_every_strategy(smtune):
    smtune("init", "first")
    lines = (smtune.folder / "first" / "tuning.yaml").read_text().splitlines()
    (listed,) = [line for line in lines if line.startswith("# manual, ")]

    assert re.findall(r"\w+", listed.replace(" or ", ", ")) == list(STRATEGY_CONFIGS)


def test_init_replaces_nothing_unless_told_to(smtune):
    mine = (smtune.folder / "train.py").read_text()
    status, out, err = smtune("init")

    assert (status, out) == (2, "")
    assert "train.py, tuning.yaml" in err
    assert (smtune.folder / "train.py").read_text() == mine
    assert not (smtune.folder / "tuning.schema.json").exists()

    assert smtune("init", "--force")[0] == 0
    assert (smtune.folder / "train.py").read_text() != mine


def test_the_schema_is_that_of_a_spec(smtune):
    status, out, _ = smtune.read("schema")

    assert status == 0
    assert json.loads(out) == TuningSpec.model_json_schema()
