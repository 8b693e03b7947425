"""Every type of strategy keeps the contract."""

import os
import subprocess
import sys
from itertools import islice

import pytest

from smtune.errors import SpecError
from smtune.space import ContinuousParameter, IntegerParameter, SearchSpace
from smtune.spec import (
    AshaConfig,
    AutoConfig,
    BayesianConfig,
    ChainConfig,
    EvolutionaryConfig,
    GradientConfig,
    GridConfig,
    HyperbandConfig,
    ManualConfig,
    RandomConfig,
    SobolConfig,
    StrategyConfig,
)
from smtune.spec.strategies import STRATEGY_CONFIGS
from tests.contracts.strategy_contract import CONTINUOUS, FINITE, SearchContract, StrategyContract, run


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


class TestBayesianThatBeginsEarly(StrategyContract):
    deliberate = True

    def config(self, space: SearchSpace) -> StrategyConfig:
        return BayesianConfig(startup=4)


class TestGradient(SearchContract):
    space = small = CONTINUOUS
    long = SearchSpace({"eta": ContinuousParameter(0, 1), "rate": ContinuousParameter(1e-6, 1, "Logarithmic")})

    def config(self, space: SearchSpace) -> StrategyConfig:
        return GradientConfig(starts=10_000 if space is self.long else 40)


class TestGradientByAdam(SearchContract):
    space = small = CONTINUOUS
    long = TestGradient.long

    def config(self, space: SearchSpace) -> StrategyConfig:
        return GradientConfig(method="adam", starts=10_000 if space is self.long else 40)


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


class TestAuto(StrategyContract):
    deliberate = True

    def config(self, space: SearchSpace) -> StrategyConfig:
        return AutoConfig()


class _MultiFidelityContract(StrategyContract):
    """Trials that end by themselves, whatever they were given, are all that the contract knows."""

    def test_repeats_follow_one_another(self) -> None:
        with pytest.raises(SpecError, match="repeats = 3: cannot be more than 1"):
            self.make(FINITE, repeats=3)

    test_it_learns_from_the_mean_of_the_repeats_that_succeeded = None  # type: ignore[assignment]  # there are none
    test_it_is_not_exhausted_in_the_middle_of_repeats = None  # type: ignore[assignment]
    test_a_race_in_any_order_can_be_replayed = None  # type: ignore[assignment]
    test_a_race_trains_all_and_the_best_most = None  # type: ignore[assignment]


class TestHyperband(_MultiFidelityContract):
    def config(self, space: SearchSpace) -> StrategyConfig:
        return HyperbandConfig.model_validate({"resource": {"epochs": "1 to 27"}, "sampler": "evolutionary"})


class TestAsha(_MultiFidelityContract):
    def config(self, space: SearchSpace) -> StrategyConfig:
        return AshaConfig.model_validate({"resource": {"epochs": "1 to 27"}})


_KINDS: tuple[type[SearchContract], ...] = (SearchContract, StrategyContract, _MultiFidelityContract)
CONTRACTS = [contract for kind in _KINDS for contract in kind.__subclasses__() if contract not in _KINDS]


def test_every_type_that_a_spec_can_name_is_tested() -> None:
    tested = {type(contract().config(contract.space)) for contract in CONTRACTS}
    assert tested == set(STRATEGY_CONFIGS.values())


HISTORIES = """
from tests.contracts import test_strategies as t
from tests.contracts.strategy_contract import run
for contract in t.CONTRACTS:
    print(contract.__name__, run(contract().make(), contract.space, 40))
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
    assert histories.count("\n") == len(CONTRACTS)


@pytest.mark.parametrize(("contract", "depths"), [(TestRandom, 10), (TestSobol, 10), (TestEvolutionary, 2)])
def test_thousands_of_configurations_are_exhausted_exactly(contract: type[StrategyContract], depths: int) -> None:
    # Half of the values of `units` are so unlikely that plain draws would hardly ever find them all.
    space = SearchSpace({"units": IntegerParameter(1, 1000, "Logarithmic"), "depth": IntegerParameter(1, depths)})
    history = run(contract().make(space), space, 20_000)
    assert len(history) == 1000 * depths
    assert len({tuple(suggestion.parameters.values()) for suggestion in history}) == 1000 * depths
