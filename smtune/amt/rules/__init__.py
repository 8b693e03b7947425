"""What must hold between the members of a request: rules that no single shape of the service model can say.

A rule is an entry of a table: its name, what it says, where that is written down, and a small function that yields
what it finds. All functions read requests through :mod:`smtune.amt.rules.reading`, which takes whatever was given, so
that a request with wrong types is still checked everywhere else.
"""

from smtune.amt.rules import channels, definitions, jobs, ranges, resources, strategies
from smtune.amt.rules.numbers import LIMITS, Limit
from smtune.amt.rules.rule import Finding, Rule
from smtune.amt.rules.training import TRAINING_RULES

RULES: tuple[Rule, ...] = (
    *jobs.RULES,
    *strategies.RULES,
    *ranges.RULES,
    *definitions.RULES,
    *channels.RULES,
    *resources.RULES,
)
"""All rules of tuning jobs; no two have the same name."""

__all__ = ["LIMITS", "RULES", "TRAINING_RULES", "Finding", "Limit", "Rule"]
