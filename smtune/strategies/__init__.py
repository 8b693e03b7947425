"""A *strategy* decides which configuration of a space is trained next, and learns from the trials that ended.

It runs nothing itself: whoever asks also trains, and tells what came of it.

=================  ====================================================================================
``manual``         the listed configurations, then whatever is enqueued
``grid``           every combination of the values of each parameter
``random``         independent draws
``sobol``          draws that cover the space evenly
``evolutionary``   a genetic algorithm without generations, its children pre-selected
``bayesian``       what a Gaussian process of the results expects most of
``gradient``       descents along the derivatives that the trials report
``chain``          several of these, one after the other, each perhaps in a narrower space
``hyperband``      brackets of trials that train a little, and the best of them go on
``asha``           the same without brackets: nobody waits
``auto``           one of these, by space, number of trials and parallelism
=================  ====================================================================================

Most are proposers (:mod:`smtune.strategies.proposer`), which know where configurations come from. Numbers, repeats, the
queue and duplicates are the same for all of them (:mod:`smtune.strategies.bookkeeping`). Hyperband and ASHA give trials
their training in parts (:mod:`smtune.strategies.multifidelity`).
"""

from smtune.strategies.base import Strategy, Suggestion
from smtune.strategies.factory import build_strategy, strategy_of
from smtune.strategies.grid import grid_size

__all__ = ["Strategy", "Suggestion", "build_strategy", "grid_size", "strategy_of"]
