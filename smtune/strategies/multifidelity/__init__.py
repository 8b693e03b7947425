"""Many configurations get a little training, few of them get all of it.

A *resource* is what a training spends, counted in the user's unit: epochs, boosting rounds. A *rung* is a resource at
which trials pause and are compared; the best of them are *promoted*: they go on to the next rung.
"""

from smtune.strategies.multifidelity.brackets import Bracket, Rung, hyperband_brackets, rung_resources
from smtune.strategies.multifidelity.halving import AsynchronousHalving
from smtune.strategies.multifidelity.hyperband import Hyperband
from smtune.strategies.multifidelity.levels import LevelSampler
from smtune.strategies.multifidelity.schedule import outline
from smtune.strategies.multifidelity.scheduler import Promotion, Scheduler
from smtune.strategies.multifidelity.strategy import MultiFidelityStrategy

__all__ = [
    "AsynchronousHalving",
    "Bracket",
    "Hyperband",
    "LevelSampler",
    "MultiFidelityStrategy",
    "Promotion",
    "Rung",
    "Scheduler",
    "hyperband_brackets",
    "outline",
    "rung_resources",
]
