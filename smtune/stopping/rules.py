"""From the config of a rule to the rule."""

from __future__ import annotations

from smtune.spec import EarlyStopping, Goal, MedianConfig, PlateauConfig
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
    return NoRule()
