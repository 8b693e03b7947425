"""From the config of a rule to the rule."""

from __future__ import annotations

from smtune.spec import AshaRuleConfig, EarlyStopping, Goal, MedianConfig, PlateauConfig
from smtune.stopping.asha import AshaRule
from smtune.stopping.base import NoRule, StoppingRule
from smtune.stopping.median import MedianRule
from smtune.stopping.plateau import PlateauRule


def build_rule(config: EarlyStopping, *, goal: Goal) -> StoppingRule:
    """Return a new rule that knows of no trials yet.

    Args:
        config: Which rule; ``None`` stops nothing.
        goal: Which way the objective is optimised.
    """
    if isinstance(config, MedianConfig):
        return MedianRule(goal=goal, min_trials=config.min_trials, min_reports=config.min_reports)
    if isinstance(config, PlateauConfig):
        return PlateauRule(goal=goal, patience=config.patience, min_change=config.min_change)
    if isinstance(config, AshaRuleConfig):
        return AshaRule(goal=goal, first=config.first, eta=config.eta, last=config.last)
    return NoRule()
