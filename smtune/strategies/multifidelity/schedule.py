"""What a multi-fidelity search will do, in words, before it does it."""

from __future__ import annotations

from itertools import cycle

from smtune.spec.resources import Resource
from smtune.spec.strategies import AshaConfig, HyperbandConfig
from smtune.strategies.multifidelity.brackets import Bracket, halving, hyperband_brackets, rung_resources

_SHOWN = 8
"""Lines for brackets, at most."""


def outline(config: HyperbandConfig | AshaConfig, resource: Resource, *, max_trials: int | None) -> list[str]:
    r"""Return the plan of a search, one line per bracket, and what it costs at most.

    >>> config = HyperbandConfig(resource={"epochs": "1 to 9"})
    >>> print(*outline(config, config.resource, max_trials=14), sep="\n")
    bracket 1: 9 trials with epochs = 1, the best 3 with 3, the best 1 with 9
    bracket 2: 5 trials with epochs = 3, the best 1 with 9
    epochs in all: 42, if trials go on from checkpoints; 14 whole trainings take 126

    Args:
        config: The strategy.
        resource: What a training spends.
        max_trials: How many trials there will be at most; ``None`` if only time ends the search.
    """
    if config.type == "asha":
        return _asynchronous(config, resource, max_trials)
    round_of_brackets = hyperband_brackets(resource.min, resource.max, config.eta)[: config.brackets]
    if max_trials is None:
        lines = [_line(place, bracket, resource.unit) for place, bracket in enumerate(round_of_brackets, 1)]
        return [*lines, "and again from bracket 1, until the time of the job is over"]
    brackets = _begun(round_of_brackets, config.eta, max_trials)
    lines = [_line(place, bracket, resource.unit) for place, bracket in enumerate(brackets, 1)]
    if len(lines) > _SHOWN:
        lines = [*lines[: _SHOWN - 1], f"... and {len(lines) - _SHOWN + 1} further brackets"]
    return [*lines, _total(resource, sum(map(_cost, brackets)), max_trials)]


def _begun(round_of_brackets: tuple[Bracket, ...], eta: int, max_trials: int) -> list[Bracket]:
    """Return the brackets that this many trials fill; the last of them may have fewer than its share."""
    brackets, left = [], max_trials
    for whole in cycle(round_of_brackets):
        few = halving(left, [rung.resource for rung in whole], eta)
        brackets.append(whole if left >= whole[0].size else few)
        left -= brackets[-1][0].size
        if not left:
            break
    return brackets


def _asynchronous(config: AshaConfig, resource: Resource, max_trials: int | None) -> list[str]:
    first, *above = rung_resources(resource.min, resource.max, config.eta)
    rule = f"every trial with {resource.unit} = {first}"
    if above:
        rule += f"; whoever is among the best 1/{config.eta} so far goes on, to {', '.join(map(str, above))}"
    if max_trials is None or not above:
        return [rule]
    cost = _cost(halving(max_trials, [first, *above], config.eta))
    return [rule, _total(resource, cost, max_trials, about="about ")]


def _total(resource: Resource, cost: int, trials: int, *, about: str = "") -> str:
    whole = f"{trials} whole training{'s take' if trials > 1 else ' takes'} {trials * resource.max}"
    return f"{resource.unit} in all: {about}{cost}, if trials go on from checkpoints; {whole}"


def _line(place: int, bracket: Bracket, unit: str) -> str:
    first, *rest = bracket
    begin = f"bracket {place}: {first.size} trial{'s' * (first.size > 1)} with {unit} = {first.resource}"
    return ", ".join([begin, *(f"the best {rung.size} with {rung.resource}" for rung in rest)])


def _cost(bracket: Bracket) -> int:
    """Return the resource that all trials of a bracket use together, given that they resume from checkpoints."""
    used, cost = 0, 0
    for rung in bracket:
        cost += rung.size * (rung.resource - used)
        used = rung.resource
    return cost
