"""How many configurations get how much training: pure numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """A resource at which trials are compared.

    Attributes:
        resource: What a trial has used when it gets here, from its start.
        size: How many trials get here.
    """

    resource: int
    size: int


Bracket = tuple[Rung, ...]
"""One run of successive halving: every rung has fewer trials than the one before, and more resource for each."""


def rung_resources(least: int, most: int, eta: int) -> tuple[int, ...]:
    """Return the resources of the rungs: ``most``, a share ``1 / eta`` of it, and so on, down to ``least`` or more.

    >>> rung_resources(1, 27, 3)
    (1, 3, 9, 27)
    >>> rung_resources(1, 100, 3)
    (1, 4, 11, 33, 100)

    Args:
        least: The smallest resource that says something about a configuration, at least 1.
        most: A whole training.
        eta: Factor between rungs, at least 2.
    """
    resources = [most]
    exact = most / eta
    while exact >= least * (1 - 1e-9):
        resources.append(max(least, round(exact)))
        exact /= eta
    return tuple(sorted(set(resources)))


def hyperband_brackets(least: int, most: int, eta: int) -> tuple[Bracket, ...]:
    """Return the brackets of one round, the one with the most configurations and the least training first.

    Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar (2018), "Hyperband: a novel bandit-based approach to
    hyperparameter optimization", algorithm 1: bracket s begins with ``ceil((s_max + 1) / (s + 1) * eta**s)``
    configurations, and every rung keeps a share ``1 / eta`` of them.

    >>> for bracket in hyperband_brackets(1, 9, 3):
    ...     print([(rung.size, rung.resource) for rung in bracket])
    [(9, 1), (3, 3), (1, 9)]
    [(5, 3), (1, 9)]
    [(3, 9)]
    """
    resources = rung_resources(least, most, eta)
    highest = len(resources) - 1
    brackets = []
    for start in range(len(resources)):
        halvings = highest - start
        first = -(-(highest + 1) * eta**halvings // (halvings + 1))  # rounded up
        brackets.append(halving(first, resources[start:], eta))
    return tuple(brackets)


def halving(first: int, resources: Sequence[int], eta: int) -> Bracket:
    """Return a bracket of ``first`` configurations, of which every rung keeps a share ``1 / eta``, at least one.

    >>> [(rung.size, rung.resource) for rung in halving(12, (3, 9, 27), 3)]
    [(12, 3), (4, 9), (1, 27)]
    """
    return tuple(Rung(resource, max(1, first // eta**place)) for place, resource in enumerate(resources))
