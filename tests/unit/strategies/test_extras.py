"""Optional packages are asked for before anything starts."""

import subprocess
import sys

import pytest

CODE = """
import sys
sys.modules["scipy"] = None  # what Python makes of a package that is not there
from smtune import TuningSpec, tune
from smtune.errors import MissingExtraError
spec = TuningSpec(
    objective={"metric": "loss", "goal": "Minimize"},
    parameters={"x": {"type": "continuous", "min": 0, "max": 1}},
    strategy=STRATEGY,
    limits={"max_trials": 3},
)
try:
    tune(spec, function=print)
except MissingExtraError as error:
    print("told:", error)
"""


@pytest.mark.parametrize(
    ("strategy", "extra"),
    [
        ('"sobol"', "sobol"),
        ('{"type": "chain", "steps": [{"strategy": "random", "trials": 2}, {"strategy": "sobol"}]}', "sobol"),
        ('"bayesian"', "bayesian"),
    ],
)
def test_a_missing_package_is_named_with_the_command_before_the_first_trial(strategy, extra, tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path))
    code = CODE.replace("STRATEGY", strategy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told = f'told: strategy {extra} needs an optional package: pip install "smtune[{extra}]"'
    assert done.stdout.strip() == told
    assert list(tmp_path.iterdir()) == []
