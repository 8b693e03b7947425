"""Every type of strategy keeps the contract."""

import os
import subprocess
import sys
from itertools import islice

import pytest

from smtune.space import IntegerParameter, SearchSpace
from smtune.spec import (
    BayesianConfig,
    ChainConfig,
    EvolutionaryConfig,
    GridConfig,
    ManualConfig,
    RandomConfig,
    SobolConfig,
    StrategyConfig,
)
from smtune.spec.strategies import STRATEGY_CONFIGS
from tests.contracts.strategy_contract import MIXED, StrategyContract, run


class TestManual(StrategyContract):
    seeded = False

    def config(self, space: SearchSpace) -> StrategyConfig:
        most = 10_000 if len(space) == 2 else 40
        return ManualConfig(configurations=[dict(one) for one in islice(space.grid(105), most)])


class TestGrid(StrategyContract):
    seeded = False

    def config(self, space: SearchSpace) -> StrategyConfig:
        return GridConfig(levels=105)


class TestRandom(StrategyContract):
    def config(self, space: SearchSpace) -> StrategyConfig:
        return RandomConfig()


class TestSobol(StrategyContract):
    def config(self, space: SearchSpace) -> StrategyConfig:
        return SobolConfig()


class TestEvolutionary(StrategyContract):
    def config(self, space: SearchSpace) -> StrategyConfig:
        return EvolutionaryConfig()


class TestBayesian(StrategyContract):
    deliberate = True

    def config(self, space: SearchSpace) -> StrategyConfig:
        return BayesianConfig()


class TestBayesianOfNoise(StrategyContract):
    deliberate = True

    def config(self, space: SearchSpace) -> StrategyConfig:
        return BayesianConfig(noisy=True, startup=4)


class TestChain(StrategyContract):
    def config(self, space: SearchSpace) -> StrategyConfig:
        return ChainConfig.model_validate(
            {
                "steps": [
                    {"strategy": "sobol", "trials": 9},
                    {"strategy": {"type": "grid", "levels": 3}, "trials": 6, "narrow": 0.3},
                    {"strategy": "random", "trials": 6},
                    {"strategy": "evolutionary"},
                ]
            }
        )


def test_every_type_that_a_spec_can_name_is_tested() -> None:
    tested = {type(contract().config(MIXED)) for contract in StrategyContract.__subclasses__()}
    assert tested == set(STRATEGY_CONFIGS.values())


HISTORIES = """
from tests.contracts import test_strategies as t
from tests.contracts.strategy_contract import MIXED, StrategyContract, run
for contract in StrategyContract.__subclasses__():
    print(contract.__name__, run(contract().make(), MIXED, 40))
"""


def test_suggestions_do_not_depend_on_how_python_hashes() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", HISTORIES],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1")
    }
    (histories,) = outputs
    assert histories.count("\n") == len(StrategyContract.__subclasses__())


@pytest.mark.parametrize(("contract", "depths"), [(TestRandom, 10), (TestSobol, 10), (TestEvolutionary, 2)])
def test_thousands_of_configurations_are_exhausted_exactly(contract: type[StrategyContract], depths: int) -> None:
    # Half of the values of `units` are so unlikely that plain draws would hardly ever find them all.
    space = SearchSpace({"units": IntegerParameter(1, 1000, "Logarithmic"), "depth": IntegerParameter(1, depths)})
    history = run(contract().make(space), space, 20_000)
    assert len(history) == 1000 * depths
    assert len({tuple(suggestion.parameters.values()) for suggestion in history}) == 1000 * depths
