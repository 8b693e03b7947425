"""From the choice of a strategy to the strategy."""

import subprocess
import sys

import pytest

from smtune.errors import SpecError
from smtune.space import IntegerParameter, SearchSpace
from tests.unit.strategies.steps import build

SPACE = SearchSpace({"depth": IntegerParameter(1, 9)})


@pytest.mark.parametrize("repeats", [0, -1])
def test_repeats_below_one_are_refused(repeats):
    with pytest.raises(SpecError, match=rf"repeats = {repeats}: must be at least 1"):
        build("random", SPACE, repeats=repeats)


def test_importing_strategies_loads_nothing_heavy():
    code = """
import sys
import smtune.strategies
print(sorted({"numpy", "scipy", "pydantic", "pandas"} & set(sys.modules)))
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout.strip() == "[]"
