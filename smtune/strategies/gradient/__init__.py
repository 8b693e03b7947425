"""Search along the derivatives of the objective with respect to the parameters: hypergradients (Pedregosa, 2016).

A *descent* walks from one start to a minimum near it, in the unit cube of the scaled ranges; every point that it looks
at is a trial. The search runs several of them side by side.
"""

from smtune.strategies.gradient.search import GradientSearch

__all__ = ["GradientSearch"]
