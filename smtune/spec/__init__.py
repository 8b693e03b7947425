"""A *spec* describes a tuning job once, for every backend: what varies, what is optimised, what is trained, how long.

It is frozen, knows nothing of where it will run, and reads the same from Python, YAML, TOML and JSON.
"""

from smtune.spec.channels import Channel
from smtune.spec.definition import Definition, of_definition
from smtune.spec.objective import Goal, Objective
from smtune.spec.parts import Limits, Training
from smtune.spec.problems import checked
from smtune.spec.repeats import Repeats, read_repeats
from smtune.spec.resources import Resource, resource_of
from smtune.spec.sagemaker import InstanceChoice, SageMaker
from smtune.spec.selection import Selection
from smtune.spec.stopping import AshaRuleConfig, Completion, EarlyStopping, MedianConfig, PlateauConfig
from smtune.spec.strategies import (
    AshaConfig,
    AutoConfig,
    BayesianConfig,
    ChainConfig,
    ChainStep,
    EvolutionaryConfig,
    GradientConfig,
    GridConfig,
    HyperbandConfig,
    ManualConfig,
    RandomConfig,
    SobolConfig,
    StrategyConfig,
    read_strategy,
)
from smtune.spec.tuning import TuningSpec
from smtune.spec.warm_start import AMT_PREFIX, TUNING_JOB_ARN, WarmStart, WarmStartType, is_json_file

__all__ = [
    "AMT_PREFIX",
    "TUNING_JOB_ARN",
    "AshaConfig",
    "AshaRuleConfig",
    "AutoConfig",
    "BayesianConfig",
    "ChainConfig",
    "ChainStep",
    "Channel",
    "Completion",
    "Definition",
    "EarlyStopping",
    "EvolutionaryConfig",
    "Goal",
    "GradientConfig",
    "GridConfig",
    "HyperbandConfig",
    "InstanceChoice",
    "Limits",
    "ManualConfig",
    "MedianConfig",
    "Objective",
    "PlateauConfig",
    "RandomConfig",
    "Repeats",
    "Resource",
    "SageMaker",
    "Selection",
    "SobolConfig",
    "StrategyConfig",
    "Training",
    "TuningSpec",
    "WarmStart",
    "WarmStartType",
    "checked",
    "is_json_file",
    "of_definition",
    "read_repeats",
    "read_strategy",
    "resource_of",
]
