"""A *space* says what may vary: named parameters, their legal values, and how draws spread over them.

Every strategy works on the unit cube of a :class:`SearchSpace`; scalings, steps and choices are known here only.
"""

from smtune.space.categorical import CategoricalParameter
from smtune.space.foreign import as_parameter
from smtune.space.parameter import Parameter, Value
from smtune.space.presets import PRESETS
from smtune.space.ranges import ContinuousParameter, IntegerParameter
from smtune.space.scaling import Scaling
from smtune.space.search_space import Configuration, SearchSpace

__all__ = [
    "PRESETS",
    "CategoricalParameter",
    "Configuration",
    "ContinuousParameter",
    "IntegerParameter",
    "Parameter",
    "Scaling",
    "SearchSpace",
    "Value",
    "as_parameter",
]
