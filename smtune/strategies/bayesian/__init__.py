"""Bayesian optimisation with Gaussian processes, in numpy and scipy alone.

One module per idea, in the order in which a proposal passes through them: :mod:`coding` turns configurations into
points, :mod:`responses` losses into well-behaved numbers, :mod:`kernels` and :mod:`process` fit the model,
:mod:`acquisition` says how promising a point is, :mod:`candidates` looks for the most promising one, and
:mod:`search` joins them.
"""

from smtune.strategies.bayesian.search import BayesianSearch

__all__ = ["BayesianSearch"]
