"""What a multi-fidelity search will do, in words, before it does it."""

from __future__ import annotations

from itertools import cycle

from smtune.spec.resources import Resource
from smtune.spec.strategies import AshaConfig, HyperbandConfig
from smtune.strategies.multifidelity.brackets import Bracket, halving, hyperband_brackets, rung_resources


def outline(config: HyperbandConfig | AshaConfig, resource: Resource, *, max_trials: int | None) -> list[str]:
    r"""Return the plan of a search, one line per bracket, and what it costs at most.

    >>> config = HyperbandConfig(resource={"epochs": "1 to 9"})
    >>> print(*outline(config, config.resource, max_trials=14), sep="\n")
    bracket 1: 9 trials of 1 epochs, 3 go on to 3, 1 goes on to 9
    bracket 2: 5 trials of 3 epochs, 1 goes on to 9
    42 epochs in all, where 14 whole trainings would take 126
    """
    if config.type == "asha":
        return _asynchronous(config, resource, max_trials)
    brackets = hyperband_brackets(resource.min, resource.max, config.eta)[: config.brackets]
    if max_trials is None:
        return [_line(place, bracket, resource.unit) for place, bracket in enumerate(brackets, 1)]
    lines, left, cost = [], max_trials, 0
    for place, whole in enumerate(cycle(brackets), 1):
        resources = [rung.resource for rung in whole]
        bracket = whole if left >= whole[0].size else halving(left, resources, config.eta)
        left -= bracket[0].size
        cost += _cost(bracket)
        lines.append(_line(place, bracket, resource.unit))
        if not left:
            break
    if len(lines) > _SHOWN:
        lines = [*lines[: _SHOWN - 1], f"... {len(lines) - _SHOWN + 1} further brackets"]
    whole_cost = max_trials * resource.max
    total = f"{cost} {resource.unit} in all, where {max_trials} whole trainings would take {whole_cost}"
    return [*lines, total]


_SHOWN = 8


def _asynchronous(config: AshaConfig, resource: Resource, max_trials: int | None) -> list[str]:
    resources = rung_resources(resource.min, resource.max, config.eta)
    steps = ", ".join(map(str, resources[:-1]))
    rule = f"every trial begins with {resources[0]} {resource.unit}; at {steps} the best 1/{config.eta} so far go on, up to {resource.max}"
    if max_trials is None or len(resources) == 1:
        return [rule]
    cost = _cost(halving(max_trials, resources, config.eta))
    return [
        rule,
        f"about {cost} {resource.unit} in all, where {max_trials} whole trainings would take {max_trials * resource.max}",
    ]


def _line(place: int, bracket: Bracket, unit: str) -> str:
    first, *rest = bracket
    begin = f"bracket {place}: {first.size} trial{'s' * (first.size > 1)} of {first.resource} {unit}"
    return ", ".join(
        [begin, *(f"{rung.size} {'go' if rung.size > 1 else 'goes'} on to {rung.resource}" for rung in rest)]
    )


def _cost(bracket: Bracket) -> int:
    """Return the resource that all trials of a bracket use together, given that they resume from checkpoints."""
    used, cost = 0, 0
    for rung in bracket:
        cost += rung.size * (rung.resource - used)
        used = rung.resource
    return cost
